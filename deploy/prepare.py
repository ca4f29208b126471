"""Makes what docker-compose.yml needs and no repository may hold: passwords, certificates, broker roles.

    python3 deploy/prepare.py                                        once, before the first start
    python3 deploy/prepare.py --demo                                 also for the simulated hospitals
    python3 deploy/prepare.py --host oxy.example.org                 the broker is reached by this name too
    python3 deploy/prepare.py --gateway bv-cho-ray/gw-cho-ray-1      one more gateway
    python3 deploy/prepare.py --remove-gateway gw-cho-ray-1          it may not publish any more

Safe to repeat: what is there stays, certificates that end soon are made anew. Needs Python 3.9 and openssl,
and nothing of OxyWatch.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
CODE = re.compile(r"[a-z0-9-]{1,32}")
HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
SERVICES = ("ingest", "alerts", "jobs", "api", "health")
PASSWORDS = (
    "postgres_password",
    "records_password",
    "grafana_records_password",
    "influx_password",
    "influx_token",
    "grafana_admin_password",
    "administrator_password",
)
BROKER_NAMES = ("mosquitto", "localhost", "127.0.0.1", "simulator")
DEMO = {
    "gw-cho-lon": "bv-cho-lon",
    "gw-binh-thanh": "bv-binh-thanh",
    "gw-thu-duc": "bv-thu-duc",
    "gw-can-gio": "bv-can-gio",
}
AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 825
RENEW_BEFORE_S = 60 * 86_400

_REQUEST = """[req]
prompt = no
distinguished_name = name
x509_extensions = authority
[name]
O = OxyWatch
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
_LEAF = """basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class PrepareError(Exception):
    """Something cannot be made; the text says what to do."""


# ---- topics and roles --------------------------------------------------------------------------------------


def service_user(service: str) -> str:
    """Return a service's name at the broker; the dot keeps it apart from every gateway's code."""
    return f"service.{service}"


def send(*topics: str) -> list[tuple[str, str]]:
    """Return the grants to publish on topics."""
    return [("publishClientSend", topic) for topic in topics]


def receive(*filters: str) -> list[tuple[str, str]]:
    """Return the grants to subscribe to exactly these filters and to be sent what matches them."""
    return [(kind, topic) for topic in filters for kind in ("subscribeLiteral", "publishClientReceive")]


def gateway_grants(shard: str, facility: str, gateway: str) -> list[tuple[str, str]]:
    """Return what one gateway may do: its own topics, without a wildcard."""
    own = f"oxy/1/{shard}/{facility}/gw/{gateway}"
    return [
        *send(*(f"{own}/{leaf}" for leaf in ("samples", "state", "config-state", "alarm"))),
        *receive(*(f"{own}/{leaf}" for leaf in ("ack", "request", "config"))),
        *receive(f"oxy/1/{shard}/{facility}/watch"),
    ]


def service_grants(shard: str) -> dict[str, list[tuple[str, str]]]:
    """Return what each program of the centre may do."""
    statuses = "oxy/1/+/+/subject/+/+/status"
    return {
        "ingest": [
            *receive(*(f"oxy/1/{shard}/+/gw/+/{leaf}" for leaf in ("samples", "state", "config-state"))),
            *send(f"oxy/1/{shard}/+/gw/+/ack", f"oxy/1/{shard}/+/gw/+/request"),
            *send(f"oxy/1/{shard}/+/subject/+/+/status", "oxy/1/system/ingest/+"),
        ],
        "alerts": [*receive(statuses), *send("oxy/1/+/+/watch", "oxy/1/system/alerts/+")],
        "jobs": [
            *send("oxy/1/system/jobs/+", "$CONTROL/dynamic-security/v1"),
            *receive("$CONTROL/dynamic-security/v1/response"),
        ],
        "api": [*receive(statuses), *send("oxy/1/+/+/gw/+/config")],
        "health": send("oxy/1/system/mosquitto/health"),
    }


def dynamic_security(shard: str, gateways: dict[str, str]) -> dict[str, object]:
    """Return the content of the dynamic-security plugin's file; nobody in it has a password.

    Args:
        shard: Of all gateways.
        gateways: Gateway code to facility code.
    """
    grants = {service_user(name): rights for name, rights in service_grants(shard).items()}
    for gateway, facility in sorted(gateways.items()):
        grants[gateway] = gateway_grants(shard, facility, gateway)
    kinds = ("publishClientSend", "publishClientReceive", "subscribe")
    return {
        "defaultACLAccess": {**dict.fromkeys(kinds, False), "unsubscribe": True},
        "clients": [
            {"username": user, "clientid": user, "roles": [{"rolename": f"role.{user}"}]} for user in grants
        ],
        "groups": [],
        "roles": [
            {
                "rolename": f"role.{user}",
                "acls": [{"acltype": kind, "topic": topic, "allow": True} for kind, topic in rights],
            }
            for user, rights in grants.items()
        ],
    }


# ---- files -------------------------------------------------------------------------------------------------


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file in one go.

    The folder above is closed to everybody else; the file itself is readable, for a container's own user has
    another number than whoever runs this.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    beside.chmod(mode)
    beside.replace(path)


def make_passwords(folder: Path) -> None:
    """Make every password and token that is not there yet."""
    for name in PASSWORDS:
        if not (folder / name).exists():
            write(folder / name, secrets.token_urlsafe(24))


def openssl(*arguments: str) -> str:
    """Run openssl and return what it printed. Raises PrepareError."""
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PrepareError("openssl is not installed; on Debian or Ubuntu: apt-get install openssl") from None
    if done.returncode:
        raise PrepareError(f"openssl {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


def new_key() -> str:
    """Return a new private key, PEM."""
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def make_authority(folder: Path) -> None:
    """Make the authority that vouches for the broker and for every client, unless it is there."""
    if (folder / "ca.pem").exists() and (folder / "ca.key").exists():
        return
    write(folder / "ca.key", new_key(), 0o600)
    with tempfile.TemporaryDirectory() as work:
        Path(work, "name").write_text(_REQUEST.format(name="OxyWatch CA"), encoding="utf-8")
        made = openssl(
            *("req", "-x509", "-new", "-config", f"{work}/name", "-days", str(AUTHORITY_DAYS)),
            *("-key", str(folder / "ca.key")),
        )
    write(folder / "ca.pem", made)


def make_certificate(folder: Path, file_name: str, name: str, alternatives: list[str]) -> bool:
    """Make key and certificate `file_name`.key and .pem for `name`, unless they serve on; tell whether made.

    With `alternatives` (DNS names and addresses) it is a server's, without a client's.
    """
    certificate, key = folder / f"{file_name}.pem", folder / f"{file_name}.key"
    wanted = {f"{'IP Address' if is_address(item) else 'DNS'}:{item}" for item in alternatives}
    if certificate.exists() and key.exists() and still_serves(certificate, wanted):
        return False
    extensions = _LEAF.format(usage="serverAuth" if alternatives else "clientAuth")
    if alternatives:
        kinds = (f"{'IP' if is_address(item) else 'DNS'}:{item}" for item in alternatives)
        extensions += f"subjectAltName = {', '.join(kinds)}\n"
    with tempfile.TemporaryDirectory() as work:
        for part, text in (("name", _REQUEST.format(name=name)), ("ext", extensions), ("key", new_key())):
            Path(work, part).touch(mode=0o600)
            Path(work, part).write_text(text, encoding="utf-8")
        request = ("req", "-new", "-config", f"{work}/name", "-key", f"{work}/key", "-out", f"{work}/request")
        openssl(*request)
        made = openssl(
            *("x509", "-req", "-in", f"{work}/request", "-extfile", f"{work}/ext"),
            *("-CA", str(authority(folder) / "ca.pem"), "-CAkey", str(authority(folder) / "ca.key")),
            *("-days", str(CERTIFICATE_DAYS), "-set_serial", f"0x{secrets.token_hex(16)}"),
        )
        write(key, Path(work, "key").read_text(encoding="utf-8"))
    write(certificate, made)
    return True


def authority(folder: Path) -> Path:
    """Return the folder that holds the authority: the gateways' stand one deeper."""
    return folder if (folder / "ca.key").exists() else folder.parent


def is_address(text: str) -> bool:
    """Tell whether a name is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def still_serves(certificate: Path, wanted: set[str]) -> bool:
    """Tell whether a certificate lasts a while yet and names all that it has to."""
    text = openssl("x509", "-in", str(certificate), "-noout", "-text")
    found = {item.strip() for item in re.findall(r"(?:DNS|IP Address):[^,\s]+", text)}
    ends = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-noout", "-checkend", str(RENEW_BEFORE_S)],
        capture_output=True,
        check=False,
    )
    return ends.returncode == 0 and wanted <= found


# ---- the whole ---------------------------------------------------------------------------------------------


def read_state(folder: Path, shard: str | None) -> dict[str, object]:
    """Return what earlier calls were told. Raises PrepareError when the shard is to change."""
    path = folder / "installation.json"
    if not path.exists():
        return {"shard": shard or "hcm", "hosts": [], "gateways": {}}
    state = json.loads(path.read_text(encoding="utf-8"))
    if shard not in (None, state["shard"]):
        raise PrepareError(f"the shard is {state['shard']}; it is never renamed, {shard} would be another")
    return dict(state)


def changed(state: dict[str, object], options: argparse.Namespace) -> dict[str, object]:
    """Return the state with what this call adds and takes away. Raises PrepareError."""
    gateways = dict(state["gateways"])  # type: ignore[call-overload]
    if options.demo:
        gateways.update(DEMO)
    for text in options.gateway:
        facility, _, gateway = text.partition("/")
        if not (CODE.fullmatch(facility) and CODE.fullmatch(gateway)):
            raise PrepareError(f"--gateway {text}: expected FACILITY/GATEWAY, each of a-z, 0-9 and -")
        if gateways.setdefault(gateway, facility) != facility:
            raise PrepareError(f"gateway {gateway} belongs to {gateways[gateway]}; codes are unique")
    for gateway in options.remove_gateway:
        if gateways.pop(gateway, None) is None:
            raise PrepareError(f"--remove-gateway {gateway}: there is no such gateway")
    hosts = [*state["hosts"]]  # type: ignore[misc]
    for host in options.host:
        if not HOST.fullmatch(host):
            raise PrepareError(f"--host {host}: expected a host name or an address")
        hosts += [host] if host not in hosts else []
    return {"shard": state["shard"], "hosts": hosts, "gateways": gateways}


def prepare(options: argparse.Namespace) -> list[str]:
    """Make all of it below `options.out`; return what was made, in words. Raises PrepareError."""
    folder = options.out
    (folder / "gateways").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    state = changed(read_state(folder, options.shard), options)
    shard, gateways = str(state["shard"]), dict(state["gateways"])  # type: ignore[call-overload]
    make_passwords(folder)
    make_authority(folder)
    hosts = [*BROKER_NAMES, *state["hosts"]]  # type: ignore[misc]
    made = ["broker"] if make_certificate(folder, "broker", "mosquitto", hosts) else []
    made += [name for name in SERVICES if make_certificate(folder, name, service_user(name), [])]
    made += [code for code in sorted(gateways) if make_certificate(folder / "gateways", code, code, [])]
    for code in options.remove_gateway:
        for end in ("key", "pem"):
            (folder / "gateways" / f"{code}.{end}").unlink(missing_ok=True)
    write(folder / "gateways" / "ca.pem", (folder / "ca.pem").read_text(encoding="utf-8"))
    roles = json.dumps(dynamic_security(shard, gateways), indent=1)
    write(folder / "dynamic-security.json", roles + "\n")
    write(folder / "installation.json", json.dumps(state, indent=1) + "\n")
    return made


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DEPLOY / "secrets", help="where it all goes")
    parser.add_argument("--shard", help="first call only; default hcm")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="further name of the broker"
    )
    parser.add_argument("--demo", action="store_true", help="the simulated hospitals' gateways")
    parser.add_argument("--gateway", action="append", default=[], metavar="FACILITY/GATEWAY")
    parser.add_argument("--remove-gateway", action="append", default=[], metavar="GATEWAY")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run; return the exit code: 0, or 2 when something cannot be made."""
    options = options_of(arguments)
    try:
        made = prepare(options)
    except PrepareError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(
        f"{options.out}: certificates made: {', '.join(made) or 'none, all serve on'}\n"
        f"The administrator's one-time password is in {options.out / 'administrator_password'}\n"
        "A running broker takes new roles at its next start: docker compose restart mosquitto\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
