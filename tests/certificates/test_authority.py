"""The authority's files and certificates, judged by openssl."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates import (
    Authority,
    Revocation,
    check_possession,
    load_authority,
    make_authority,
    make_intermediate,
    new_passphrase_file,
    read_certificate,
    read_passphrase,
    read_request,
)
from oxygen.errors import Permanent, Rejected
from tests.certificates.openssl import new_key, new_request, openssl

NOW = datetime.now(UTC).replace(microsecond=0)
LIFE = timedelta(days=90)


class Made:
    """An authority on disk."""

    def __init__(self, folder: Path) -> None:
        self.root, self.online = folder / "root", folder / "online"
        self.root_secret, self.secret = folder / "root.pass", folder / "online.pass"
        new_passphrase_file(self.root_secret)
        new_passphrase_file(self.secret)
        make_authority(
            self.root,
            self.online,
            root_passphrase=read_passphrase(self.root_secret),
            passphrase=read_passphrase(self.secret),
            now=NOW,
        )

    def load(self) -> Authority:
        return load_authority(self.online, self.secret)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def client(made: Made, tmp_path: Path, name: str = "gw-a", life: timedelta = LIFE) -> Path:
    key = new_key(tmp_path / f"{name}.key")
    issued = made.load().issue_client(
        read_request(new_request(key, "service.ingest")), name, now=NOW, life=life
    )
    path = tmp_path / f"{name}.pem"
    path.write_text(issued.certificate + issued.chain, encoding="ascii")
    return path


def verify(made: Made, certificate: Path, *options: str) -> str:
    """Verify with the root alone as trust, the chain as the client sends it."""
    root = str(made.root / "root.pem")
    arguments = ("verify", "-x509_strict", "-CAfile", root, "-untrusted", str(certificate), *options)
    return openssl(*arguments, str(certificate), check=False)


def test_a_clients_certificate_is_vouched_for_by_the_root_for_clients_only(
    made: Made, tmp_path: Path
) -> None:
    certificate = client(made, tmp_path)

    assert ": OK" in verify(made, certificate, "-purpose", "sslclient")
    assert "unsuitable certificate purpose" in verify(made, certificate, "-purpose", "sslserver")


def test_the_name_is_ours_not_the_one_asked_for(made: Made, tmp_path: Path) -> None:
    text = openssl("x509", "-in", str(client(made, tmp_path)), "-noout", "-subject")

    assert "CN = gw-a" in text.replace("CN=", "CN = ")
    assert "service.ingest" not in text


def test_a_certificate_lasts_as_long_as_asked_but_never_longer_than_its_authority(
    made: Made, tmp_path: Path
) -> None:
    day = 86_400
    short = openssl(
        "x509", "-in", str(client(made, tmp_path)), "-noout", "-checkend", str(91 * day), check=False
    )
    long = client(made, tmp_path, "gw-b", timedelta(days=36_500))
    until = openssl("x509", "-in", str(long), "-noout", "-enddate")
    authority = openssl("x509", "-in", str(made.online / "intermediate.pem"), "-noout", "-enddate")

    assert "will expire" in short
    assert until == authority


def test_a_client_cannot_sign_for_others(made: Made, tmp_path: Path) -> None:
    text = openssl("x509", "-in", str(client(made, tmp_path)), "-noout", "-text")

    assert "CA:FALSE" in text
    assert "Certificate Sign" not in text


def test_a_servers_certificate_names_hosts_and_addresses(made: Made, tmp_path: Path) -> None:
    request = read_request(new_request(new_key(tmp_path / "broker.key")))
    issued = made.load().issue_server(request, ["broker.example", "127.0.0.1"], now=NOW, life=LIFE)
    path = tmp_path / "broker.pem"
    path.write_text(issued.certificate + issued.chain, encoding="ascii")

    assert ": OK" in verify(made, path, "-purpose", "sslserver", "-verify_hostname", "broker.example")
    assert ": OK" in verify(made, path, "-purpose", "sslserver", "-verify_ip", "127.0.0.1")
    assert "mismatch" in verify(made, path, "-verify_hostname", "other.example")


def test_what_is_revoked_is_refused_by_whoever_looks_at_the_list(made: Made, tmp_path: Path) -> None:
    revoked, standing = client(made, tmp_path, "gw-a"), client(made, tmp_path, "gw-b")
    known, _ = read_certificate(revoked.read_text(encoding="ascii"))
    entry = Revocation(known.serial, round(NOW.timestamp()) * 1_000_000)
    path = tmp_path / "revoked.pem"
    path.write_bytes(made.load().revocation_list([entry], now=NOW))
    looking = ("-crl_check", "-CRLfile", str(path))

    assert "certificate revoked" in verify(made, revoked, *looking)
    assert ": OK" in verify(made, standing, *looking)


def test_private_keys_are_encrypted_and_closed_to_others(made: Made) -> None:
    for key in (made.root / "root.key", made.online / "intermediate.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert "BEGIN ENCRYPTED PRIVATE KEY" in key.read_text(encoding="ascii")
    assert stat.S_IMODE(made.online.stat().st_mode) == 0o700
    assert not (made.online / "root.key").exists()


def test_nothing_is_ever_overwritten(made: Made) -> None:
    before = (made.root / "root.key").read_bytes()
    with pytest.raises(Permanent) as caught:
        make_authority(made.root, made.online, root_passphrase=b"x" * 16, passphrase=b"y" * 16, now=NOW)

    assert caught.value.code == "file_exists"
    assert (made.root / "root.key").read_bytes() == before


def test_the_root_makes_another_intermediate(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "second"
    make_intermediate(
        made.root,
        other,
        root_passphrase=read_passphrase(made.root_secret),
        passphrase=read_passphrase(made.secret),
        now=NOW,
    )
    made.online = other

    assert ": OK" in verify(made, client(made, tmp_path), "-purpose", "sslclient")


def _open_key(made: Made) -> None:
    (made.online / "intermediate.key").chmod(0o640)


def _open_passphrase(made: Made) -> None:
    made.secret.chmod(0o644)


def _short_passphrase(made: Made) -> None:
    made.secret.write_text("short\n", encoding="ascii")


def _wrong_passphrase(made: Made) -> None:
    made.secret.write_text("not the right passphrase\n", encoding="ascii")


def _no_key(made: Made) -> None:
    (made.online / "intermediate.key").unlink()


def _other_certificate(made: Made) -> None:
    (made.online / "intermediate.pem").write_bytes((made.root / "root.pem").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_open_key, "secret_open_to_others"),
        (_open_passphrase, "secret_open_to_others"),
        (_short_passphrase, "bad_passphrase"),
        (_wrong_passphrase, "unreadable_file"),
        (_no_key, "unreadable_file"),
        (_other_certificate, "wrong_authority_key"),
    ],
)
def test_an_authority_that_is_not_in_order_is_not_opened(
    made: Made, spoil: Callable[[Made], None], code: str
) -> None:
    spoil(made)
    with pytest.raises(Permanent) as caught:
        made.load()

    assert caught.value.code == code


def test_a_request_that_its_key_did_not_sign_is_refused(tmp_path: Path) -> None:
    request = new_request(new_key(tmp_path / "a.key"))
    lines = request.splitlines()
    body = lines[-2]
    lines[-2] = body[:-12] + body[-11:-4] + body[-12] + body[-4:]
    with pytest.raises(Rejected) as caught:
        read_request("\n".join(lines))

    assert caught.value.code == "bad_certificate_request"


@pytest.mark.parametrize(
    "algorithm",
    [("RSA", "rsa_keygen_bits:1024"), ("EC", "ec_paramgen_curve:secp224r1"), ("ED25519", "")],
)
def test_weak_and_unusual_keys_are_refused(tmp_path: Path, algorithm: tuple[str, str]) -> None:
    key = tmp_path / "key"
    options = ("-pkeyopt", algorithm[1]) if algorithm[1] else ()
    openssl("genpkey", "-algorithm", algorithm[0], *options, "-out", str(key))
    with pytest.raises(Rejected) as caught:
        read_request(new_request(key))

    assert caught.value.code == "bad_certificate_request"


@pytest.mark.parametrize("text", ["", "x" * 20_000, "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n", "ô", "\0"])
def test_nonsense_is_refused_not_fatal(text: str) -> None:
    with pytest.raises(Rejected):
        read_request(text)
    with pytest.raises(Rejected):
        read_certificate(text)


def test_only_the_holder_of_the_key_can_renew(made: Made, tmp_path: Path) -> None:
    _, key = read_certificate(client(made, tmp_path).read_text(encoding="ascii"))
    with pytest.raises(Rejected) as caught:
        check_possession(key, b"\x30\x06\x02\x01\x01\x02\x01\x01", b"request")

    assert caught.value.code == "bad_signature"
