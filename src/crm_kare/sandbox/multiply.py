"""A large org from a small one: the records of a business again and again, with new ids and tied among themselves.

To invent a million deals takes minutes; to copy a hundred thousand ten times takes seconds, and fills the pages, the chunks and
the files of a vendor's API in the same way.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from crm_kare.sandbox.generate import Business
from crm_kare.sandbox.store import Org

BASE: Final = 5_000
"""Companies that are invented at most; what is larger is made of copies."""


@dataclass(frozen=True)
class Copied:
    """An object whose records are copied: its columns that refer to others that are, and the one that names a record."""

    references: Mapping[str, str]
    name: str = ""


def copies_for(accounts: int) -> int:
    """How many times a business has to be there to make so many accounts."""
    return 1 if accounts <= 4 * BASE else -(-accounts // BASE)


def thinned(business: Business, deals: int) -> Business:
    """The same business with so many deals at most, left out evenly."""
    total = len(business.deals)
    if deals >= total:
        return business
    kept = [one for one in business.deals if (one.key + 1) * deals // total > one.key * deals // total]
    return replace(business, deals=tuple(replace(one, key=key) for key, one in enumerate(kept)))


def multiply(org: Org, objects: Mapping[str, Copied], copies: int) -> None:
    """Have each record so many times in all, links included. Copies carry their number behind their name."""
    with org.store.transaction() as database, _without_indexes(database, [org.table(name) for name in objects]):
        for name in objects:
            database.execute(f"CREATE TEMP TABLE {_twins(name)} (old TEXT PRIMARY KEY, new TEXT) WITHOUT ROWID")
        held = {name: [row[0] for row in database.execute(f"SELECT _id FROM {org.table(name)}")] for name in objects}  # noqa: S608
        for number in range(2, copies + 1):
            for name, ids in held.items():
                database.execute(f"DELETE FROM {_twins(name)}")  # noqa: S608  names are ours
                twins = zip(ids, org.mint_many(name, len(ids)), strict=True)
                database.executemany(f"INSERT INTO {_twins(name)} VALUES (?, ?)", twins)  # noqa: S608
            _copy(database, org, objects, number)
        for name in objects:
            database.execute(f"DROP TABLE {_twins(name)}")


def _twins(name: str) -> str:
    return f'temp."twins_{name}"'


# CROSS JOIN keeps SQLite to the order written: from the few that are copied to the many that are there.


def _copy(database: sqlite3.Connection, org: Org, objects: Mapping[str, Copied], number: int) -> None:
    for name, copied in objects.items():
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({org.table(name)})")]
        joins = "".join(
            f' LEFT JOIN {_twins(target)} "of_{column}" ON "of_{column}".old = held."{column}"'
            for column, target in copied.references.items()
        )
        values = ", ".join(_value(column, copied, number) for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        database.execute(
            f"INSERT INTO {org.table(name)} ({names}) SELECT {values} FROM {_twins(name)} twin"  # noqa: S608
            f" CROSS JOIN {org.table(name)} held ON held._id = twin.old{joins}"
        )
    for source in objects:
        for target in objects:
            database.execute(
                "INSERT INTO link SELECT vendor, source, s.new, target, t.new, type"  # noqa: S608
                f" FROM {_twins(source)} s CROSS JOIN link ON source_id = s.old"
                f" AND vendor = ? AND source = ? AND target = ? JOIN {_twins(target)} t ON t.old = target_id",
                (org.vendor, source, target),
            )


def _value(column: str, copied: Copied, number: int) -> str:
    """SQL of one column of a copy."""
    if column == "_id":
        return "twin.new"
    if column in copied.references:
        return f'coalesce("of_{column}".new, held."{column}")'
    return f"held.\"{column}\" || ' {number}'" if column == copied.name else f'held."{column}"'


@contextmanager
def _without_indexes(database: sqlite3.Connection, tables: list[str]) -> Iterator[None]:
    """Indexes are made anew at the end, which is much quicker than to keep them."""
    known: list[tuple[Any, ...]] = []
    for table in tables:
        known += database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?",
            (table.strip('"'),),
        )
    for name, _ in known:
        database.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in known:
        database.execute(statement)
