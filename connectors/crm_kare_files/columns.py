"""The columns of a file as `schema` shows them: kinds read off the values, fill rates, the values of short lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.model import Kind
from crm_kare.ports import FieldInfo
from crm_kare_files.canonical import AmbiguousDateError, converted, is_readable
from crm_kare_files.chunk import ROWS, Column, Opened
from crm_kare_files.options import Reading

_FEW: Final = 20
"""A text column with at most so many different values, each thrice on average, looks like a picklist."""

_TRIED: Final = (Kind.BOOL, Kind.NUMBER, Kind.DATE)


@dataclass
class _Seen:
    rows: int = 0
    filled: int = 0
    kinds: set[Kind] = field(default_factory=lambda: set(_TRIED))
    values: set[str] = field(default_factory=set)

    def add(self, array: Column, reading: Reading) -> None:
        texts = converted(array, Kind.TEXT, reading).values
        self.rows += len(texts)
        self.filled += len(texts) - texts.null_count
        self.kinds = {kind for kind in self.kinds if _fits(array, kind, reading)}
        if len(self.values) <= _FEW:
            self.values.update(str(one) for one in pc.unique(texts.drop_null()).to_pylist()[: _FEW + 1])

    def info(self, name: str, *, rates: bool) -> FieldInfo:
        kind = next((kind for kind in _TRIED if kind in self.kinds), Kind.TEXT) if self.filled else Kind.TEXT
        listed = kind is Kind.TEXT and len(self.values) <= _FEW and self.filled >= 3 * len(self.values) > 0
        values = tuple(sorted(self.values)) if listed else ()
        filled = self.filled / self.rows if rates and self.rows else None
        return FieldInfo(name, name, kind.value, kind, values=values, filled=filled)


def columns(opened: Opened, reading: Reading, *, rates: bool) -> list[FieldInfo]:
    """The file's columns in their order; read to the end for fill rates, else some thousand rows.

    A column that holds lists or bytes has no kind; of two columns of one name the first is shown.
    """
    types = opened.types or {}
    names = [name for name in dict.fromkeys(opened.header) if name and is_readable(types.get(name, pa.string()))]
    seen = {name: _Seen() for name in names}
    for chunk in _some(opened, names, everything=rates):
        for name, one in seen.items():
            one.add(chunk[name], reading)
    return [
        seen[name].info(name, rates=rates) if name in seen else FieldInfo(name, name, str(types[name]), None)
        for name in dict.fromkeys(opened.header)
        if name
    ]


def _some(opened: Opened, names: list[str], *, everything: bool) -> Iterator[Mapping[str, Column]]:
    for chunk in opened.chunks(names, ROWS):
        yield chunk.columns
        if not everything:
            return


def _fits(array: Column, kind: Kind, reading: Reading) -> bool:
    if kind is Kind.BOOL and pa.types.is_integer(array.type):
        return False
    try:
        return not converted(array, kind, reading).unread
    except AmbiguousDateError:
        return False
