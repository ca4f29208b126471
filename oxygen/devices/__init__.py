"""Register maps of instruments: data, loaded and checked.

A profile says where a module keeps its values and in which order it sends the bytes of one. It never says
how to write: no profile holds a function that changes the instrument.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from oxygen.errors import BadConfiguration
from oxygen.toml_file import TomlFile, convert, read_toml

ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
PointType = Literal["u16", "i16", "u32", "i32", "f32", "bit"]
Provenance = Literal["documented", "bench", "site"]
StatusMeaning = Literal["ok", "burnout", "over_range", "under_range"]

REGISTERS_PER_TYPE: dict[str, int] = {"bit": 1, "u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2}
_BIT_FUNCTIONS = (1, 2)


class Point(msgspec.Struct, frozen=True):
    """One value of an instrument.

    Attributes:
        name: As `channel0_ma`; unique in the profile.
        function: Modbus function that reads it: 1 coils, 2 discrete inputs, 3 holding, 4 input registers.
        address: As the maker counts, see `DeviceProfile.address_base`.
        type: How the registers are to be read.
        scale: Engineering value = raw · scale + offset.
        offset: See `scale`.
        unit: Of the engineering value; empty for a status or a setting.
        saturates_low: Raw value at which the module can say no more downwards; None without such an end.
        saturates_high: The same upwards.
        status: Name of the point that tells the module's own verdict on this one; empty when there is none.
        status_codes: Of a status point: the meaning of each raw value. A value not listed is a fault.
    """

    name: str
    function: Literal[1, 2, 3, 4]
    address: int
    type: PointType
    scale: float
    offset: float
    unit: str
    saturates_low: float | None
    saturates_high: float | None
    status: str
    status_codes: dict[int, StatusMeaning]

    @property
    def register_count(self) -> int:
        """Registers (or bits) that the value takes."""
        return REGISTERS_PER_TYPE[self.type]


class GoldenVector(msgspec.Struct, frozen=True):
    """Registers as a real module would answer, and what they mean.

    Attributes:
        registers: (function, first address on the wire) -> consecutive words.
        expected: Engineering value by point name.
        note: What the vector shows.
    """

    registers: dict[tuple[int, int], list[int]]
    expected: dict[str, float]
    note: str

    def words(self) -> dict[tuple[int, int], int]:
        """Return the registers one by one: (function, address on the wire) -> word."""
        return {
            (function, start + index): word
            for (function, start), words in self.registers.items()
            for index, word in enumerate(words)
        }


class DeviceProfile(msgspec.Struct, frozen=True):
    """The register map of one model.

    Attributes:
        name: Name of the file without its suffix.
        vendor: Maker.
        model: Model as the maker writes it.
        protocol: Always "modbus" so far.
        provenance: How sure the map is: read in a document, tried on a bench, or proven on a site.
        source: Where the map was read.
        byte_order: Order of the bytes of a 32-bit value; "ABCD" sends the high word and the high byte first.
        address_base: 1 when the maker counts the first register as 1, 0 when as 0.
        points: Every value of the module that the project may read.
        golden: Examples that a decoder must read right.
    """

    name: str
    vendor: str
    model: str
    protocol: Literal["modbus"]
    provenance: Provenance
    source: str
    byte_order: ByteOrder
    address_base: Literal[0, 1]
    points: tuple[Point, ...]
    golden: tuple[GoldenVector, ...]

    def point(self, name: str) -> Point | None:
        """Return the point of that name, or None."""
        return next((point for point in self.points if point.name == name), None)

    def wire_address(self, point: Point) -> int:
        """Return the address of a point as it stands in a Modbus request (zero-based)."""
        return point.address - self.address_base


class _PointTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    function: Literal[1, 2, 3, 4]
    address: int
    type: PointType
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    saturates_low: float | None = None
    saturates_high: float | None = None
    status: str = ""
    status_codes: dict[str, StatusMeaning] = {}


class _GoldenTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    registers: dict[str, list[int]]
    expected: dict[str, float]
    note: str


class _ProfileTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    vendor: str
    model: str
    protocol: Literal["modbus"]
    provenance: Provenance
    source: str
    byte_order: ByteOrder
    address_base: Literal[0, 1]
    points: list[_PointTable]
    golden: list[_GoldenTable]


def names() -> list[str]:
    """Return the names of all profiles that ship with the project, sorted."""
    folder = resources.files(__name__)
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load(name: str) -> DeviceProfile:
    """Return the profile of that name.

    Raises:
        BadConfiguration: There is no such profile, or its file is wrong; the caller stops.
    """
    known = names()
    if name not in known:
        raise BadConfiguration(
            file="oxygen/devices",
            line=None,
            key="device",
            found=repr(name),
            expected="one of " + ", ".join(known),
        )
    with resources.as_file(resources.files(__name__) / f"{name}.toml") as path:
        return load_file(path)


def load_file(path: Path) -> DeviceProfile:
    """Return the profile written in a file.

    Raises:
        BadConfiguration: With file, line and key; the caller stops.
    """
    file = read_toml(path)
    table = convert(file, _ProfileTable)
    _require(file, table.name == path.stem, "name", repr(table.name), f"{path.stem!r}, the name of the file")
    points = _points(table, file)
    golden = tuple(
        _golden(entry, f"golden[{index}]", points, file) for index, entry in enumerate(table.golden)
    )
    profile = DeviceProfile(
        name=table.name,
        vendor=table.vendor,
        model=table.model,
        protocol=table.protocol,
        provenance=table.provenance,
        source=table.source,
        byte_order=table.byte_order,
        address_base=table.address_base,
        points=points,
        golden=golden,
    )
    _check_golden_covers(profile, file)
    return profile


def _require(file: TomlFile, holds: bool, key: str, found: str, expected: str) -> None:
    if not holds:
        raise file.problem(key, found=found, expected=expected)


def _points(table: _ProfileTable, file: TomlFile) -> tuple[Point, ...]:
    points: list[Point] = []
    for index, entry in enumerate(table.points):
        key = f"points[{index}]"
        names_before = {point.name for point in points}
        _require(
            file, entry.name not in names_before, f"{key}.name", repr(entry.name), "a name not used before"
        )
        points.append(_point(entry, key, table.address_base, file))
    by_name = {point.name: point for point in points}
    for index, point in enumerate(points):
        if point.status:
            target = by_name.get(point.status)
            _require(
                file,
                target is not None and bool(target.status_codes),
                f"points[{index}].status",
                repr(point.status),
                "the name of a point that has status_codes",
            )
    return tuple(points)


def _point(entry: _PointTable, key: str, base: int, file: TomlFile) -> Point:
    last = base + 65536 - REGISTERS_PER_TYPE[entry.type]
    _require(
        file,
        base <= entry.address <= last,
        f"{key}.address",
        str(entry.address),
        f"{base} to {last} (address_base {base})",
    )
    reads_bits = entry.function in _BIT_FUNCTIONS
    _require(
        file,
        reads_bits == (entry.type == "bit"),
        f"{key}.type",
        f"{entry.type!r} with function {entry.function}",
        '"bit" with functions 1 and 2, another type with 3 and 4',
    )
    _require(file, entry.scale != 0, f"{key}.scale", "0", "a number other than 0")
    codes: dict[int, StatusMeaning] = {}
    for code, meaning in entry.status_codes.items():
        _require(file, code.isdecimal(), f"{key}.status_codes", repr(code), "whole numbers as keys")
        codes[int(code)] = meaning
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "status_codes"}
    return Point(**fields, status_codes=codes)


def _golden(entry: _GoldenTable, key: str, points: tuple[Point, ...], file: TomlFile) -> GoldenVector:
    registers: dict[tuple[int, int], list[int]] = {}
    for place, words in entry.registers.items():
        function, _, address = place.partition(":")
        _require(
            file,
            function in {"1", "2", "3", "4"} and address.isdecimal(),
            f"{key}.registers",
            repr(place),
            '"FUNCTION:ADDRESS" as "4:8", the address zero-based',
        )
        _require(
            file,
            all(0 <= word <= 0xFFFF for word in words),
            f"{key}.registers",
            str(words),
            "words from 0 to 65535",
        )
        registers[int(function), int(address)] = words
    known = {point.name for point in points}
    for name in entry.expected:
        _require(file, name in known, f"{key}.expected.{name}", repr(name), "the name of a point")
    return GoldenVector(registers=registers, expected=entry.expected, note=entry.note)


def _check_golden_covers(profile: DeviceProfile, file: TomlFile) -> None:
    for index, vector in enumerate(profile.golden):
        words = vector.words()
        for name in vector.expected:
            point = profile.point(name)
            assert point is not None
            first = profile.wire_address(point)
            _require(
                file,
                all((point.function, first + word) in words for word in range(point.register_count)),
                f"golden[{index}].registers",
                f"no word for {name}",
                f"function {point.function}, address {first} and {point.register_count} register(s)",
            )
