"""Files that people write are refused with the place of each mistake."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.errors import BadConfiguration
from oxygen.toml_file import BadConfigurations, TomlFile, convert, read_toml

TEXT = '''\
# a comment with [brackets] = 1
title = """
[not.a.table]
k = 1
"""
plant.altitude_m = 5
list = [
  1, # one ]
  { point = "]", unit = 2 },
]

[gateway]
"quoted key" = 1

[[bus]]
name = 'a#b'

[[bus]]
name = "b"
[bus.timing]
every_s = 1979-05-27 07:32:00
[[bus.tank]]
dp = { point = "c", span = { low = 1 } }
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("title", 2),
        ("plant.altitude_m", 6),
        ("list[0]", 8),
        ("list[1].unit", 9),
        ("gateway", 12),
        ("gateway.quoted key", 13),
        ("bus[0]", 15),
        ("bus[1]", 18),
        ("bus[1].timing.every_s", 21),
        ("bus[1].tank[0]", 22),
        ("bus[1].tank[0].dp.span.low", 23),
        ("k", None),
        ("bus[2]", None),
    ],
)
def test_a_key_is_found_on_its_line(key: str, line: int | None) -> None:
    assert TomlFile("x.toml", TEXT).line_of(key) == line


class Bus(msgspec.Struct):
    name: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    kind: Literal["modbus-tcp", "modbus-rtu"] = "modbus-tcp"


class Site(msgspec.Struct):
    bus: tuple[Bus, ...]
    owner: Bus | None = None
    limits: dict[str, float] = {}


def refusals(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(BadConfiguration) as caught:
        convert(TomlFile("site.toml", text), Site)
    error = caught.value
    problems = error.problems if isinstance(error, BadConfigurations) else (error,)
    return [(problem.line, problem.key) for problem in problems]


def test_a_right_file_becomes_the_struct() -> None:
    site = convert(TomlFile("s", '[[bus]]\nname = "a"\nport = 502\n[limits]\nlow = 1\n'), Site)
    assert site == Site(bus=(Bus("a", 502),), limits={"low": 1.0})


def test_every_mistake_of_a_file_is_named_at_once_with_its_line() -> None:
    text = (
        '[[bus]]\nname = 7\nport = 0\n[[bus]]\nname = "b"\nkind = "canbus"\nspeed = 9\n[limits]\nlow = "x"\n'
    )
    assert refusals(text) == [
        (2, "bus[0].name"),
        (3, "bus[0].port"),
        (4, "bus[1].port"),
        (6, "bus[1].kind"),
        (7, "bus[1].speed"),
        (9, "limits.low"),
    ]


def test_an_optional_table_is_checked_too() -> None:
    assert refusals('bus = []\n[owner]\nname = "a"\nprot = 1\n') == [(2, "owner.port"), (4, "owner.prot")]


def test_a_refusal_says_what_was_found_and_what_is_possible() -> None:
    with pytest.raises(BadConfiguration) as caught:
        convert(TomlFile("site.toml", '[[bus]]\nname = "b"\nport = 1\nkind = "canbus"\n'), Site)
    assert str(caught.value) == (
        "site.toml:4: bus[0].kind: found 'canbus', expected one of modbus-tcp, modbus-rtu"
    )
    assert caught.value.code == "bad_configuration"


def test_a_missing_key_of_the_file_itself_has_no_line() -> None:
    assert refusals("[limits]\n") == [(None, "bus")]


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = \nc = 2\n", 2), ("a = 1\na = 2\n", 2), ('a = 1\nb = "', 2), ("\n[x\n", 2)]
)
def test_what_is_not_toml_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BadConfiguration) as caught:
        TomlFile("broken.toml", text)
    assert (caught.value.file, caught.value.line) == ("broken.toml", line)


def test_an_absent_file_a_directory_and_other_bytes_are_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'a = "\xe9"\n')
    for path in (tmp_path / "absent.toml", tmp_path, latin):
        with pytest.raises(BadConfiguration) as caught:
            read_toml(path)
        assert caught.value.file == str(path)


NAMES = st.text("abcdefgh_", min_size=1, max_size=3)
SCALARS = st.one_of(
    st.integers(-9, 9), st.booleans(), st.text("a]}[{#,='\n", max_size=6), st.floats(-1, 1, allow_nan=False)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)


def as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(as_toml, value)) + " # ]\n]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {as_toml(entry)}" for name, entry in value.items()) + " }"
    return repr(value)


def keys_of(value: Any, key: str) -> set[str]:
    found = {key} if key else set()
    if isinstance(value, dict):
        for name, entry in value.items():
            found |= keys_of(entry, f"{key}.{name}" if key else name)
    if isinstance(value, list):
        for index, entry in enumerate(value):
            found |= keys_of(entry, f"{key}[{index}]")
    return found


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_every_key_of_any_file_has_a_line(data: dict[str, Any]) -> None:
    text = "".join(f"{name} = {as_toml(value)}\n" for name, value in data.items())
    assert tomllib.loads(text) == data
    file = TomlFile("any.toml", text)
    for key in keys_of(data, ""):
        line = file.line_of(key)
        assert line is not None
        assert 1 <= line <= text.count("\n")
    for name in data:
        assert text.splitlines()[(file.line_of(name) or 0) - 1].startswith(f"{name} = ")
