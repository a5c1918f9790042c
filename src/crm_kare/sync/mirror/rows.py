"""The SQL of the mirror: which rows of the segments count, and what a pull changed. One engine for all of it."""
# ruff: noqa: S608  SQL is text here; every path and name in it is quoted

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from crm_kare.errors import StopError
from crm_kare.state_file import FREE_SPACE
from crm_kare.sync.mirror.files import Files, Pending
from crm_kare.sync.mirror.segments import COMPRESSION, Segment, seal_segment, unfinished_path
from crm_kare.sync.typed import quoted

SEQ: Final = "_seq"
"""Column of every segment: the order in which rows came."""

GONE: Final = "_gone"
"""Column of every segment: whether the row is a tombstone."""


def current(folder: Path, files: Files) -> str:
    """Query for the rows that a reader sees, `SEQ` and `GONE` included."""
    base = f"SELECT * FROM {_read(folder, files.base)} AS base WHERE NOT {GONE}"
    if not files.delta:
        return base
    key = quoted(files.key)
    delta = _read(folder, files.delta)
    untouched = f"{base} AND {key} NOT IN (SELECT {key} FROM {delta} AS touched)"
    return f"{untouched} UNION ALL BY NAME SELECT * FROM ({last_rows(folder, files.key, files.delta)}) WHERE NOT {GONE}"


def last_rows(folder: Path, key: str, segments: Sequence[Segment]) -> str:
    """Query for the last row of every id in some segments, tombstones included."""
    return (
        f"SELECT * FROM {_read(folder, segments)} AS rows "
        f"QUALIFY row_number() OVER (PARTITION BY {quoted(key)} ORDER BY {SEQ} DESC) = 1"
    )


class Engine:
    """DuckDB over the files of one mirror; what does not fit in `memory_limit` goes to disk."""

    def __init__(self, spill: Path, memory_limit: str) -> None:
        self._con = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "memory_limit": memory_limit,
                "temp_directory": str(spill),
                "preserve_insertion_order": "false",
            }
        )

    def close(self) -> None:
        """Give it back."""
        self._con.close()

    def count(self, query: str) -> int:
        """How many rows a query has."""
        return int(self._one(f"SELECT count(*) FROM ({query})"))

    def repeats(self, folder: Path, key: str, segments: Sequence[Segment]) -> bool:
        """Whether an id stands more than once in the segments."""
        total = sum(segment.rows for segment in segments)
        distinct = self._one(f"SELECT count(DISTINCT {quoted(key)}) FROM {_read(folder, segments)} AS rows")
        return int(distinct) < total

    def has_tombstones(self, folder: Path, segments: Sequence[Segment]) -> bool:
        """Whether there is a tombstone in the segments."""
        return bool(self._one(f"SELECT coalesce(bool_or({GONE}), false) FROM {_read(folder, segments)} AS rows"))

    def write_repeated(self, folder: Path, key: str, segments: Sequence[Segment], name: str) -> Segment:
        """A segment with the last row of each id that stands more than once."""
        name_sql, rows = quoted(key), _read(folder, segments)
        repeated = f"SELECT {name_sql} FROM {rows} AS rows GROUP BY ALL HAVING count(*) > 1"
        return self.write(
            f"SELECT * FROM {rows} AS rows WHERE {name_sql} IN ({repeated}) "
            f"QUALIFY row_number() OVER (PARTITION BY {name_sql} ORDER BY {SEQ} DESC) = 1",
            folder,
            name,
        )

    def lost(self, folder: Path, before: Files, after: Files) -> int:
        """How many ids of one state are not in another."""
        key = quoted(before.key)
        new = f"SELECT {quoted(after.key)} FROM ({current(folder, after)})"
        return self.count(f"SELECT {key} FROM ({current(folder, before)}) WHERE {key} NOT IN ({new})")

    def gone(self, folder: Path, key: str, segments: Sequence[Segment]) -> list[str]:
        """Ids that have a tombstone in the segments."""
        rows = self._run(f"SELECT DISTINCT {quoted(key)} FROM {_read(folder, segments)} AS rows WHERE {GONE}")
        return [str(row[0]) for row in rows]

    def naming(self, folder: Path, files: Files, link: str, ids: Sequence[str]) -> list[str]:
        """Ids of the rows that a reader sees and that name one of these in a column."""
        query = f"SELECT {quoted(files.key)} FROM ({current(folder, files)}) WHERE {quoted(link)} IN (SELECT unnest(?))"
        return [str(row[0]) for row in self._run(query, list(ids))]

    def moved(self, folder: Path, before: Files, pending: Pending) -> tuple[int, int]:
        """Rows that a delta adds, and rows that it takes away."""
        key = quoted(before.key)
        staged = last_rows(folder, before.key, pending.segments)
        here = f"SELECT {key} FROM ({current(folder, before)})"
        added = self.count(f"SELECT {key} FROM ({staged}) WHERE NOT {GONE} AND {key} NOT IN ({here})")
        return added, self.count(f"SELECT {key} FROM ({staged}) WHERE {GONE} AND {key} IN ({here})")

    def write(self, query: str, folder: Path, name: str) -> Segment:
        """A segment with the rows of a query."""
        path = _text(str(unfinished_path(folder, name)))
        self._run(f"COPY ({query}) TO {path} (FORMAT parquet, COMPRESSION {COMPRESSION})")
        return seal_segment(folder, name)

    def _one(self, query: str) -> int:
        return int(self._run(query)[0][0])

    def _run(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            return self._con.execute(query, parameters).fetchall()
        except duckdb.Error as error:
            raise engine_trouble(error) from error


def engine_trouble(error: duckdb.Error) -> StopError:
    """Our error for what the engine met on disk; it quotes the system's words."""
    if any(words in str(error) for words in _FULL):
        return StopError("the disk is full, or what may be used of it.", fix=FREE_SPACE, code="disk-full")
    return StopError(
        f"the mirror cannot be read or written ({type(error).__name__})",
        fix="Check the disk; else run `crm-kare pull CRM --full`.",
        code="mirror-damaged",
    )


_FULL: Final = ("No space left", "File too large", "Disk quota exceeded")


def _read(folder: Path, segments: Sequence[Segment]) -> str:
    """The segments as a table; `read_parquet` takes `[`, `*` and `?` in a path for patterns."""
    paths = [str(folder / segment.name) for segment in segments]
    escaped = ["".join(f"[{sign}]" if sign in "[*?" else sign for sign in path) for path in paths]
    return f"read_parquet([{', '.join(_text(path) for path in escaped)}])"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
