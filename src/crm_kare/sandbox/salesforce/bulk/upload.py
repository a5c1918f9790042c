"""An upload's CSV: into columns and rows, and its cells into values."""

import csv
import io
from typing import Final

from crm_kare.sandbox.salesforce.bulk.jobs import Dialect
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError
from crm_kare.sandbox.salesforce.values import NUMBERS, Value, taken
from crm_kare.sandbox.store import FieldDef

NULL: Final = "#N/A"
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})


class UploadError(Exception):
    """The upload as a whole is refused, and the job fails; the message is the job's `errorMessage`."""


def parsed(content: bytes, dialect: Dialect) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of an upload.

    Raises:
        UploadError: no UTF-8, other line ends than the job's, no CSV, or rows with more cells than there are columns.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UploadError("ClientInputError : The data is not UTF-8") from error
    _check_line_ends(text, dialect)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.sign, strict=True))
    except csv.Error as error:
        raise UploadError("ClientInputError : Error parsing CSV") from error
    rows = [one for one in rows if one]
    if not rows:
        raise UploadError("InvalidBatch : The data has no header row")
    columns, *records = rows
    if any(len(one) > len(columns) for one in records):
        raise UploadError("InvalidBatch : A row has more fields than the header")
    return columns, [one + [""] * (len(columns) - len(one)) for one in records]


def _check_line_ends(text: str, dialect: Dialect) -> None:
    """Line breaks inside of quoted cells are held to the job's setting too."""
    windows, all_ends = text.count("\r\n"), text.count("\n")
    wrong = windows if dialect.line_ending == "LF" else all_ends - windows
    if wrong:
        message = f"LineEnding is invalid on user data. Current LineEnding setting is {dialect.line_ending}"
        raise UploadError(f"ClientInputError : {message}")


def value_of(definition: FieldDef, cell: str) -> Value | RecordError:
    """What a filled cell stands for, as the store keeps it; or what is wrong with it."""
    if cell == NULL:
        return taken(definition, None)
    try:
        return taken(definition, _typed(definition, cell))
    except (ValueError, SalesforceError):
        message = f"value not of required type: {cell}"
        return RecordError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, (definition.name,))


def _typed(definition: FieldDef, cell: str) -> str | float | bool:
    """The cell as JSON would say it; `ValueError` where it is not of the field's type."""
    text = cell.strip()
    if definition.type == "boolean":
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(text)
        return text.lower() in _TRUE
    return float(text) if definition.type in NUMBERS else cell
