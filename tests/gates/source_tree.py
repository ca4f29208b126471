"""The files that git tracks or would track, and what they hold."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return files that are tracked, or new and not ignored, and exist."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = {ROOT / name for name in done.stdout.split("\0") if name}
    return tuple(sorted(path for path in paths if path.is_file()))


def text_files() -> Iterator[tuple[Path, str]]:
    """Yield every tracked file that is UTF-8 text, with its text."""
    for path in tracked_files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def python_files() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every tracked Python file with its syntax tree."""
    for path in tracked_files():
        if path.suffix == ".py":
            yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def shown(path: Path, line: int) -> str:
    """Return path:line, relative to the root."""
    return f"{path.relative_to(ROOT)}:{line}"
