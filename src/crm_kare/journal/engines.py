"""SQLAlchemy engines for the journal's databases, set up as it wants them, each alone or shared by many journals.

SQLite: WAL (readers and one writer at a time), 30 s of patience for the lock, `BEGIN IMMEDIATE` for writes (a deferred
transaction that turns into a write fails at once where another writer came between). PostgreSQL: each transaction names the
schema it is in, where one is set, so that journals of many projects can share their connections.
"""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from crm_kare.errors import ConfigError

_PAGE: Final = 16_384
"""Bytes of a page of a new SQLite file: with its own 4,096 every long reason spills over into a page of its own, which makes
the file of a large plan half as large again and its writing a quarter slower.
"""

_PATIENCE_MS: Final = 30_000
_KEPT: Final = 5
"""Connections of a shared pool that stay open while nobody uses them."""
_SCHEMA: Final = "kare_schema"
_TIMEOUTS: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Parameters of libpq by which a database that went without a word is noticed within half a minute; the address may set others."""


class Pools:
    """Connections to PostgreSQL that journals share: at most so many for each address, however many schemas are there.

    Who waits longer than half a minute for one is refused by SQLAlchemy's `TimeoutError`.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._engines: dict[str, Engine] = {}
        self._lock = Lock()

    def engine(self, url: URL) -> Engine:
        """The one engine of an address."""
        with self._lock:
            address = url.render_as_string(hide_password=False)
            if address not in self._engines:
                kept = min(self._most, _KEPT)
                limits = {"pool_size": kept, "max_overflow": self._most - kept, "pool_timeout": _PATIENCE_MS / 1000}
                self._engines[address] = _postgresql(url, **limits)
            return self._engines[address]

    def close(self) -> None:
        """Give back all connections, once no journal uses them."""
        with self._lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


def engine(url: str, schema: str = "", pools: Pools | None = None) -> tuple[Engine, bool]:
    """An engine for a database address, and whether others share it. An SQLite file is made where there is none, for its
    owner only (0600).

    Args:
        url: the address.
        schema: the schema of PostgreSQL to be in.
        pools: where connections to PostgreSQL come from; None = the engine's own.

    Raises:
        ConfigError: the address cannot be read, its driver is not installed, or SQLite shall have a schema.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, schema), False
        made = pools.engine(parsed) if pools else _postgresql(parsed)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        raise ConfigError(
            f"the journal's database address cannot be used ({type(error).__name__})",
            where="CRM_KARE_DATABASE_URL",
            fix="Use sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME with psycopg installed.",
        ) from error
    return (made.execution_options(**{_SCHEMA: schema}) if schema else made), pools is not None


def schema_of(made: Engine | Connection) -> str:
    """The schema that an engine is in; empty where none is set."""
    return str(made.get_execution_options().get(_SCHEMA, ""))


def quoted(made: Engine, name: str) -> str:
    """A name as the database writes it."""
    return made.dialect.identifier_preparer.quote_identifier(name)


def _postgresql(url: URL, **limits: Any) -> Engine:
    told = {name: value for name, value in _TIMEOUTS.items() if name not in url.query} if _by_libpq(url) else {}
    made = sa.create_engine(url.update_query_dict(told), pool_pre_ping=True, **limits)
    event.listen(made, "begin", _enter_schema)
    return made


def _by_libpq(url: URL) -> bool:
    return url.get_driver_name().startswith("psycopg")


def _enter_schema(connection: Connection) -> None:
    """For this transaction alone: the next one over the same connection may be another project's."""
    if schema := schema_of(connection):
        plain = {"stream_results": False}  # a cursor of the server's is for queries alone
        connection.exec_driver_sql(
            f"SET LOCAL search_path TO {quoted(connection.engine, schema)}", execution_options=plain
        )


def _sqlite(url: URL, schema: str) -> Engine:
    if schema:
        raise ConfigError(
            "only PostgreSQL has schemas.", where="CRM_KARE_DATABASE_SCHEMA", fix="Unset it, or use PostgreSQL."
        )
    _make_private(url)
    made = sa.create_engine(url)
    event.listen(made, "connect", _set_up_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    return made


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
            connection.execute(f"PRAGMA page_size = {_PAGE}")
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
