"""Settings of the pages and the JSON interface."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from api.enrolment import EnrolmentSettings


class ApiSettings(BaseModel):
    """How the web server listens and how patient its pages are; an unknown key is refused.

    Attributes:
        host, port: Where to listen; port 0 lets the kernel choose.
        secure_cookies: Send cookies over HTTPS only. Set it wherever TLS ends in front of this server.
        trusted_proxies: Addresses whose X-Forwarded-For is believed; none by default.
        require_second_factor: Accounts whose roles need one have to enrol an authenticator first of all.
        session_lifetime_s: How long a sign-in lasts.
        silence_s: A page that heard nothing for so long says that the connection is lost.
        keepalive_s: A stream says at least this often that it is alive.
        poll_s: New status rows are looked for at least this often.
        overdue_s: A status older than this is shown as old, whatever it says of itself: ingest writes one at
            least every 60 s, so an older one means that nobody is working it out.
        page_poll_s: How often a page asks when it cannot have a stream.
        max_points: Most points that one series answer may have.
        max_body_bytes: Largest request body.
        shutdown_s: How long open streams may take to end at a stop.
        gateway_silent_after_s: A gateway whose own account is older than this counts as silent.
        enrolment: The online authority; without it this process admits no gateways.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    secure_cookies: bool = False
    trusted_proxies: tuple[str, ...] = ()
    require_second_factor: bool = True
    session_lifetime_s: float = Field(default=12 * 3600, gt=0)
    silence_s: float = Field(default=30.0, gt=0)
    keepalive_s: float = Field(default=10.0, gt=0)
    poll_s: float = Field(default=1.0, gt=0)
    overdue_s: float = Field(default=180.0, gt=0)
    page_poll_s: float = Field(default=5.0, gt=0)
    max_points: int = Field(default=2000, ge=10, le=20_000)
    max_body_bytes: int = Field(default=256 * 1024, ge=1024)
    shutdown_s: float = Field(default=3.0, gt=0)
    gateway_silent_after_s: float = Field(default=60.0, gt=0)
    enrolment: EnrolmentSettings | None = None
