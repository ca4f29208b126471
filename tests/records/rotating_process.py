"""Rotates master keys and stops half-way for ever; run by tests as a process of its own: URL KEY_FILE."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from records import personal
from tests.records.keys import with_keys


def _stop_half_way(done: int, total: int) -> None:
    if total and done * 2 >= total:
        sys.stdout.write("half\n")
        sys.stdout.flush()
        time.sleep(3600)


async def _main(url: str, path: Path) -> None:
    database = with_keys(url, path)
    await personal.rotate(
        database, path, backup=None, actor="console", clock=lambda: 55, progress=_stop_half_way, batch=5
    )


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
