"""TOML files that people write: every refusal names file, line, key, what was found and what was expected.

`tomllib` reads the data but forgets where it stood, so `oxygen.toml_lines` walks the same text and notes the
line of every key.
"""

from __future__ import annotations

import re
import tomllib
import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from oxygen.errors import BadConfiguration
from oxygen.toml_lines import key_lines

S = TypeVar("S", bound=msgspec.Struct)

_AT_LINE = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column \d+\)$", re.DOTALL)
_LONGEST_FOUND = 80


class BadConfigurations(BadConfiguration):
    """Several refusals of one file; it reads as all of them, one a line.

    Attributes:
        problems: Each refusal, in the order of the file.
    """

    def __init__(self, problems: list[BadConfiguration]) -> None:
        """Keep the refusals; the first one's place becomes this error's own."""
        first = problems[0]
        super().__init__(
            file=first.file,
            line=first.line,
            key=first.key,
            found=str(first.params["found"]),
            expected=first.expected,
        )
        self.args = ("\n".join(str(problem) for problem in problems),)
        self.problems = tuple(problems)


class TomlFile:
    """A TOML file as read.

    Attributes:
        name: The file as the person named it.
        data: What `tomllib` made of it.
    """

    def __init__(self, name: str, text: str) -> None:
        """Parse `text`; raises BadConfiguration when it is not TOML."""
        self.name = name
        self.data = _parsed(name, text)
        self._lines = key_lines(text)

    def line_of(self, key: str) -> int | None:
        """Return the 1-based line of a dotted key such as `tank[2].dp.point`; None when it stands nowhere.

        Indexes start at 0. A table's line is its header, an array element's line is where it opens.
        """
        return self._lines.get(key)

    def problem(self, key: str, *, found: str, expected: str) -> BadConfiguration:
        """Return a refusal placed at `key`, or at the nearest table around it that stands in the file."""
        around = key
        while around and around not in self._lines:
            around = _parent(around)
        return BadConfiguration(
            file=self.name, line=self._lines.get(around), key=key or "(file)", found=found, expected=expected
        )


def read_toml(path: str | Path) -> TomlFile:
    """Read a file; raises BadConfiguration when it is absent, not UTF-8, or not TOML."""
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        found = error.strerror or str(error)
        raise BadConfiguration(
            file=name, line=None, key="(file)", found=found, expected="a readable file"
        ) from error
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:#04x} at offset {error.start}"
        raise BadConfiguration(
            file=name, line=None, key="(file)", found=found, expected="UTF-8 text"
        ) from error
    return TomlFile(name, text)


def convert(file: TomlFile, kind: type[S]) -> S:
    """Return the file's data as `kind`; unknown keys are refused.

    Raises:
        BadConfiguration: The one thing wrong, or `BadConfigurations` with everything that is wrong.
    """
    problems: list[BadConfiguration] = []
    _check(file, "", file.data, kind, problems)
    refuse(problems)
    try:
        return msgspec.convert(file.data, kind)
    except msgspec.ValidationError as error:
        what, key = _split_message(str(error))
        raise file.problem(key, found="values that do not fit together", expected=what) from error


def refuse(problems: list[BadConfiguration]) -> None:
    """Raise what was collected: nothing, the one refusal, or all of them in the order of the file."""
    if not problems:
        return
    problems.sort(key=lambda problem: problem.line or 0)
    raise problems[0] if len(problems) == 1 else BadConfigurations(problems)


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.match(str(error))
        line = int(match["line"]) if match else text.count("\n") + 1
        found = match["what"] if match else str(error)
        raise BadConfiguration(
            file=name, line=line, key="(syntax)", found=found, expected="TOML 1.0"
        ) from error


def _check(file: TomlFile, key: str, value: Any, kind: Any, problems: list[BadConfiguration]) -> None:
    """Collect the problems of `value` under `key`: structs and sequences are walked, leaves converted."""
    struct = _struct_of(kind)
    if struct is not None and isinstance(value, dict):
        _check_struct(file, key, value, struct, problems)
        return
    element = _element_of(kind)
    if element is not None and isinstance(value, list):
        for index, entry in enumerate(value):
            _check(file, f"{key}[{index}]", entry, element, problems)
        return
    named = _value_of_table(kind)
    if named is not None and isinstance(value, dict):
        for name, entry in value.items():
            _check(file, _child(key, name), entry, named, problems)
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problems.append(file.problem(key, found=_shown(value), expected=_expected(str(error), kind)))


def _check_struct(
    file: TomlFile,
    key: str,
    value: dict[str, Any],
    struct: type[msgspec.Struct],
    problems: list[BadConfiguration],
) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name in value.keys() - fields.keys():
        known = ", ".join(sorted(fields))
        problems.append(file.problem(_child(key, name), found="an unknown key", expected=f"one of {known}"))
    for name, field in fields.items():
        if name in value:
            _check(file, _child(key, name), value[name], field.type, problems)
        elif field.required:
            problems.append(file.problem(_child(key, name), found="nothing", expected=_described(field.type)))


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """Return the struct that `kind` is, or that `X | None` allows besides nothing."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [part for part in get_args(kind) if part is not type(None)]
        return _struct_of(inner[0]) if len(inner) == 1 else None
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _element_of(kind: Any) -> Any | None:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list or (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis):
        return arguments[0]
    return None


def _value_of_table(kind: Any) -> Any | None:
    return get_args(kind)[1] if get_origin(kind) is dict and get_args(kind)[0] is str else None


def _expected(message: str, kind: Any) -> str:
    choices = _choices(kind)
    if choices:
        return "one of " + ", ".join(choices)
    return _split_message(message)[0].removeprefix("Expected ").replace("`", "")


def _described(kind: Any) -> str:
    choices = _choices(kind)
    if choices:
        return "one of " + ", ".join(choices)
    if _struct_of(kind) is not None:
        return "a table"
    return "a list" if _element_of(kind) is not None else f"a value ({_plain(kind)})"


def _plain(kind: Any) -> str:
    base = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return base.__name__ if isinstance(base, type) else str(base).replace("typing.", "")


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    return []


def _split_message(message: str) -> tuple[str, str]:
    """Return (what, dotted key) of a msgspec message such as "Expected `int` - at `$.bus[0].port`"."""
    what, _, path = message.partition(" - at `")
    return what, path.rstrip("`").removeprefix("$").lstrip(".")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_FOUND else text[: _LONGEST_FOUND - 1] + "…"


def _child(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _parent(key: str) -> str:
    if key.endswith("]"):
        return key[: key.rindex("[")]
    return key.rpartition(".")[0]
