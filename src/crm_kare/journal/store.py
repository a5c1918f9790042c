"""The database under the journal: transactions and bulk writes. Besides `engines` the only place that knows the dialects."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, TypeVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from crm_kare.errors import BusyError, KareError, RetryError, StopError
from crm_kare.journal import engines
from crm_kare.state_file import FREE_SPACE

T = TypeVar("T")

BATCH: Final = 10_000
"""Rows per commit: another writer waits no longer than one batch takes."""

_NAMES_PER_QUERY: Final = 500

_DISK_FULL: Final = "53100"
_AGAIN: Final = {"40001", "40P01", "55P03"}
"""PostgreSQL's codes for transactions that stood in each other's way: https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_AWAY: Final = ("08", "53300", "57P")
"""Beginnings of its codes for a server that is away, starts or ends; its driver tells none where the connection broke."""


class Store:
    """A database with our tables in it; `shared` where others use its connections too."""

    def __init__(self, engine: Engine, *, shared: bool = False) -> None:
        self._engine, self._shared = engine, shared

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        with _translated(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """As `reading`, for many queries: PostgreSQL too shows them one state, and nobody waits for it."""
        level = {"isolation_level": "REPEATABLE READ"} if self._engine.dialect.name == "postgresql" else {}
        with _translated(self._engine), self._engine.execution_options(**level).connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it, or nothing."""
        with _translated(self._engine):
            engine = self._engine.execution_options(writes=True)
            with engine.begin() as connection:
                yield connection

    def upsert(
        self,
        connection: Connection,
        table: sa.Table,
        rows: Sequence[dict[str, Any]],
        *,
        refresh: Sequence[str] | None = None,
    ) -> None:
        """Insert rows; where the primary key is there, set the columns `refresh` (default: all others).

        With an empty `refresh`, rows that are there stay as they are. Driver-level `executemany`.
        """
        if rows:
            names, tuples = _tuples(table, rows)
            self._bulk(connection, self._upsert(table, names, refresh), tuples)

    def upsert_rows(self, connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """As `upsert`, for many: each row is a tuple with the values of all columns, in the table's order."""
        if rows:
            self._bulk(connection, self._upsert(table, [column.name for column in table.columns]), rows)

    def append(self, connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows by driver-level `executemany`."""
        if rows:
            names, tuples = _tuples(table, rows)
            self._bulk(connection, _insert(self._engine, table, names), tuples)

    def upsert_from(self, connection: Connection, table: sa.Table, rows: sa.Select[Any]) -> None:
        """Insert what a query yields (columns in the table's order); where the primary key is there, replace the rest."""
        names = [column.name for column in table.columns]
        keys = [column.name for column in table.primary_key]
        insert = _dialect(self._engine).insert(table).from_select(names, rows)
        others = {name: insert.excluded[name] for name in names if name not in keys}
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=others))

    def _upsert(self, table: sa.Table, names: Sequence[str], refresh: Sequence[str] | None = None) -> Any:
        keys = [column.name for column in table.primary_key]
        others = [name for name in names if name not in keys] if refresh is None else refresh
        insert = _insert(self._engine, table, names)
        if not others:
            return insert.on_conflict_do_nothing(index_elements=keys)
        return insert.on_conflict_do_update(index_elements=keys, set_={n: insert.excluded[n] for n in others})

    def _bulk(self, connection: Connection, insert: sa.Insert, rows: Sequence[tuple[Any, ...]]) -> None:
        """`rows` in the order of the insert's columns."""
        compiled = insert.compile(dialect=self._engine.dialect)
        names = list(compiled.params)
        parameters: Any = rows if compiled.positional else [dict(zip(names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(str(compiled), parameters)

    def answers(self) -> bool:
        """Whether the database answers now, and lets itself be read."""
        try:
            with self.reading() as connection:
                connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        except KareError:
            return False
        return True

    def close(self) -> None:
        """Give back all connections; shared ones are their pool's to give back."""
        if not self._shared:
            self._engine.dispose()


def connect(url: str, schema: str = "", pools: engines.Pools | None = None) -> Store:
    """A store for a database address; arguments and errors as for `engines.engine`."""
    engine, shared = engines.engine(url, schema, pools)
    return Store(engine, shared=shared)


def batches(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Rows in lists of at most `size`."""
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def name_groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Names in groups small enough for one `IN (…)` list on every database."""
    for start in range(0, len(names), _NAMES_PER_QUERY):
        yield names[start : start + _NAMES_PER_QUERY]


def arrow_pages(connection: Connection, query: sa.Select[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows of a query as Arrow, a page at a time, so that no list of all rows is ever made."""
    for rows in connection.execution_options(stream_results=True).execute(query).partitions(BATCH):
        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _dialect(engine: Engine) -> Any:
    """The dialect switch: both know the same ON CONFLICT clause, each in its own class."""
    return postgresql if engine.dialect.name == "postgresql" else sqlite


def _tuples(table: sa.Table, rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns that the rows have, in the table's order, and the rows as tuples."""
    names = [column.name for column in table.columns if column.name in rows[0]]
    return names, [tuple(row[name] for name in names) for row in rows]


def _insert(engine: Engine, table: sa.Table, names: Sequence[str]) -> Any:
    insert = _dialect(engine).insert(table)
    return insert.values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """The driver's errors as ours; statements and parameters stay out of the message."""
    where = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _ours(error, where) from None
    except sa.exc.TimeoutError:
        raise BusyError("all connections to the journal's database are in use", where=where, fix="Try again.") from None


def _ours(error: sa.exc.DBAPIError, where: str) -> KareError:
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or ""
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL or state == _DISK_FULL:
        return StopError("the disk of the journal's database is full", where=where, fix=FREE_SPACE, code="disk-full")
    if "locked" in str(cause) or state in _AGAIN:
        return BusyError("the journal is locked by another program", where=where, fix="Try again.")
    if isinstance(error, sa.exc.OperationalError):
        if not isinstance(cause, sqlite3.Error) and (not state or state.startswith(_AWAY)):
            return RetryError(
                "the journal's database cannot be reached",
                where=where,
                fix="See that it runs and takes connections; the next run reads back what this one left, and goes on.",
                code="database-unreachable",
            )
        return StopError(_said(error), where=where, fix="Check that the database can be reached and written.")
    return StopError(_said(error), where=where, fix="Check the database, or restore it from a backup.")


def _said(error: sa.exc.DBAPIError) -> str:
    """SQLite's own words (they hold no values); of other drivers only the kind, for their words quote rows."""
    detail = f": {error.orig}" if isinstance(error.orig, sqlite3.Error) else ""
    return f"the journal's database refused ({type(error.orig).__name__}{detail})"
