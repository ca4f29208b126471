"""Errors named after what the caller does next.

Every error that crosses a room's border is one of three. Its `code` and `params` choose the text in
`oxygen.messages`; the English sentence of the exception is for logs.
"""

from __future__ import annotations


class OxyWatchError(Exception):
    """Base of the three; never raised itself.

    Attributes:
        code: Key under `errors` in the message catalogues.
        params: Values for the text's placeholders.
    """

    def __init__(self, message: str, *, code: str = "unexpected", **params: object) -> None:
        """Keep the English sentence, the code and its parameters."""
        super().__init__(message)
        self.code = code
        self.params = params


class Retryable(OxyWatchError):
    """The same call may succeed later; keep the data and try again with backoff."""


class Permanent(OxyWatchError):
    """The same call can never succeed until somebody changes a setting; hold the data and tell a person."""


class Rejected(OxyWatchError):
    """This input is wrong; set it aside with the reason and go on with the rest."""


class BadConfiguration(Permanent):
    """A file that a person wrote cannot be accepted; start-up stops.

    Attributes:
        file: The file as the person named it.
        line: 1-based line of the offending key, or None when the whole file is meant.
        key: Dotted key, as `tank[2].geometry.diameter`.
        expected: What would have been accepted, in words.
    """

    def __init__(self, *, file: str, line: int | None, key: str, found: str, expected: str) -> None:
        """Build `FILE:LINE: KEY: found …, expected …`."""
        place = f"{file}:{line}" if line else file
        super().__init__(
            f"{place}: {key}: found {found}, expected {expected}",
            code="bad_configuration",
            place=place,
            key=key,
            found=found,
            expected=expected,
        )
        self.file = file
        self.line = line
        self.key = key
        self.expected = expected
