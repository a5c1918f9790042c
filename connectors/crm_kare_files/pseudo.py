"""Pseudo-fields: columns that the file does not have and that we compute from those it has.

- `@row`: the record's number, from 1, for files whose records have no id of their own;
- `@last_word(Description)`: the last word of a text, in upper case; a stand-in where there is no product group.
"""

import re
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from crm_kare.errors import ConfigError
from crm_kare.model import Kind
from crm_kare_files.chunk import Column

ROW: Final = "@row"
_LAST_WORD: Final = re.compile(r"@last_word\((.+)\)")


def inputs(source: str) -> tuple[tuple[str, Kind], ...]:
    """The file's columns that a source needs, with the kind they are read as; none for a plain column or `@row`.

    Raises:
        ConfigError: no such pseudo-field.
    """
    if not source.startswith("@") or source == ROW:
        return ()
    call = _LAST_WORD.fullmatch(source)
    if call is None:
        raise ConfigError(
            f"There is no pseudo-field {source}.",
            where="mapping",
            fix="There are @row and @last_word(Column).",
            code="pseudo-field",
        )
    return ((call[1].strip(), Kind.TEXT),)


def computed(source: str, columns: Mapping[tuple[str, Kind], Column], first: int, count: int) -> Column:
    """The column of a pseudo-field for `count` records, of which the first has the number `first`."""
    if source == ROW:
        return pa.array([str(number) for number in range(first, first + count)], pa.string())
    (given,) = (columns[one] for one in inputs(source))
    return pa.array([text and text.split()[-1].upper() for text in given.to_pylist()], pa.string())
