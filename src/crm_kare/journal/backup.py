"""The journal in one file, and back: while others work on it, from and to SQLite and PostgreSQL alike.

Leases, schedules and daemons are of the moment, and pointers belong to the mirror's files: none of them is in a backup, and a restore
leaves them as they are. What the mirror lacks is pulled again.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_kare.errors import BusyError, StopError, UsageError
from crm_kare.journal.migrate import migrate
from crm_kare.journal.store import BATCH, Store, connect
from crm_kare.journal.tables import (
    DAEMONS,
    LABEL_HISTORY,
    LEASES,
    METADATA,
    NOTES,
    POINTERS,
    RUNS,
    SCHEDULES,
    moment_of,
    text_of,
)

_OF_THE_MOMENT: Final = (LEASES, POINTERS, SCHEDULES, DAEMONS)
_KEPT: Final = tuple(table for table in METADATA.sorted_tables if table not in _OF_THE_MOMENT)
_MARK: Final = {"crm": "", "topic": "backup"}


@dataclass(frozen=True)
class Backup:
    """What a backup holds: when it was made, how many runs, and when the newest of them started."""

    made_at: datetime
    runs: int
    newest: datetime | None


def back_up(store: Store, path: Path, now: datetime) -> Backup:
    """Write the journal, as it is at one moment, to a file that only its owner can read, whole or not at all.

    Raises:
        UsageError: the file cannot be written.
        StopError: the database refuses.
    """
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".crm-kare-backup-") as folder:
            draft = Path(folder) / "journal.db"
            with _opened(draft) as target:
                with store.snapshot() as source, target.writing() as connection:
                    _copy(source, target, connection)
                    mark = _MARK | {"kept_at": text_of(now), "body": json.dumps({})}
                    connection.execute(sa.insert(NOTES).values(mark))
                told = _told(target)
            _make_single(draft)
            draft.replace(path)
    except OSError as error:
        raise UsageError(
            f"the backup cannot be written: {error.strerror}.", where=str(path), fix="Name another file."
        ) from error
    return told


def restore(store: Store, path: Path, now: datetime, *, over_newer: bool = False) -> Backup:
    """Put a backup in the place of all that the journal holds, in one transaction; backups of earlier versions are brought up to
    date. The file stays as it is.

    Raises:
        UsageError: there is no such file, it is no backup, or the journal has runs that the backup does not know, and
            `over_newer` is not set.
        BusyError: a run is under way.
        StopError: the backup is of a newer version of this program, or the database refuses.
    """
    with TemporaryDirectory(prefix="crm-kare-restore-") as folder, _opened(_fetched(path, Path(folder))) as source:
        told = _told(source)
        with source.snapshot() as rows, store.writing() as connection:
            _require_free(connection, now)
            if not over_newer:
                _require_known(connection, told)
            for table in reversed(_KEPT):
                connection.execute(sa.delete(table))
            _copy(rows, store, connection)
            connection.execute(sa.delete(NOTES).where(_marked()))
            _count_on(connection)
    return told


@contextmanager
def _opened(path: Path) -> Iterator[Store]:
    store = connect(f"sqlite:///{path}")
    try:
        migrate(store)
        yield store
    finally:
        store.close()


def _fetched(path: Path, folder: Path) -> Path:
    """A copy of a backup to work on; `UsageError` where it is none."""
    copy = folder / "journal.db"
    try:
        shutil.copyfile(path, copy)
        with closing(sqlite3.connect(copy)) as raw:
            marked = raw.execute("SELECT count(*) FROM notes WHERE crm = '' AND topic = 'backup'").fetchone()[0]
    except OSError as error:
        raise UsageError(f"the backup cannot be read: {error.strerror}.", where=str(path)) from error
    except sqlite3.DatabaseError:
        marked = 0
    if not marked:
        raise UsageError("this is no backup of a journal.", where=str(path), fix="Name a file that `backup` wrote.")
    return copy


def _copy(rows: Connection, target: Store, connection: Connection) -> None:
    for table in _KEPT:
        found = rows.execution_options(stream_results=True).execute(sa.select(table))
        for page in found.partitions(BATCH):
            target.upsert_rows(connection, table, [tuple(row) for row in page])


def _told(backup: Store) -> Backup:
    with backup.reading() as connection:
        made = connection.scalar(sa.select(NOTES.c.kept_at).where(_marked()))
        runs, newest = connection.execute(sa.select(sa.func.count(), sa.func.max(RUNS.c.started_at))).one()
    if made is None:
        raise StopError("the backup does not say when it was made")
    return Backup(moment_of(made), runs, moment_of(newest) if newest else None)


def _marked() -> sa.ColumnElement[bool]:
    return sa.and_(NOTES.c.crm == _MARK["crm"], NOTES.c.topic == _MARK["topic"])


def _require_free(connection: Connection, now: datetime) -> None:
    """Nobody runs; and nobody begins to until the transaction ends, which SQLite sees to by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE leases IN EXCLUSIVE MODE"))
    running = connection.scalar(sa.select(LEASES.c.crm).where(LEASES.c.until > text_of(now)))
    if running is not None:
        raise BusyError("a run is under way.", where=running, fix="Stop `crm-kare serve`, or wait until the run ends.")


def _require_known(connection: Connection, backup: Backup) -> None:
    later = sa.select(sa.func.count()).select_from(RUNS)
    if backup.newest is not None:
        later = later.where(RUNS.c.started_at > text_of(backup.newest))
    count = connection.scalar(later)
    if count:
        raise UsageError(
            f"the journal has {count} runs that are newer than the backup of {backup.made_at:%Y-%m-%d %H:%M} UTC, and would lose them.",
            fix="Make a backup of the present journal, then restore with --yes.",
        )


def _count_on(connection: Connection) -> None:
    """PostgreSQL counts entries by a sequence of its own, which has not seen those that came."""
    if connection.dialect.name == "postgresql":
        last = sa.select(sa.func.coalesce(sa.func.max(LABEL_HISTORY.c.entry), 0) + 1).scalar_subquery()
        sequence = sa.func.pg_get_serial_sequence("label_history", "entry")
        connection.execute(sa.select(sa.func.setval(sequence, last, sa.false())))


def _make_single(path: Path) -> None:
    """All in one file, on the disk, and not in WAL mode, which wants a folder it can write to."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())
