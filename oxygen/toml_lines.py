"""Where each key of a TOML text stands.

The text has to be valid TOML: the scanner only tells keys, tables and the ends of values apart.
"""

from __future__ import annotations

import re

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})' r"|'''.*?'''(?:'{0,2})" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN_VALUE = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[str, int]:
    """Return the 1-based line of every key, table and array element, by dotted key with 0-based indexes."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[str, int] = {}
        self._lengths: dict[str, int] = {}
        self._counted_to = 0
        self._line = 1

    def document(self) -> None:
        table = ""
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._looking_at("[["):
                table = self._header(2)
            elif self._looking_at("["):
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self, brackets: int) -> str:
        line = self._here()
        self.at += brackets
        path = ""
        parts = self._key()
        self.at += brackets
        for part in parts[:-1]:
            path = self._open(f"{path}.{part}" if path else part, line)
        path = f"{path}.{parts[-1]}" if path else parts[-1]
        if brackets == 2:
            self._lengths[path] = self._lengths.get(path, 0) + 1
            self.lines.setdefault(path, line)
            path = f"{path}[{self._lengths[path] - 1}]"
        self.lines[path] = line
        return path

    def _open(self, path: str, line: int) -> str:
        """Step through a table, into the latest element when it is an array of tables."""
        self.lines.setdefault(path, line)
        return f"{path}[{self._lengths[path] - 1}]" if path in self._lengths else path

    def _pair(self, table: str) -> None:
        line = self._here()
        path = table
        for part in self._key():
            path = f"{path}.{part}" if path else part
            self.lines.setdefault(path, line)
        self.at += 1
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            match = _STRING.match(self.text, self.at) or _BARE_KEY.match(self.text, self.at)
            assert match is not None, "tomllib has accepted this text"
            self.at = match.end()
            part = match.group()
            parts.append(part[1:-1] if part[0] in "\"'" else part)
            self._skip(_SPACE)
            if not self._looking_at("."):
                return parts
            self.at += 1

    def _value(self, path: str) -> None:
        if self._looking_at("["):
            self._array(path)
        elif self._looking_at("{"):
            self._inline_table(path)
        else:
            match = _STRING.match(self.text, self.at) or _PLAIN_VALUE.match(self.text, self.at)
            assert match is not None, "tomllib has accepted this text"
            self.at = match.end()

    def _array(self, path: str) -> None:
        self.at += 1
        index = 0
        self._skip(_BLANK)
        while not self._looking_at("]"):
            self.lines[f"{path}[{index}]"] = self._here()
            self._value(f"{path}[{index}]")
            index += 1
            self._comma()
        self.at += 1

    def _inline_table(self, path: str) -> None:
        self.at += 1
        self._skip(_BLANK)
        while not self._looking_at("}"):
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        self._skip(_BLANK)
        if self._looking_at(","):
            self.at += 1
            self._skip(_BLANK)

    def _looking_at(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the pattern matches the empty string"
        self.at = match.end()

    def _here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line
