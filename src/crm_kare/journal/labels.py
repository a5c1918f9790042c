"""Label history: for each account the profiles it had, since when and why. Rows only where something changed.

Rows are written in batches under a run; they count only once that run says so (`record` does it at its end), so that a
run which dies half-way leaves no half history.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crm_kare.journal.store import BATCH, Store, arrow_pages, batches
from crm_kare.journal.tables import LABEL_HISTORY, RUNS, text_of

_HELD: Final = ("account_id", "computed_profile", "shown_profile", "badge", "since")


@dataclass(frozen=True)
class HeldLabel:
    """One entry of an account's history: held from `since` until the next entry. `since` is the day the computed
    profile came; a change of the badge or of the shown profile alone keeps it.
    """

    account_id: str
    computed_profile: str | None
    shown_profile: str | None
    badge: str | None
    reason: str | None
    since: date
    as_of: date
    rules_version: str
    run_id: str


class LabelHistory:
    """Labels over time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, run_id: str, crm: str, labels: pa.Table, *, as_of: date, rules_version: str, now: datetime) -> int:
        """Write an entry for every account whose computed profile, shown profile or badge differs from the one held,
        then let the run's entries count; returns how many. Called again after a crash, it starts over.

        `labels` has `account_id, computed_profile, shown_profile, badge, reason`, one row per account.
        """
        with self._store.writing() as connection:
            connection.execute(sa.delete(LABEL_HISTORY).where(LABEL_HISTORY.c.run_id == run_id))
        moved = _moved(labels, self._held(crm), as_of)
        same = {"crm": crm, "as_of": as_of.isoformat(), "rules_version": rules_version, "run_id": run_id}
        for batch in batches(same | row for page in moved.to_batches(BATCH) for row in page.to_pylist()):
            with self._store.writing() as connection:
                self._store.append(connection, LABEL_HISTORY, batch)
        with self._store.writing() as connection:
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(labels_at=text_of(now)))
        return int(moved.num_rows)

    def held(self, crm: str) -> pa.Table:
        """The last computed labels that count: `account_id, computed_profile, badge` (text), `since` (date32)."""
        table = self._held(crm)
        return table.drop_columns(["shown_profile"])

    def entries(self, crm: str) -> pa.Table:
        """The last computed labels that count, with the entry's number: `account_id, computed_profile, entry`. Of two CRMs'
        entries the one with the larger number was written later.
        """
        return self._last(crm, pa.schema([*map(_text, ("account_id", "computed_profile")), ("entry", pa.int64())]))

    def of_account(self, crm: str, account_id: str) -> list[HeldLabel]:
        """The history of one account, newest first."""
        query = (
            sa.select(LABEL_HISTORY)
            .where(LABEL_HISTORY.c.crm == crm, LABEL_HISTORY.c.account_id == account_id, counting())
            .order_by(LABEL_HISTORY.c.entry.desc())
        )
        with self._store.reading() as connection:
            return [_label(row) for row in connection.execute(query).mappings()]

    def moved_since(self, crm: str, day: date) -> list[tuple[HeldLabel, HeldLabel | None]]:
        """Accounts that show another profile than at the end of a day, by id: the newest entry, and the one of that day; None
        where there was none.
        """
        was, recent = LABEL_HISTORY.c.as_of <= day.isoformat(), LABEL_HISTORY.c.as_of > day.isoformat()
        with self._store.reading() as connection:
            now = {one.account_id: one for one in _read(connection, LABEL_HISTORY.c.entry.in_(_newest(crm)), recent)}
            moved = sa.select(LABEL_HISTORY.c.account_id).where(LABEL_HISTORY.c.entry.in_(_newest(crm)), recent)
            then = _read(
                connection, LABEL_HISTORY.c.entry.in_(_newest(crm, was)), LABEL_HISTORY.c.account_id.in_(moved)
            )
            before = {one.account_id: one for one in then}
        pairs = [(now[name], before.get(name)) for name in sorted(now)]
        return [(one, old) for one, old in pairs if old is None or old.shown_profile != one.shown_profile]

    def _held(self, crm: str) -> pa.Table:
        table = self._last(crm, pa.schema(map(_text, _HELD)))
        return table.set_column(4, "since", table["since"].cast(pa.date32()))

    def _last(self, crm: str, schema: pa.Schema) -> pa.Table:
        last = (
            sa.select(sa.func.max(LABEL_HISTORY.c.entry))
            .where(LABEL_HISTORY.c.crm == crm, counting())
            .group_by(LABEL_HISTORY.c.account_id)
        )
        query = sa.select(*[LABEL_HISTORY.c[name] for name in schema.names]).where(LABEL_HISTORY.c.entry.in_(last))
        with self._store.reading() as connection:
            return pa.Table.from_batches(list(arrow_pages(connection, query, schema)), schema)


def _text(name: str) -> tuple[str, pa.DataType]:
    return name, pa.string()


def _newest(crm: str, *which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The newest entry of each account, of those that count."""
    mine = sa.select(sa.func.max(LABEL_HISTORY.c.entry)).where(LABEL_HISTORY.c.crm == crm, counting(), *which)
    return mine.group_by(LABEL_HISTORY.c.account_id)


def _read(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[HeldLabel]:
    return [_label(row) for row in connection.execute(sa.select(LABEL_HISTORY).where(*which)).mappings()]


def counting(entries: sa.FromClause = LABEL_HISTORY) -> sa.ColumnElement[bool]:
    """Which entries count: those of runs that said so at their end."""
    return entries.c.run_id.in_(sa.select(RUNS.c.run_id).where(RUNS.c.labels_at.is_not(None)))


def _moved(labels: pa.Table, held: pa.Table, as_of: date) -> pa.Table:
    """Of the labels, the rows that differ from what is held, with the day since when the computed profile holds."""
    wanted = labels.select(["account_id", "computed_profile", "shown_profile", "badge", "reason"])
    known = held.append_column("known", pa.repeat(pa.scalar(value=True), held.num_rows))
    both = wanted.join(known, "account_id", join_type="left outer", right_suffix="_held").sort_by("account_id")
    new_profile = _differs(both, "computed_profile")
    moved = pc.or_(pc.or_(new_profile, _differs(both, "shown_profile")), _differs(both, "badge"))
    moved = pc.or_(moved, pc.is_null(both["known"]))
    since = pc.if_else(new_profile, pa.scalar(as_of, pa.date32()), pc.coalesce(both["since"], pa.scalar(as_of)))
    rows = both.select(wanted.column_names).append_column("since", since.cast(pa.string()))
    return rows.filter(moved)


def _differs(both: pa.Table, name: str) -> Any:
    """Where a column differs from its held twin; blank equals blank."""
    wanted: Any = both[name].cast(pa.string())
    held: Any = both[f"{name}_held"].cast(pa.string())
    return pc.not_equal(pc.fill_null(wanted, ""), pc.fill_null(held, ""))


def _label(row: Mapping[Any, Any]) -> HeldLabel:
    texts = ("account_id", "computed_profile", "shown_profile", "badge", "reason", "rules_version", "run_id")
    return HeldLabel(
        **{name: row[name] for name in texts},
        since=date.fromisoformat(row["since"]),
        as_of=date.fromisoformat(row["as_of"]),
    )
