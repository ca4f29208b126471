"""openssl as a gateway's technician has it: makes keys, requests and signatures without our code."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path


def openssl(*arguments: str, check: bool = True) -> str:
    """Run openssl and return what it printed."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")
    return done.stdout + done.stderr


def new_key(path: Path, curve: str = "P-256") -> Path:
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", str(path))
    return path


def new_request(key: Path, name: str = "anything") -> str:
    return openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}")


def signature(key: Path, request: str, folder: Path) -> str:
    """Return the base64 signature of a request's DER bytes, as a renewal needs it."""
    pem, der, signed = folder / "request.pem", folder / "request.der", folder / "signature"
    pem.write_text(request, encoding="ascii")
    openssl("req", "-in", str(pem), "-outform", "DER", "-out", str(der))
    openssl("dgst", "-sha256", "-sign", str(key), "-out", str(signed), str(der))
    return base64.b64encode(signed.read_bytes()).decode()
