"""Pseudo-fields: columns that the file does not have and that we compute from those it has.

- `@row`: the record's number, from 1, for files whose records have no id of their own;
- `@multiply(Quantity, Price)`: the product of two number columns, exact;
- `@last_word(Description)`: the last word of a text, in upper case; a stand-in where there is no product group.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import pyarrow as pa

from crm_kare.errors import ConfigError
from crm_kare.model import Kind
from crm_kare_files.chunk import Column

ROW: Final = "@row"
_CALL: Final = re.compile(r"@(\w+)\((.*)\)")
_ARGUMENTS: Final = {"multiply": (2, Kind.NUMBER), "last_word": (1, Kind.TEXT)}


def inputs(source: str) -> tuple[tuple[str, Kind], ...]:
    """The file's columns that a source needs, with the kind they are read as; none for a plain column or `@row`.

    Raises:
        ConfigError: no such pseudo-field.
    """
    if not source.startswith("@") or source == ROW:
        return ()
    call = _CALL.fullmatch(source)
    name, arguments = (call[1], [one.strip() for one in call[2].split(",")]) if call else ("", [])
    if name not in _ARGUMENTS or len(arguments) != _ARGUMENTS[name][0]:
        raise ConfigError(
            f"There is no pseudo-field {source}.",
            where="mapping",
            fix="There are @row, @multiply(A, B) and @last_word(A).",
            code="pseudo-field",
        )
    return tuple((one, _ARGUMENTS[name][1]) for one in arguments)


def computed(source: str, columns: Mapping[tuple[str, Kind], Column], first: int, count: int) -> Column:
    """The column of a pseudo-field for `count` records, of which the first has the number `first`."""
    if source == ROW:
        return pa.array([str(number) for number in range(first, first + count)], pa.string())
    given = [columns[one].to_pylist() for one in inputs(source)]
    if source.startswith("@multiply"):
        return pa.array([_product(*pair) for pair in zip(*given, strict=True)], pa.string())
    return pa.array([text and text.split()[-1].upper() for text in given[0]], pa.string())


def _product(one: str | None, other: str | None) -> str | None:
    return None if one is None or other is None else f"{Decimal(one) * Decimal(other):f}"
