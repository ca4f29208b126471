"""The documents lead somewhere: links, anchors and the files and folders that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.gates.source_tree import ROOT, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"`((?:[a-z_]+/)+[\w.-]*\.(?:py|toml|md|sql|sh|html|po|json|yaml))`")


def anchors(text: str) -> set[str]:
    """Return the anchors that the headings of a page make."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(plain)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that the file has."""
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        leads = target.exists() and (not anchor or anchor in anchors(target.read_text(encoding="utf-8")))
        if not leads:
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    """Files in backquotes with their folder, whole or from the room that the page speaks of."""
    known = [file.relative_to(ROOT).as_posix() for file in tracked_files()]
    named = _PLACE.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in known)] == []
