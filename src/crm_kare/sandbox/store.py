"""Where the sandbox keeps its records: one SQLite database, in it one org per vendor.

The store knows nothing of either vendor: ids are minted and values are formed by the vendor's side. Every method is safe
to call from any thread; a write is visible to the next read.
"""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from crm_kare.ports import Clock
from crm_kare.sandbox.fields import Access, FieldDef, HistoryEntry, Option

__all__ = ["SYSTEM_COLUMNS", "Access", "FieldDef", "HistoryEntry", "Mint", "Option", "Org", "Record", "Store"]

Record = dict[str, Any]
"""Field values by name, and the store's own columns: see `SYSTEM_COLUMNS`."""

Mint = Callable[[str, int], str]
"""Makes the vendor's id from the object's name and a serial number that begins at 1."""

SYSTEM_COLUMNS: Final = ("_id", "_created", "_modified", "_deleted", "_merged_into", "_modified_by", "_created_by")
"""Id; epoch milliseconds of creation and of the last write; 0 or 1; the survivor's id; who wrote last and first."""


class Store:
    """The database. `orgs` holds one `Org` by vendor name."""

    def __init__(self, clock: Clock, path: Path | None = None, *, large: bool = False) -> None:
        """`large`: without a path it is kept in a file that SQLite makes and takes away, not in memory."""
        self.clock = clock
        self.orgs: dict[str, Org] = {}
        self.at_end = ExitStack()  # what the vendors' sides have to give back
        self._lock = threading.RLock()
        if path is not None:
            path.unlink(missing_ok=True)
        self._database = sqlite3.connect(
            path or ("" if large else ":memory:"), check_same_thread=False, isolation_level=None
        )
        for statement in _SETUP:
            self._database.execute(statement)

    def add_org(self, vendor: str, mint: Mint, resolution: int = 1) -> "Org":
        """An empty org of a vendor, whose stamps are cut to `resolution` milliseconds."""
        org = Org(self, vendor, mint, resolution)
        self.orgs[vendor] = org
        return org

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT. For the vendors' own query languages; table names come from `Org.table`."""
        with self._lock:
            return self._database.execute(sql, parameters).fetchall()

    def records(self, sql: str, parameters: Sequence[Any] = ()) -> list[Record]:
        """The rows of a SELECT, by column name."""
        with self._lock:
            cursor = self._database.execute(sql, parameters)
            names = [one[0] for one in cursor.description]
            return [dict(zip(names, row, strict=False)) for row in cursor]

    def batches(self, sql: str, parameters: Sequence[Any], rows: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a SELECT, so many at a time; nobody else reads or writes until the last one is taken."""
        with self._lock:
            cursor = self._database.execute(sql, parameters)
            while found := cursor.fetchmany(rows):
                yield found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; nests by savepoint. Other threads wait."""
        with self._lock:
            self._database.execute("SAVEPOINT step")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK TO step")
                self._database.execute("RELEASE step")
                for org in self.orgs.values():
                    org.turn_back()
                raise
            self._database.execute("RELEASE step")

    def close(self) -> None:
        """Give the database back; an in-memory one is gone."""
        self.at_end.close()
        with self._lock:
            self._database.close()


_SETUP: Final = (
    "PRAGMA synchronous=OFF",
    "PRAGMA cache_size=-65536",
    "CREATE TABLE history (vendor TEXT, object TEXT, record TEXT, field TEXT, old, new, at INTEGER, who TEXT)",
    "CREATE INDEX history_record ON history (vendor, object, record)",
    "CREATE TABLE purged (vendor TEXT, object TEXT, record TEXT, at INTEGER)",
    """CREATE TABLE link (vendor TEXT, source TEXT, source_id TEXT, target TEXT, target_id TEXT, type TEXT,
    PRIMARY KEY (vendor, source, target, source_id, target_id, type)) WITHOUT ROWID""",
)


class Org:
    """One customer's CRM: objects, their fields and records, links between records, permissions."""

    def __init__(self, store: Store, vendor: str, mint: Mint, resolution: int) -> None:
        self.store = store
        self.vendor = vendor
        self._resolution = resolution
        self._mint = mint
        self._fields: dict[str, dict[str, FieldDef]] = {}
        self._serials: dict[str, int] = {}
        self._access: dict[tuple[str, str, str], Access] = {}
        self._writes: Counter[str] = Counter()
        self._shapes = 0

    def now_ms(self) -> int:
        """The clock's present moment in epoch milliseconds, as this vendor stamps it."""
        moment = int(self.store.clock.now().timestamp() * 1000)
        return moment - moment % self._resolution

    def version(self, *names: str) -> tuple[int, ...]:
        """Moves with every write to records of these objects, and with every change of fields or of access."""
        return (self._shapes, *(self._writes[one] for one in names))

    def turn_back(self) -> None:
        """What was written last is undone: no version holds any more."""
        self._shapes += 1

    # fields

    def define(self, name: str, fields: Iterable[FieldDef], indexed: Sequence[str] = ()) -> None:
        """A new object with its fields; `indexed` ones are quick to look up."""
        defined = list(fields)
        columns = ", ".join(f'"{one.name}"' for one in defined)
        with self.store.transaction() as database:
            database.execute(
                f"CREATE TABLE {self.table(name)} (_id TEXT PRIMARY KEY, _created INTEGER, _modified INTEGER,"
                f" _deleted INTEGER NOT NULL DEFAULT 0, _merged_into TEXT, _modified_by TEXT, _created_by TEXT"
                f"{', ' + columns if columns else ''})"
            )
            for column in ("_modified", *indexed):
                database.execute(f'CREATE INDEX "{self.vendor}_{name}_{column}" ON {self.table(name)} ("{column}")')
            self._fields[name] = {one.name: one for one in defined}
            self._shapes += 1
            self._serials[name] = 0

    def objects(self) -> tuple[str, ...]:
        """Names of the objects, in the order defined."""
        return tuple(self._fields)

    def fields(self, name: str) -> dict[str, FieldDef]:
        """The object's fields by name, as they are now (a copy); `KeyError` where there is no such object."""
        return dict(self._fields[name])

    def add_field(self, name: str, definition: FieldDef) -> None:
        """A new field, blank on every record."""
        with self.store.transaction() as database:
            database.execute(f'ALTER TABLE {self.table(name)} ADD COLUMN "{definition.name}"')
            self._fields[name][definition.name] = definition
            self._shapes += 1

    def change_field(self, name: str, definition: FieldDef) -> None:
        """Another definition of a field that is there; values stay."""
        self._fields[name][self._fields[name][definition.name].name] = definition
        self._shapes += 1

    def drop_field(self, name: str, column: str) -> None:
        """Take a field away with its values and its permissions."""
        with self.store.transaction() as database:
            database.execute(f'ALTER TABLE {self.table(name)} DROP COLUMN "{column}"')
            del self._fields[name][column]
            self._shapes += 1
            self._access = {key: one for key, one in self._access.items() if key[1:] != (name, column)}

    def table(self, name: str) -> str:
        """The object's table as SQL names it."""
        return f'"{self.vendor}_{name}"'

    # permissions

    def set_access(self, who: str, name: str, column: str, access: Access) -> None:
        """What a user may do with a field, whatever the vendor's own permissions say."""
        self._access[who, name, column] = access
        self._shapes += 1

    def access(self, who: str, name: str, column: str) -> Access | None:
        """What `set_access` said; `None` where it said nothing."""
        return self._access.get((who, name, column))

    # records

    def mint(self, name: str) -> str:
        """The next id of an object."""
        with self.store.transaction():
            self._serials[name] += 1
            return self._mint(name, self._serials[name])

    def mint_many(self, name: str, number: int) -> list[str]:
        """The next ids of an object."""
        with self.store.transaction():
            begin = self._serials[name] + 1
            self._serials[name] += number
        return [self._mint(name, serial) for serial in range(begin, begin + number)]

    def load(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Many new records at once. Each has `_id` (from `mint`) and may have the other system columns; no history."""
        now = self.now_ms()
        self._writes[name] += 1
        with self.store.transaction() as database:
            for names, alike in groupby(records, key=tuple):
                stamps = {one: now for one in ("_created", "_modified") if one not in names}
                columns = ", ".join(f'"{one}"' for one in (*names, *stamps))
                marks = ", ".join("?" * (len(names) + len(stamps)))
                database.executemany(
                    f"INSERT INTO {self.table(name)} ({columns}) VALUES ({marks})",  # noqa: S608  names are ours
                    ((*one.values(), *stamps.values()) for one in alike),
                )

    def insert(self, name: str, values: Mapping[str, Any], who: str) -> str:
        """One new record; its id."""
        with self.store.transaction():
            record_id = self.mint(name)
            self.load(name, [{**values, "_id": record_id, "_created_by": who, "_modified_by": who}])
            return record_id

    def get(self, name: str, record_id: str) -> Record | None:
        """A record, deleted or not."""
        found = self.select(name, "_id = ?", (record_id,), deleted=None)
        return found[0] if found else None

    def get_many(
        self, name: str, ids: Sequence[str], *, deleted: bool | None = None, columns: Sequence[str] = ()
    ) -> dict[str, Record]:
        """Records by id, those that exist; `columns` as with `select`."""
        where, among = "_id IN (SELECT value FROM json_each(?))", json.dumps(list(ids))
        found = self.select(name, where, (among,), deleted=deleted, columns=columns)
        return {one["_id"]: one for one in found}

    def select(
        self,
        name: str,
        where: str = "",
        parameters: Sequence[Any] = (),
        *,
        order: str = "_id",
        limit: int = -1,
        offset: int = 0,
        deleted: bool | None = False,
        columns: Sequence[str] = (),
    ) -> list[Record]:
        """Records that meet an SQL condition over the columns; `deleted=None` means both kinds.

        With `columns` they hold the system's columns and these alone, which is quicker.
        """
        wanted = ", ".join(f'"{one}"' for one in (*SYSTEM_COLUMNS, *columns)) if columns else "*"
        sql = f"SELECT {wanted} FROM {self.table(name)} WHERE {_condition(where, deleted)} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608  conditions come from the vendors' sides
        return self.store.records(sql, (*parameters, limit, offset))

    def count(self, name: str, where: str = "", parameters: Sequence[Any] = (), *, deleted: bool | None = False) -> int:
        """How many records meet an SQL condition."""
        sql = f"SELECT count(*) FROM {self.table(name)} WHERE {_condition(where, deleted)}"  # noqa: S608
        return int(self.store.rows(sql, parameters)[0][0])

    def update(self, name: str, record_id: str, changes: Mapping[str, Any], who: str) -> Record:
        """Write values on one record, which is returned as it is then.

        The stamp moves even where nothing changes; the history keeps what did.
        """
        now = self.now_ms()
        self._writes[name] += 1
        with self.store.transaction() as database:
            before = self.get(name, record_id)
            if before is None:
                raise KeyError(record_id)
            written = {**changes, "_modified": now, "_modified_by": who}
            assignments = ", ".join(f'"{one}" = ?' for one in written)
            database.execute(
                f"UPDATE {self.table(name)} SET {assignments} WHERE _id = ?",  # noqa: S608  names are ours
                (*written.values(), record_id),
            )
            moved = [(one, before[one], new) for one, new in changes.items() if before[one] != new]
            database.executemany(
                "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (self.vendor, name, record_id, one, old, new, now, who)
                    for one, old, new in moved
                    if self._fields[name][one].tracked
                ],
            )
        return {**before, **written}

    def recompute(self, name: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Set values as formulas and roll-ups change: no stamp moves, no history is kept."""
        assignments = ", ".join(f'"{one}" = ?' for one in values)
        with self.store.transaction() as database:
            sql = f"UPDATE {self.table(name)} SET {assignments} WHERE _id = ?"  # noqa: S608  names are ours
            database.execute(sql, (*values.values(), record_id))

    def backdate(self, name: str, record_id: str, modified: int) -> None:
        """Stamp a record as if its last write had begun earlier and was committed only now, as long transactions do."""
        with self.store.transaction() as database:
            database.execute(f"UPDATE {self.table(name)} SET _modified = ? WHERE _id = ?", (modified, record_id))  # noqa: S608

    def delete(self, name: str, record_id: str, who: str, merged_into: str | None = None) -> None:
        """Into the recycle bin; `merged_into` names the record that survived a merge."""
        self._mark(name, record_id, who, deleted=1, merged_into=merged_into)

    def undelete(self, name: str, record_id: str, who: str) -> None:
        """Out of the recycle bin."""
        self._mark(name, record_id, who, deleted=0, merged_into=None)

    def purge(self, name: str, record_id: str) -> None:
        """Gone for good: no read shows it again. That it was there, and when it was deleted, stays known."""
        self._writes[name] += 1
        with self.store.transaction() as database:
            database.execute(
                "INSERT INTO purged SELECT ?, ?, _id, CASE _deleted WHEN 0 THEN ? ELSE _modified END"  # noqa: S608
                f" FROM {self.table(name)} WHERE _id = ?",
                (self.vendor, name, self.now_ms(), record_id),
            )
            database.execute(f"DELETE FROM {self.table(name)} WHERE _id = ?", (record_id,))  # noqa: S608

    def purged(self, name: str, start: int, end: int) -> list[tuple[str, int]]:
        """What was deleted from `start` on and before `end`, and is gone for good: ids and moments, oldest first."""
        rows = self.store.rows(
            "SELECT record, at FROM purged WHERE vendor = ? AND object = ? AND at >= ? AND at < ? ORDER BY at, record",
            (self.vendor, name, start, end),
        )
        return [(str(record), int(moment)) for record, moment in rows]

    def _mark(self, name: str, record_id: str, who: str, *, deleted: int, merged_into: str | None) -> None:
        sql = f"UPDATE {self.table(name)} SET _deleted=?, _merged_into=?, _modified=?, _modified_by=? WHERE _id=?"  # noqa: S608
        self._writes[name] += 1
        with self.store.transaction() as database:
            if not database.execute(sql, (deleted, merged_into, self.now_ms(), who, record_id)).rowcount:
                raise KeyError(record_id)

    def history(self, name: str, ids: Sequence[str], column: str | None = None) -> list[HistoryEntry]:
        """Changes of these records, oldest first; of one field, or of all."""
        rows = self.store.rows(
            "SELECT record, field, old, new, at, who FROM history WHERE vendor = ? AND object = ?"
            " AND record IN (SELECT value FROM json_each(?)) AND (? IS NULL OR field = ?) ORDER BY at, rowid",
            (self.vendor, name, json.dumps(list(ids)), column, column),
        )
        return [HistoryEntry(*row) for row in rows]

    def keep_history(self, name: str, record_id: str, others: Sequence[str]) -> None:
        """Give a record the changes of others, as of the one that they were merged into."""
        with self.store.transaction() as database:
            database.execute(
                "INSERT INTO history SELECT vendor, object, ?, field, old, new, at, who FROM history"
                " WHERE vendor = ? AND object = ? AND record IN (SELECT value FROM json_each(?)) ORDER BY at, rowid",
                (record_id, self.vendor, name, json.dumps(list(others))),
            )

    # links

    def link(self, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> None:
        """Links (source id, target id, type) from one object to another; a link that is there stays one."""
        with self.store.transaction() as database:
            database.executemany(
                "INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?, ?, ?)",
                [(self.vendor, source, from_id, target, to_id, kind) for from_id, to_id, kind in links],
            )

    def unlink(self, source: str, target: str, links: Iterable[tuple[str, str, str]]) -> None:
        """Take links away; one that is not there is no error."""
        with self.store.transaction() as database:
            database.executemany(
                "DELETE FROM link WHERE vendor=? AND source=? AND source_id=? AND target=? AND target_id=? AND type=?",
                [(self.vendor, source, from_id, target, to_id, kind) for from_id, to_id, kind in links],
            )

    def links(self, source: str, target: str, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        """Links from these records, sorted: (source id, target id, type)."""
        rows = self.store.rows(
            "SELECT source_id, target_id, type FROM link WHERE vendor = ? AND source = ? AND target = ?"
            " AND source_id IN (SELECT value FROM json_each(?)) ORDER BY 1, 2, 3",
            (self.vendor, source, target, json.dumps(list(ids))),
        )
        return [(str(one), str(two), str(three)) for one, two, three in rows]


def _condition(where: str, deleted: bool | None) -> str:  # noqa: FBT001  three-valued: yes, no, both
    parts = [f"({where})"] if where else []
    if deleted is not None:
        parts.append(f"_deleted = {int(deleted)}")
    return " AND ".join(parts) or "1"
