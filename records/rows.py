"""What is wrong with a row of a file that a person wants to bring in."""

from __future__ import annotations

from typing import Any

import msgspec

from oxygen.messages import text


class RowProblem(msgspec.Struct, frozen=True):
    """One value that cannot be taken.

    Attributes:
        sheet: Kind of the row; "" when the file as a whole is meant.
        row: Counted as the person's program counts it, the header being 1; 0 when the whole sheet is meant.
        column: Machine code of the column, or "".
        value: As it was found.
        code: Key under `import_problem` in the message catalogues.
        params: Values for the text, such as what was expected.
    """

    sheet: str
    row: int
    column: str
    value: str
    code: str
    params: dict[str, Any] = {}

    def text(self, locale: str) -> str:
        """Return what is wrong, in the reader's language."""
        known = {"sheet": self.sheet, "row": self.row, "column": self.column, "value": self.value}
        return text(f"import_problem.{self.code}", locale, **known | self.params)
