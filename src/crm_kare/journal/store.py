"""The database under the journal: connections, transactions, bulk writes. The only place that knows the dialects.

SQLite: WAL (readers and one writer at a time), 30 s of patience for the lock, `BEGIN IMMEDIATE` for writes (a deferred
transaction that turns into a write fails at once where another writer came between). PostgreSQL: as it is.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine

from crm_kare.errors import BusyError, ConfigError, KareError, StopError

T = TypeVar("T")

BATCH: Final = 10_000
"""Rows per commit: another writer waits no longer than one batch takes."""

_PATIENCE_MS: Final = 30_000
_NAMES_PER_QUERY: Final = 500


class Store:
    """A database with our tables in it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
        """Give back all connections."""
        self._engine.dispose()


def connect(url: str) -> Store:
    """A store for a database address. An SQLite file is made where there is none, for its owner only (0600).

    Raises:
        ConfigError: the address cannot be read, or its driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            _make_private(parsed)
        engine = sa.create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        raise ConfigError(
            f"the journal's database address cannot be used ({type(error).__name__})",
            where="CRM_KARE_DATABASE_URL",
            fix="Use sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME with psycopg installed.",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return Store(engine)


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


def _make_private(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        return
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make_file(path)
    if path.stat().st_uid == os.getuid():
        path.chmod(0o600)  # SQLite gives the -wal and -shm files the mode of this one


def _make_file(path: Path) -> None:
    """The file appears in WAL mode at once: where several programs switch a new one over, SQLite lets none of them wait."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(number)
    try:
        with closing(sqlite3.connect(name)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself: `_begin_sqlite` does
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """The driver's errors as ours; statements and parameters stay out of the message."""
    where = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.OperationalError as error:
        if "locked" in str(error.orig):
            raise BusyError("the journal is locked by another program", where=where, fix="Try again.") from None
        raise StopError(_said(error), where=where, fix="Check that the database can be reached and written.") from None
    except sa.exc.DatabaseError as error:
        raise StopError(_said(error), where=where, fix="Check the database, or restore it from a backup.") from None


def _said(error: sa.exc.DBAPIError) -> str:
    """SQLite's own words (they hold no values); of other drivers only the kind, for their words quote rows."""
    detail = f": {error.orig}" if isinstance(error.orig, sqlite3.Error) else ""
    return f"the journal's database refused ({type(error.orig).__name__}{detail})"
