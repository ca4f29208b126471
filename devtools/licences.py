"""The licences of what is installed beside OxyWatch, written into docs/licences.md.

Runs in .venv: the names come from the lock, the licences from the installed packages' own metadata.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata

from devtools.terminal import ROOT, Stop

PAGE = ROOT / "docs" / "licences.md"
BEGIN, END = "<!-- begin: runtime packages -->", "<!-- end: runtime packages -->"
# Locked for other systems, and so not installed everywhere.
ELSEWHERE = {"colorama": "BSD-3-Clause"}


def locked_names(kind: str = "runtime") -> list[str]:
    """Return the names in a lock, in its order, each once."""
    text = (ROOT / "requirements" / f"{kind}.txt").read_text(encoding="utf-8")
    return list(dict.fromkeys(re.findall(r"^([a-z0-9][^\s=\[]*)(?:\[[^\]]*\])?==", text, re.MULTILINE)))


def licence_of(name: str) -> str:
    """Return the licence that a package declares. Raises Stop when it is not installed or declares none."""
    try:
        declared = metadata(name)
    except PackageNotFoundError:
        if name in ELSEWHERE:
            return ELSEWHERE[name]
        raise Stop(f"{name} is locked, but not installed here: add its licence to ELSEWHERE") from None
    for field in ("License-Expression", "License"):
        values: list[str] = declared.get_all(field) or [""]
        text = values[0].strip()
        if text and "\n" not in text:
            return text
    named = [text.split(" :: ")[-1] for text in declared.get_all("Classifier") or [] if "License ::" in text]
    if not named:
        raise Stop(f"{name} declares no licence: look it up before it is locked")
    return ", ".join(text for text in named if text != "OSI Approved")


def table() -> str:
    """Return the Markdown table of the runtime lock."""
    rows = [f"| {name} | {licence_of(name)} |" for name in locked_names()]
    return "\n".join(["| package | licence |", "| --- | --- |", *rows])


def write_page() -> None:
    """Replace the table in docs/licences.md. Raises Stop when its marks are missing."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise Stop(f"{PAGE.name} needs the marks {BEGIN} and {END} around its table")
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_page()
