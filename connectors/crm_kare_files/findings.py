"""Cells and rows that could not be read, counted by column: one problem each, with the first few places."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from crm_kare.model import Kind, Problem
from crm_kare_files.chunk import SHOWN, named

_WANTED: Final = {
    Kind.NUMBER: ("a number", 'Correct them, or set `decimal: ","` in the stream\'s options.'),
    Kind.MONEY: ("an amount", 'Correct them, or set `decimal: ","` in the stream\'s options.'),
    Kind.DATE: ("a date", "Correct them, or set `date_format` in the stream's options."),
    Kind.BOOL: ("true or false", "Correct them, or map the values with `map`."),
    Kind.TEXT: ("a text", "Correct them."),
}


class Findings:
    """Collects while the file is read; memory does not grow with the number of bad cells."""

    def __init__(self, where: str, unit: str) -> None:
        self._where, self._unit = where, unit
        self._count: dict[tuple[str, Kind | None], int] = defaultdict(int)
        self._first: dict[tuple[str, Kind | None], list[int]] = defaultdict(list)

    def unread(self, source: str, kind: Kind, numbers: Iterable[int]) -> None:
        """Cells of a column that are not of its kind."""
        self._add((source, kind), numbers)

    def without_id(self, source: str, numbers: Iterable[int]) -> None:
        """Rows that have no id."""
        self._add((source, None), numbers)

    def _add(self, key: tuple[str, Kind | None], numbers: Iterable[int]) -> None:
        for number in numbers:
            self._count[key] += 1
            if len(self._first[key]) <= SHOWN:
                self._first[key].append(number)

    def problems(self) -> tuple[Problem, ...]:
        """One per column and kind of trouble."""
        return tuple(
            self._problem(source, kind, count) for (source, kind), count in sorted(self._count.items(), key=str)
        )

    def _problem(self, source: str, kind: Kind | None, count: int) -> Problem:
        place = f"{self._where}, {self._unit} {named(self._first[source, kind])}"
        if kind is None:
            told = f"{count:,} row(s) have no {source}, so they are left out."
            return Problem(
                "id-missing", told, f"Fill {source}, or map the id to another column.", where=place, level="warning"
            )
        wanted, fix = _WANTED[kind]
        told = f"{count:,} cell(s) of {source} are not {wanted}; they count as blank."
        return Problem("cell-unreadable", told, fix, where=place, level="warning")
