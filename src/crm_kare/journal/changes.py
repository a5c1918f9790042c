"""What we meant to write, what became of it, and what we wrote last: intent before the call, outcome after it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_kare.journal.store import BATCH, Store, arrow_pages, batches, name_groups
from crm_kare.journal.tables import CHANGES, OUTCOMES, REJECTED, RUNS, WRITTEN, moment_of, text_of
from crm_kare.model import Change, Outcome, OutcomeStatus

WAITS: Final = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""How long a rejected account waits after its first, second … refusal; the last one repeats."""

_LANDED: Final = (OutcomeStatus.CHANGED, OutcomeStatus.SAME)
_WRITTEN_SCHEMA: Final = pa.schema([("account_id", pa.string()), ("label", pa.string()), ("value", pa.string())])


@dataclass(frozen=True)
class Recorded:
    """One journalled change; `outcome` is None where the run died between the intent and the answer."""

    run_id: str
    change: Change
    outcome: Outcome | None


@dataclass(frozen=True)
class Rejection:
    """An account that the CRM refused: by which run, with which words, how often, and when it is tried again."""

    account_id: str
    run_id: str
    code: str
    message: str
    fix: str
    field: str
    tries: int
    next_try: datetime


class Changes:
    """Changes by run, with outcomes; own last values; rejected accounts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def intend(self, run_id: str, changes: Iterable[Change]) -> int:
        """Write down what is about to be written, before the call; returns how many. Commits every 10k rows.

        The same change twice in one run is one row.
        """
        count = 0
        for batch in batches(changes):
            with self._store.writing() as connection:
                self._store.upsert_rows(connection, CHANGES, [(run_id, *change) for change in batch])
            count += len(batch)
        return count

    def settle(self, run_id: str, crm: str, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Write down what became of accounts of a run.

        In the same transaction (one per 10k rows): the values that landed (`changed`, `same`) become our last written
        ones, refused accounts get their next try, and landed ones leave the list of the refused.
        """
        at = text_of(now)
        for batch in batches(outcomes):
            with self._store.writing() as connection:
                self._store.upsert_rows(connection, OUTCOMES, [_outcome(run_id, one, at) for one in batch])
                for names in name_groups([one.account_id for one in batch if one.status in _LANDED]):
                    self._keep_written(connection, run_id, crm, names)
                    connection.execute(sa.delete(REJECTED).where(_account_in(REJECTED, crm, names)))
                refused = [one for one in batch if one.status is OutcomeStatus.REJECTED]
                self._keep_rejected(connection, run_id, crm, refused, now)

    def adopt(self, run_id: str, crm: str, cells: pa.Table) -> int:
        """Take values that the CRM holds, and that are the ones we want, as written by us; returns how many.

        `cells` has `account_id, label, value`. From then on a person's edit of them is seen as one.
        """
        for page in cells.to_batches(BATCH):
            columns = (page[name].to_pylist() for name in _WRITTEN_SCHEMA.names)
            with self._store.writing() as connection:
                rows = [(crm, *row, run_id) for row in zip(*columns, strict=True)]
                self._store.upsert_rows(connection, WRITTEN, rows)
        return cells.num_rows

    def unsettled(self, crm: str) -> list[Recorded]:
        """Changes of ended or dead runs whose fate is not known: no outcome, or `unknown`. Read those accounts back,
        then `settle` them under their own run id. In the order of runs.
        """
        open_ended = sa.or_(OUTCOMES.c.status.is_(None), OUTCOMES.c.status == OutcomeStatus.UNKNOWN.value)
        query = _recorded().where(RUNS.c.crm == crm, open_ended).order_by(RUNS.c.started_at, CHANGES.c.account_id)
        with self._store.reading() as connection:
            return [_row(row) for row in connection.execute(query).mappings()]

    def of_run(self, run_id: str) -> Iterator[Recorded]:
        """Every change of a run with its outcome, by account and label; memory stays flat.

        The database is read in pages, so that nobody holds a transaction open while the caller works.
        """
        query = _recorded().where(CHANGES.c.run_id == run_id).order_by(CHANGES.c.account_id, CHANGES.c.label)
        last: tuple[str, str] | None = None
        while True:
            page = query.limit(BATCH)
            if last is not None:
                page = page.where(sa.tuple_(CHANGES.c.account_id, CHANGES.c.label) > last)
            with self._store.reading() as connection:
                rows = [_row(row) for row in connection.execute(page).mappings()]
            yield from rows
            if len(rows) < BATCH:
                return
            last = (rows[-1].change.account_id, rows[-1].change.label)

    def last_written(self, crm: str, account_ids: Sequence[str] | None = None) -> pa.Table:
        """What we last wrote: `account_id, label, value` (null = we blanked it). No row: we never wrote that field.

        Of the accounts named (those with a planned change are enough to find a person's edit), or of all.
        """
        columns = (WRITTEN.c.account_id, WRITTEN.c.label, WRITTEN.c.value)
        query = sa.select(*columns).where(WRITTEN.c.crm == crm)
        queries = (
            [query]
            if account_ids is None
            else [query.where(WRITTEN.c.account_id.in_(names)) for names in name_groups(account_ids)]
        )
        with self._store.reading() as connection:
            pages = [page for one in queries for page in arrow_pages(connection, one, _WRITTEN_SCHEMA)]
        return pa.Table.from_batches(pages, _WRITTEN_SCHEMA)

    def rejected(self, crm: str) -> list[Rejection]:
        """Accounts that the CRM refused and that have not landed since, by id."""
        query = sa.select(REJECTED).where(REJECTED.c.crm == crm).order_by(REJECTED.c.account_id)
        with self._store.reading() as connection:
            return [_rejection(row) for row in connection.execute(query).mappings()]

    def count_rejected(self) -> dict[str, int]:
        """How many accounts of each CRM were refused and have not landed since; CRMs without any are left out."""
        query = sa.select(REJECTED.c.crm, sa.func.count().label("accounts")).group_by(REJECTED.c.crm)
        with self._store.reading() as connection:
            return {row.crm: row.accounts for row in connection.execute(query)}

    def waiting(self, crm: str, now: datetime) -> frozenset[str]:
        """Refused accounts whose next try is still ahead: leave them out of this run."""
        query = sa.select(REJECTED.c.account_id).where(REJECTED.c.crm == crm, REJECTED.c.next_try > text_of(now))
        with self._store.reading() as connection:
            return frozenset(connection.scalars(query))

    def retry_now(self, crm: str, now: datetime) -> int:
        """Let every refused account be tried by the next run; returns how many. The growing waits start anew."""
        again = sa.update(REJECTED).where(REJECTED.c.crm == crm).values(next_try=text_of(now), tries=0)
        with self._store.writing() as connection:
            return connection.execute(again).rowcount

    def _keep_written(self, connection: Connection, run_id: str, crm: str, names: Sequence[str]) -> None:
        landed = sa.select(
            sa.literal(crm), CHANGES.c.account_id, CHANGES.c.label, CHANGES.c.new, CHANGES.c.run_id
        ).where(CHANGES.c.run_id == run_id, CHANGES.c.account_id.in_(names))
        self._store.upsert_from(connection, WRITTEN, landed)

    def _keep_rejected(
        self, connection: Connection, run_id: str, crm: str, refused: Sequence[Outcome], now: datetime
    ) -> None:
        tries: dict[str, int] = {}
        for names in name_groups([one.account_id for one in refused]):
            query = sa.select(REJECTED.c.account_id, REJECTED.c.tries).where(_account_in(REJECTED, crm, names))
            tries |= {row.account_id: row.tries for row in connection.execute(query)}
        rows = [_refusal(run_id, crm, one, tries.get(one.account_id, 0), now) for one in refused]
        self._store.upsert_rows(connection, REJECTED, rows)


def _outcome(run_id: str, one: Outcome, at: str) -> tuple[str, ...]:
    return run_id, one.account_id, one.status.value, one.code, one.message, one.fix, one.field, at


def _refusal(run_id: str, crm: str, one: Outcome, tries: int, now: datetime) -> tuple[Any, ...]:
    next_try = text_of(now + WAITS[min(tries, len(WAITS) - 1)])
    return crm, one.account_id, run_id, one.code, one.message, one.fix, one.field, tries + 1, next_try


def _account_in(table: sa.Table, crm: str, names: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.crm == crm, table.c.account_id.in_(names))


def _recorded() -> sa.Select[Any]:
    told = [OUTCOMES.c[name] for name in ("status", "code", "message", "fix")]
    joined = CHANGES.join(RUNS, RUNS.c.run_id == CHANGES.c.run_id).outerjoin(
        OUTCOMES,
        sa.and_(OUTCOMES.c.run_id == CHANGES.c.run_id, OUTCOMES.c.account_id == CHANGES.c.account_id),
    )
    return sa.select(CHANGES, *told, OUTCOMES.c.field.label("refused_field")).select_from(joined)


def _row(row: Mapping[Any, Any]) -> Recorded:
    change = Change(row["account_id"], row["label"], row["field"], row["old"], row["new"], row["why"])
    if row["status"] is None:
        return Recorded(row["run_id"], change, None)
    status = OutcomeStatus(row["status"])
    outcome = Outcome(change.account_id, status, row["code"], row["message"], row["fix"], row["refused_field"])
    return Recorded(row["run_id"], change, outcome)


def _rejection(row: Mapping[Any, Any]) -> Rejection:
    said = {name: row[name] for name in ("account_id", "run_id", "code", "message", "fix", "field", "tries")}
    return Rejection(**said, next_try=moment_of(row["next_try"]))
