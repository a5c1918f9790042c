"""Cells of the results file: no text becomes a formula in a spreadsheet, and each comes back as it was."""

import re
from typing import Final

_RISKY: Final = re.compile(r"'*[=+\-@\t\r]")
_MARKED: Final = re.compile(r"'+[=+\-@\t\r]")


def neutral(text: str | None) -> str:
    """The cell for a value: blank is empty; what a spreadsheet would compute gets an apostrophe before it."""
    if text is None:
        return ""
    return f"'{text}" if _RISKY.match(text) else text


def restored(cell: str) -> str | None:
    """The value of a cell."""
    if not cell:
        return None
    return cell[1:] if _MARKED.match(cell) else cell
