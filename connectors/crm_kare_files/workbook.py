"""XLSX: one sheet, read row by row; values as Excel last computed them."""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import pyarrow as pa
from openpyxl import load_workbook  # type: ignore[import-untyped]
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

from crm_kare.errors import ConfigError
from crm_kare_files.chunk import LONGEST, Chunk, Opened, too_long
from crm_kare_files.options import Reading

_ERRORS: Final = frozenset({"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"})
"""What a formula without a result leaves; blank for us."""

_EXACT: Final = 1e15
"""Below this, every whole number is one in Excel."""


def open_workbook(path: Path, where: str, reading: Reading) -> Opened:
    """Header and chunks of a sheet.

    Raises:
        ConfigError: no workbook, no such sheet, no header.
    """
    with _rows(path, where, reading) as rows:
        first = next(rows, (0, ()))[1]
    header = tuple(_text(value, reading) or "" for value in first)
    while header and not header[-1]:
        header = header[:-1]
    if not header:
        raise ConfigError(
            "The sheet is empty: there is no header.", where=where, fix="Name the sheet in `sheet`.", code="file-empty"
        )
    return Opened(where, "row", header, partial(_chunks, path, where, reading, header))


def _chunks(
    path: Path, where: str, reading: Reading, header: Sequence[str], names: Sequence[str], rows: int
) -> Iterator[Chunk]:
    places = [(name, header.index(name)) for name in names]
    with _rows(path, where, reading) as all_rows:
        next(all_rows, None)
        filled = ((number, cells) for number, cells in all_rows if any(cell is not None for cell in cells))
        while some := list(islice(filled, rows)):
            columns = {name: pa.array(_column(some, place, where, reading), pa.string()) for name, place in places}
            yield Chunk(columns, [number for number, _ in some])


def _column(
    rows: Sequence[tuple[int, tuple[Any, ...]]], place: int, where: str, reading: Reading
) -> Iterator[str | None]:
    for number, cells in rows:
        text = _text(cells[place], reading) if place < len(cells) else None
        if text is not None and len(text) > LONGEST:
            raise too_long(where, f"row {number}")
        yield text


@contextmanager
def _rows(path: Path, where: str, reading: Reading) -> Iterator[Iterator[tuple[int, tuple[Any, ...]]]]:
    """Rows with their number in the sheet, from the header on."""
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and validations it leaves out; we read values only
            warnings.simplefilter("ignore", UserWarning)
            book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, ParseError) as error:
        raise ConfigError(
            "The file is no XLSX workbook.",
            where=where,
            fix="Save it as .xlsx in Excel, without a password.",
            code="workbook",
        ) from error
    try:
        sheet = _sheet(book, where, reading)
        # exports of other programs often state a wrong size, and openpyxl would believe it
        sheet.reset_dimensions()
        start = reading.skip_rows + 1
        yield iter(enumerate(sheet.iter_rows(min_row=start, values_only=True), start))
    finally:
        book.close()


def _sheet(book: Any, where: str, reading: Reading) -> Any:
    sheets = [sheet.title for sheet in book.worksheets]
    if not sheets or (reading.sheet and reading.sheet not in sheets):
        raise ConfigError(
            f"There is no sheet {reading.sheet}.".replace("  ", " "),
            where=where,
            fix=f"The workbook has: {', '.join(sheets)}.",
            code="sheet",
        )
    return book[reading.sheet or sheets[0]]


def _text(value: Any, reading: Reading) -> str | None:
    """A cell's value as text, written as the stream's texts are, so that both are read alike.

    Excel computes with 15 digits, so more are artefacts; it knows no time zones.
    """
    if value is None or value in _ERRORS:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{value:.0f}" if value.is_integer() and abs(value) < _EXACT else f"{value:.15g}"
        return text.replace(".", reading.decimal)
    if isinstance(value, date):
        return value.strftime(reading.date_format) if reading.date_format else _iso(value)
    return value.isoformat() if isinstance(value, time) else str(value).strip()


def _iso(value: date) -> str:
    if isinstance(value, datetime) and value.time() != time():
        return value.isoformat()
    return (value.date() if isinstance(value, datetime) else value).isoformat()
