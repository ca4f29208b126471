"""Writes the dashboards and the provisioning, ready to be mounted into Grafana."""

from __future__ import annotations

import json
from pathlib import Path

from grafana.dashboards import ALL
from grafana.post import modern
from grafana.provisioning import FILES


def contents() -> dict[str, str]:
    """Return every file by its path below the folder that is built; the same at every call."""
    files = dict(FILES)
    for make in ALL:
        dashboard = modern(make())
        text = json.dumps(dashboard, ensure_ascii=False, indent=1, sort_keys=True)
        files[f"dashboards/{dashboard['uid']}.json"] = text + "\n"
    return files


def build(out_dir: Path) -> list[Path]:
    """Write `dashboards/*.json`, `provisioning/*/*.yaml` and `records-reader.sql` below `out_dir`.

    Makes folders where they are missing and removes dashboards of an earlier build that are no longer made.
    Returns what was written. Raises OSError when the folder cannot be written.
    """
    files = contents()
    written = []
    for name, text in sorted(files.items()):
        path = out_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    for path in (out_dir / "dashboards").glob("oxywatch-*.json"):
        if path not in written:
            path.unlink()
    return written
