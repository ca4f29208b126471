# One image for every program of OxyWatch; the command tells which:
#
#     docker build -t oxywatch .
#     docker run --rm oxywatch --help

FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/oxywatch
COPY requirements/runtime.txt requirements/
RUN /opt/oxywatch/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY . .
# The build hook fetches the front-end assets by their lock, with a Node of its own.
RUN /opt/oxywatch/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && /opt/oxywatch/bin/pip install --no-cache-dir --no-deps --no-index /wheels/oxywatch-*.whl

FROM python:3.13-slim
RUN groupadd --system --gid 10001 oxywatch \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/oxywatch --shell /usr/sbin/nologin oxywatch \
 && install -d -o oxywatch -g oxywatch -m 0700 /var/lib/oxywatch
COPY --from=build /opt/oxywatch /opt/oxywatch
COPY deploy/image/alive.sh /usr/local/bin/alive.sh
ENV PATH=/opt/oxywatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER oxywatch
WORKDIR /var/lib/oxywatch
ENTRYPOINT ["oxywatch"]
CMD ["--help"]
