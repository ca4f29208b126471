"""Administrative units as values."""

from __future__ import annotations

import msgspec


class Unit(msgspec.Struct, frozen=True):
    """A province, district, ward or whatever a level is called, as long as it holds.

    Official codes are given anew to other areas (15 was Yên Bái, and is Lào Cai since July 2025); `code` is
    ours and is not: a unit that takes an official code over is called `15-2025`.

    Attributes:
        level: A code such as `province`; levels come with the data, none is known to the programs.
        kind: The unit's own kind within its level, such as `quan` or `thi-xa`.
        parent: Code of the unit above, or None for one of the uppermost.
        valid_from: First day on which it holds, YYYY-MM-DD.
        valid_to: First day on which it no longer holds, or None.
        successors: Codes of the units that took its area over.
        source: The decision or data that it is known from.
    """

    code: str
    level: str
    kind: str
    name_vi: str
    name_en: str
    valid_from: str
    parent: str | None = None
    valid_to: str | None = None
    official_code: str = ""
    successors: tuple[str, ...] = ()
    source: str = ""
    version: int = 0

    def holds(self, on: str) -> bool:
        """Tell whether the unit exists on a day."""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


class Closing(msgspec.Struct, frozen=True):
    """The end of every unit of a level that still holds on that day."""

    level: str
    valid_to: str
    source: str


class UnitFile(msgspec.Struct, frozen=True):
    """What a file of units says, in its order."""

    units: tuple[Unit, ...] = ()
    closings: tuple[Closing, ...] = ()


class UnitImport(msgspec.Struct, frozen=True):
    """What an import did; a closed unit counts as changed too."""

    added: int
    changed: int
    unchanged: int
    closed: int
