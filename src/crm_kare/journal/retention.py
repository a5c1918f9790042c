"""What the journal forgets: runs that are old, labels held long ago, and all that is kept of an account."""

import json
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_kare.journal.labels import counting
from crm_kare.journal.store import Store
from crm_kare.journal.tables import AUTHORS, CHANGES, LABEL_HISTORY, OUTCOMES, PLANS, REJECTED, RUNS, WRITTEN, text_of

MOST: Final = 20
"""Runs forgotten at one time, so that no run waits long for it."""

_OF_ACCOUNT: Final = (WRITTEN, REJECTED, LABEL_HISTORY, AUTHORS)


class Retention:
    """Forgetting. What was written last and the newest label of every account stay, for runs lean on them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def forget_runs(self, crm: str, before: datetime, *, most: int = MOST) -> int:
        """Forget the oldest ended runs of a CRM that started before a moment, with their changes; returns how many.

        A run that the label history still speaks of keeps its record.
        """
        old = sa.and_(RUNS.c.crm == crm, RUNS.c.started_at < text_of(before), RUNS.c.ended_at.is_not(None))
        in_history = sa.select(LABEL_HISTORY.c.entry).where(LABEL_HISTORY.c.run_id == RUNS.c.run_id).exists()
        has_changes = sa.select(OUTCOMES.c.run_id).where(OUTCOMES.c.run_id == RUNS.c.run_id).exists()
        due = sa.select(RUNS.c.run_id).where(old, sa.or_(~in_history, has_changes)).order_by(RUNS.c.started_at)
        with self._store.reading() as connection:
            names = list(connection.scalars(due.limit(most)))
        for name in names:
            with self._store.writing() as connection:
                for table in (CHANGES, OUTCOMES, PLANS):
                    connection.execute(sa.delete(table).where(table.c.run_id == name))
                connection.execute(sa.delete(RUNS).where(RUNS.c.run_id == name, ~in_history))
        return len(names)

    def forget_labels(self, crm: str, before: date) -> None:
        """Forget what a CRM's accounts held before a day, but for the newest label of each."""
        other = LABEL_HISTORY.alias("other")
        newer = sa.and_(
            other.c.crm == crm,
            other.c.account_id == LABEL_HISTORY.c.account_id,
            other.c.entry > LABEL_HISTORY.c.entry,
            counting(other),
        )
        old = sa.and_(LABEL_HISTORY.c.crm == crm, LABEL_HISTORY.c.as_of < before.isoformat())
        superseded = sa.select(other.c.entry).where(newer).exists()
        with self._store.writing() as connection:
            connection.execute(sa.delete(LABEL_HISTORY).where(old, superseded))

    def erase(self, crm: str, account_id: str) -> int:
        """Erase all that is kept of an account: changes, outcomes, own values, labels, problems; returns how many rows.

        The runs' own numbers stay as they were.
        """
        with self._store.writing() as connection:
            runs = list(connection.execute(sa.select(RUNS.c.run_id, RUNS.c.summary).where(RUNS.c.crm == crm)))
            gone = sum(_erase(connection, table, table.c.crm == crm, account_id) for table in _OF_ACCOUNT)
            theirs = sa.select(RUNS.c.run_id).where(RUNS.c.crm == crm)
            gone += sum(
                _erase(connection, table, table.c.run_id.in_(theirs), account_id) for table in (CHANGES, OUTCOMES)
            )
            for run_id, summary in runs:
                if (kept := _without(summary, account_id)) is not None:
                    connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(summary=kept))
                    gone += 1
        return gone


def _erase(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool], account_id: str) -> int:
    return connection.execute(sa.delete(table).where(where, table.c.account_id == account_id)).rowcount


def _without(summary: str | None, account_id: str) -> str | None:
    """A run's summary without an account's problems; None where it has none."""
    if not summary or account_id not in summary:
        return None
    told: dict[str, Any] = json.loads(summary)
    problems = told.get("problems", [])
    kept = [one for one in problems if one.get("account_id") != account_id]
    return json.dumps(told | {"problems": kept}, sort_keys=True) if len(kept) < len(problems) else None
