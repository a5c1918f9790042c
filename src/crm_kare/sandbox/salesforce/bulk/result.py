"""A query's result, rendered once into a temporary file, and served by slices of rows."""

import csv
import io
import threading
from array import array
from collections.abc import Sequence
from itertools import islice
from tempfile import TemporaryFile
from typing import Final

BLOCK: Final = 1000
"""Rows between two known places in the file. Pages that begin between them are cut out with a CSV parser."""


class Result:
    """Rows as CSV on disk. Every page begins with the header."""

    def __init__(self, header: Sequence[str], delimiter: str, newline: str) -> None:
        self.rows = 0
        self._delimiter = delimiter
        self._newline = newline
        self._header = self._rendered([header])
        self._file = TemporaryFile()  # noqa: SIM115  lives as long as the job
        self._starts = array("Q", [0])
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._starts[-1]

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Add rows whose quotes are doubled already; all but the last call bring whole blocks."""
        between = f'"{self._delimiter}"'
        for begin in range(0, len(rows), BLOCK):
            lines = f'"{self._newline}"'.join(map(between.join, rows[begin : begin + BLOCK]))
            self._starts.append(self._starts[-1] + self._file.write(f'"{lines}"{self._newline}'.encode()))
        self.rows += len(rows)

    def page(self, first: int, number: int) -> bytes:
        """So many rows from the row `first` on, or as many as there are, as CSV with the header."""
        last = min(first + number, self.rows)
        if last <= first:
            return self._header
        begin, end = first // BLOCK, -(-last // BLOCK)
        whole = self._read(begin, end)
        if first % BLOCK == 0 and (last % BLOCK == 0 or last == self.rows):
            return self._header + whole
        text = io.StringIO(whole.decode(), newline="")
        rows = csv.reader(text, delimiter=self._delimiter)
        return self._header + self._rendered(list(islice(rows, first - begin * BLOCK, last - begin * BLOCK)))

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _read(self, begin: int, end: int) -> bytes:
        with self._lock:
            self._file.seek(self._starts[begin])
            return self._file.read(self._starts[end] - self._starts[begin])

    def _rendered(self, rows: Sequence[Sequence[str]]) -> bytes:
        """All cells are quoted; null and empty text look alike."""
        text = io.StringIO(newline="")
        csv.writer(
            text, delimiter=self._delimiter, lineterminator=self._newline, quoting=csv.QUOTE_ALL, doublequote=True
        ).writerows(rows)
        return text.getvalue().encode()
