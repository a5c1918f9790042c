"""What every kind of file is opened as: a header, and chunks of columns with the line or row each record stands in."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

import pyarrow as pa

from crm_kare.errors import ConfigError

Column: TypeAlias = "pa.Array[Any]"
"""One column of a chunk."""

ROWS: Final = 10_000
"""Records in one chunk, and so in one page."""

LONGEST: Final = 131_072
"""Characters in one cell: four times what the longest CRM field takes; more is a broken file."""

SHOWN: Final = 5
"""Lines named in one message."""


@dataclass(frozen=True)
class Chunk:
    """Some records: the columns asked for by their header, and per record the number of its line or row."""

    columns: Mapping[str, Column]
    numbers: Sequence[int]


@dataclass(frozen=True)
class Opened:
    """A file whose header is known.

    Attributes:
        where: the file as messages name it.
        unit: what `Chunk.numbers` counts: `line` or `row`.
        header: column names, trimmed, as they stand.
        types: the file's own types by column, for columnar files.
        chunks: reads the columns named, so many records at a time; each call reads from the start.
    """

    where: str
    unit: str
    header: tuple[str, ...]
    chunks: Callable[[Sequence[str], int], Iterator[Chunk]]
    types: dict[str, pa.DataType] | None = None


def require(opened: Opened, names: Sequence[str]) -> None:
    """Raises ConfigError naming every column that the file lacks, or has twice."""
    count = Counter(opened.header)
    missing = [name for name in dict.fromkeys(names) if not count[name]]
    if missing:
        told = "; ".join(_missed(name, opened.header) for name in missing)
        raise ConfigError(
            f"These columns are missing: {told}.",
            where=opened.where,
            fix=f"Correct the mapping. The file has: {', '.join(opened.header[:60])}.",
            code="column-missing",
        )
    if twice := [name for name in dict.fromkeys(names) if count[name] > 1]:
        raise ConfigError(
            f"These columns stand there twice: {', '.join(twice)}.",
            where=opened.where,
            fix="Rename one of each in the file.",
            code="column-twice",
        )


def _missed(name: str, header: Sequence[str]) -> str:
    folded = {one.casefold(): one for one in header}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"{name} (did you mean {folded[near[0]]}?)" if near else name


def too_long(where: str, place: str) -> ConfigError:
    """The error for a cell beyond `LONGEST`."""
    return ConfigError(
        f"A cell has more than {LONGEST:,} characters.",
        where=f"{where}, {place}",
        fix="Shorten it; in a CSV file, look for a quote that is not closed.",
        code="cell-too-long",
    )


def named(numbers: Sequence[int]) -> str:
    """The first few line or row numbers of a list, for a message."""
    more = ", …" if len(numbers) > SHOWN else ""
    return ", ".join(str(number) for number in numbers[:SHOWN]) + more
