"""An exported file: CSV, or several of them in a zip archive, read a piece at a time into columns."""

import csv
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Final
from zipfile import BadZipFile, ZipFile, is_zipfile

import pyarrow as pa
from pyarrow import csv as arrow_csv

from crm_kare_hubspot.pull.export_cells import Cell, read
from crm_kare_hubspot.pull.unclear import UnclearError
from crm_kare_hubspot.records import Link

ID: Final = "hs_object_id"
COMPANIES, PRIMARY = "Associated Company IDs", "Associated Company IDs (Primary)"
"""Titles of the columns of associated companies: all, and the primary one."""

_BLOCK: Final = 1024 * 1024
"""Bytes that are made columns of at once; no record is longer."""
_BROKEN: Final = (
    *(pa.ArrowException, csv.Error, UnicodeError, OSError),
    *(BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError),  # the last two: encrypted, another method
)
_IDS: Final = re.compile(r"\d+(;\d+)*")


class FileRows:
    """Some rows of a file, as `crm_kare_hubspot.rows.Held`.

    Args:
        held: the columns as they stand.
        cells: how those of each property are read.
    """

    def __init__(self, held: pa.RecordBatch, cells: Mapping[str, Cell]) -> None:
        self._held, self._cells = held, cells
        self.ids = [_record_id(one) for one in self.raw(ID)]

    def __len__(self) -> int:
        return len(self.ids)

    def raw(self, name: str) -> list[str | None]:
        """A column as it stands in the file."""
        texts: list[str | None] = self._held.column(name).to_pylist()
        return texts

    def values(self, name: str) -> list[str | None]:
        """One property of all records; None for blank.

        Raises `UnclearError`.
        """
        return read(self._cells[name], self.raw(name))

    def absent(self, names: Iterable[str]) -> list[str]:  # noqa: ARG002  the header was looked at
        """None: a file has a column for every property."""
        return []

    def links(self) -> list[list[Link]]:
        """The companies of each record.

        Raises `UnclearError`.
        """
        return [_links(ids, primary) for ids, primary in zip(self.raw(COMPANIES), self.raw(PRIMARY), strict=True)]

    def some(self, places: Sequence[int]) -> "FileRows":
        """The rows at these places."""
        return FileRows(self._held.take(pa.array(places, pa.int64())), self._cells)

    def without(self, first: int) -> "FileRows":
        """The rows behind the first ones."""
        return FileRows(self._held.slice(first), self._cells)


def pieces(file: IO[bytes], cells: Mapping[str, Cell], more: Sequence[str]) -> Iterator[FileRows]:
    """The rows of a whole file, in its order; `more` are columns beside those of the properties in `cells`.

    Raises:
        UnclearError: it is no CSV, is broken, or lacks a column.
    """
    names = [*dict.fromkeys([ID, *cells, *more])]
    try:
        for open_part in _parts(file):
            with open_part() as part:
                _check(_header(part), names)
            with open_part() as part:
                yield from (FileRows(one, cells) for one in _batches(part, names) if one.num_rows)
    except _BROKEN as error:
        raise UnclearError(f"the file cannot be read ({type(error).__name__})") from error


def _parts(file: IO[bytes]) -> Iterator["_Part"]:
    """Whatever opens one CSV after the other."""
    file.seek(0)
    if not is_zipfile(file):
        yield _Part(file)
        return
    with ZipFile(file) as archive:
        for name in archive.namelist():
            if not name.lower().endswith(".csv"):
                raise UnclearError("the archive holds something else than CSV")
            yield _Part(file, archive, name)


class _Part:
    """One CSV: the file itself, or one within an archive."""

    def __init__(self, file: IO[bytes], archive: ZipFile | None = None, name: str = "") -> None:
        self._file, self._archive, self._name = file, archive, name

    @contextmanager
    def __call__(self) -> Iterator[IO[bytes]]:
        """From its beginning."""
        if self._archive is None:
            self._file.seek(0)
            yield self._file
            return
        with self._archive.open(self._name) as part:
            yield part


def _header(part: IO[bytes]) -> list[str]:
    text = io.TextIOWrapper(part, "utf-8-sig", newline="")
    try:
        return next(csv.reader(text), [])
    finally:
        text.detach()


def _check(found: Sequence[str], names: Sequence[str]) -> None:
    if lost := [one for one in names if found.count(one) != 1]:
        raise UnclearError(f"the file has no column, or several, of the name {', '.join(lost)}")


def _batches(part: IO[bytes], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    reader = arrow_csv.open_csv(
        part,
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=list(names),
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    yield from reader


def _record_id(text: str | None) -> str:
    if text is None or not text.isdecimal():
        raise UnclearError("a record has no id")
    return text


def _links(ids: str | None, primary: str | None) -> list[Link]:
    found, first = _several(ids), _several(primary)
    if not first.keys() <= found.keys():
        raise UnclearError("the primary company of a record is not one of its companies")
    return [Link(one, one in first) for one in found]


def _several(ids: str | None) -> dict[str, None]:
    if ids is not None and not _IDS.fullmatch(ids):
        raise UnclearError("ids of associated companies have another form than numbers with semicolons between")
    return dict.fromkeys(ids.split(";") if ids else ())
