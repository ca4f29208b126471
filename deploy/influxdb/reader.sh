#!/bin/sh
# Makes the token with which Grafana reads, once: whoever may look at a dashboard can have Grafana ask anything
# of its data source, so it must not hold the token that ingest writes with.
set -eu
token_file=/run/reader/influx_read_token
if [ -s "$token_file" ]; then
    exit 0
fi
answer=$(influx auth create --json --host http://influxdb:8086 --org oxywatch \
    --token "$(cat /run/secrets/influx_token)" --read-buckets --description "Grafana reads")
token=$(printf '%s\n' "$answer" | sed -n 's/^.*"token": *"\([^"]*\)".*$/\1/p')
if [ -z "$token" ]; then
    echo "InfluxDB made no token; it answered: $(printf '%s' "$answer" | head -c 200)" >&2
    exit 1
fi
printf '%s' "$token" > "$token_file.new"
chmod 444 "$token_file.new"
mv "$token_file.new" "$token_file"
