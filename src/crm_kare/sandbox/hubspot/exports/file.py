"""The file of an export: CSV as it is where it is small, zipped where it is not, in parts where it is long."""

import csv
import io
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

PLAIN: Final = 2 * 1024 * 1024
"""Bytes up to which a CSV is not zipped."""
PART: Final = 1_000_000
"""Rows of one part."""
_QUICK: Final = 1
"""Level of compression."""


class ExportFile:
    """Rows as CSV with a header in every part. `plain` and `part` are the bounds that tests set smaller."""

    def __init__(self, name: str, header: Sequence[str], plain: int = PLAIN, part: int = PART) -> None:
        self.rows = 0
        self._name = name
        self._header = header
        self._bounds = (plain, part)
        self._pending = io.StringIO(newline="")
        self._file = TemporaryFile()  # noqa: SIM115  lives as long as the export
        self._archive: ZipFile | None = None
        self._part = 0
        self._size = 0
        self._begin_part()

    @property
    def file_name(self) -> str:
        """What the file is called."""
        return f"{self._name}.zip" if self._archive else f"{self._name}-1.csv"

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Add rows."""
        writer = csv.writer(self._pending, lineterminator="\n")
        for row in rows:
            if self.rows and self.rows % self._bounds[1] == 0:
                self._flush(last=True)
                self._begin_part()
                writer = csv.writer(self._pending, lineterminator="\n")
            writer.writerow(row)
            self.rows += 1
        self._flush(last=False)

    def _begin_part(self) -> None:
        self._part += 1
        self._pending = io.StringIO(newline="")
        csv.writer(self._pending, lineterminator="\n").writerow(self._header)

    def _flush(self, *, last: bool) -> None:
        """Give what is there to the archive, which is begun where a plain file would become too large or has a second part."""
        text = self._pending.getvalue()
        if self._archive is None and not last and len(text) <= self._bounds[0]:
            return
        if self._archive is None:
            self._archive = ZipFile(self._file, "w", ZIP_DEFLATED, compresslevel=_QUICK)
        if self._size == 0:
            self._entry = self._archive.open(f"{self._name}-{self._part}.csv", "w", force_zip64=True)
        self._size += self._entry.write(text.encode())
        self._pending.seek(0)
        self._pending.truncate()
        if last:
            self._entry.close()
            self._size = 0

    def close(self) -> None:
        """No more rows come."""
        if self._archive is None:
            self._file.write(self._pending.getvalue().encode())
            return
        self._flush(last=True)
        self._archive.close()

    def content(self) -> bytes:
        """The whole file."""
        self._file.seek(0)
        return self._file.read()

    def discard(self) -> None:
        """Give the file back."""
        self._file.close()
