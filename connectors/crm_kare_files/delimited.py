"""CSV and TSV, as Excel, CRMs and databases write them: strict, because a guessed cell is a wrong label."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from crm_kare.errors import ConfigError
from crm_kare_files.chunk import Chunk, Opened, named, too_long
from crm_kare_files.options import DELIMITERS, Reading

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the one of UTF-16, so it is asked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def open_delimited(path: Path, where: str, reading: Reading) -> Opened:
    """Header and chunks of a CSV or TSV file.

    Raises:
        ConfigError: unreadable, empty, wrong encoding, ragged, with file, line and fix; the last two while reading.
    """
    style = reading.delimiter or ("\t" if path.suffix.lower() in {".tsv", ".tab"} else "")
    file = _File(path, where, encoding_of(path, reading.encoding), style, reading.skip_rows)
    header = file.header()
    return Opened(where, "line", header, partial(file.chunks, header))


def encoding_of(path: Path, otherwise: str) -> str:
    """What the byte order mark says, else `otherwise`."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for mark, name in _MARKS if head.startswith(mark)), otherwise)


def sniffed(line: str) -> str:
    """The delimiter that the header has most of, quoted texts left out; a comma where it has none."""
    bare = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=bare.count)


class _File:
    """A text file with its dialect; each reading opens it anew."""

    def __init__(self, path: Path, where: str, encoding: str, delimiter: str, skip: int) -> None:
        self._path, self._where, self._encoding, self._skip = path, where, encoding, skip
        self._delimiter = delimiter or sniffed(next(self._lines(), ""))

    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        _, cells = next(self._records(), (0, []))
        if not any(cell.strip() for cell in cells):
            raise ConfigError(
                "The file is empty: there is no header.",
                where=self._where,
                fix="Export it again, with column names in the first line.",
                code="file-empty",
            )
        return tuple(cell.strip() for cell in cells)

    def chunks(self, header: Sequence[str], names: Sequence[str], rows: int) -> Iterator[Chunk]:
        """The columns named, some thousand records at a time."""
        places = {name: header.index(name) for name in names}
        records = self._whole(header)
        while some := list(islice(records, rows)):
            columns = {
                name: pa.array([cells[place] for _, cells in some], pa.string()) for name, place in places.items()
            }
            yield Chunk(columns, [number for number, _ in some])

    def _whole(self, header: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Records with as many cells as the header; empty ones are passed over. One cell more is an error even where the last
        is empty: an unquoted delimiter moved the others.
        """
        records = self._records()
        next(records, None)
        for number, cells in records:
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise self._ragged(len(header), number, len(cells), records)
            yield number, cells

    def _ragged(self, wanted: int, first: int, cells: int, rest: Iterator[tuple[int, list[str]]]) -> ConfigError:
        lines = [first, *(number for number, one in rest if any(one) and len(one) != wanted)]
        return ConfigError(
            f"{len(lines)} line(s) have more or fewer cells than the header's {wanted}: line(s) {named(lines)} "
            f"(line {first} has {cells}).",
            where=f"{self._where}:{first}",
            fix="Put quotes around texts that hold the delimiter, or export the file again.",
            code="line-ragged",
        )

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Line number at which a record begins, and its cells; the header is the first."""
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        number = self._skip + 1
        try:
            for cells in reader:
                yield number, cells
                number = self._skip + reader.line_num + 1
        except csv.Error as error:
            if "field limit" in str(error):
                raise too_long(self._where, f"line {number}") from error
            raise ConfigError(
                f"The quotes do not match ({error}).",
                where=f"{self._where}:{number}",
                fix='Close the text with a quote, and write a quote inside a text twice ("").',
                code="quotes",
            ) from error

    def _lines(self) -> Iterator[str]:
        """Lines after those to be skipped, decoded."""
        try:
            with self._path.open(encoding=self._encoding, newline="") as file:
                for number, line in enumerate(islice(file, self._skip, None), self._skip + 1):
                    if "\0" in line:
                        raise self._nul(number)
                    yield line
        except UnicodeError as error:
            raise self._wrong_encoding() from error

    def _nul(self, number: int) -> ConfigError:
        return ConfigError(
            "The line holds a NUL byte.",
            where=f"{self._where}:{number}",
            fix="Export the file again as text, or set `encoding: utf-16` if it is that.",
            code="nul-byte",
        )

    def _wrong_encoding(self) -> ConfigError:
        """Finds the line again, byte by byte: the decoder reads in blocks and tells a place in a block only."""
        line, place = 0, 0
        decoder = codecs.getincrementaldecoder(self._encoding)()
        with self._path.open("rb") as file:
            for line, raw in enumerate(file, 1):  # noqa: B007  the last one is the answer
                try:
                    decoder.decode(raw)
                except UnicodeError as error:
                    place = getattr(error, "start", 0) + 1
                    break
        return ConfigError(
            f"The text is not {self._encoding} (byte {place} of line {line}).",
            where=f"{self._where}:{line}",
            fix="Set the file's encoding in the stream's options: `encoding: cp1252` is what Excel writes on Windows.",
            code="encoding",
        )
