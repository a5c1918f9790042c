"""The record of every run: what it was, how it ended, what it said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from crm_kare.journal.store import Store
from crm_kare.journal.tables import OUTCOMES, RUNS, moment_of, text_of
from crm_kare.model import RunStatus

_TO_THE_END = (RunStatus.DONE.value, RunStatus.PARTIAL.value)
_WHOLE = ("sync", "apply")
_JUDGED = ("sync", "webhook")


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        run_id: unique, given by the door.
        crm: the CRM's name in the project.
        verb: the command it ran: sync, apply, undo, retry.
        status: how it ended; `running` also for one that was killed and not yet found.
        as_of: the day it judged.
        started_at: in UTC.
        ended_at: in UTC; None while it runs.
        labels_counted: whether its label history counts.
        summary: the Contract's run object of `sync --json`.
    """

    run_id: str
    crm: str
    verb: str
    status: RunStatus
    as_of: date | None
    started_at: datetime
    ended_at: datetime | None
    labels_counted: bool
    summary: Mapping[str, Any]


class Runs:
    """Runs, kept for good."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def start(self, run_id: str, crm: str, now: datetime, *, verb: str = "sync", as_of: date | None = None) -> None:
        """Write down that a run begins."""
        row = {
            "run_id": run_id,
            "crm": crm,
            "verb": verb,
            "status": RunStatus.RUNNING.value,
            "as_of": as_of.isoformat() if as_of else None,
            "started_at": text_of(now),
        }
        with self._store.writing() as connection:
            connection.execute(sa.insert(RUNS).values(row))

    def end(self, run_id: str, status: RunStatus, now: datetime, summary: Mapping[str, Any]) -> None:
        """Write down how it ended."""
        values = {"status": status.value, "ended_at": text_of(now), "summary": json.dumps(summary, sort_keys=True)}
        with self._store.writing() as connection:
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(values))

    def close_dead(self, crm: str, now: datetime) -> list[str]:
        """Mark runs of a CRM that never ended as interrupted, and name them. Call it while holding the CRM's lease."""
        dead = sa.and_(RUNS.c.crm == crm, RUNS.c.status == RunStatus.RUNNING.value)
        with self._store.writing() as connection:
            names = list(connection.scalars(sa.select(RUNS.c.run_id).where(dead).order_by(RUNS.c.started_at)))
            values = {"status": RunStatus.INTERRUPTED.value, "ended_at": text_of(now)}
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id.in_(names)).values(values))
        return names

    def written_since(self, crm: str, moment: datetime) -> frozenset[str]:
        """Accounts that runs of a CRM wrote to, or tried to, from a moment on."""
        since = text_of(moment)
        recent = sa.and_(RUNS.c.crm == crm, sa.or_(RUNS.c.ended_at.is_(None), RUNS.c.ended_at >= since))
        runs = sa.select(RUNS.c.run_id).where(recent)
        query = sa.select(OUTCOMES.c.account_id).where(OUTCOMES.c.run_id.in_(runs), OUTCOMES.c.at >= since)
        with self._store.reading() as connection:
            return frozenset(connection.scalars(query))

    def get(self, run_id: str) -> Run | None:
        """One run, None where there is no such run."""
        with self._store.reading() as connection:
            row = connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).mappings().first()
        return _run(row) if row else None

    def last_success(self, crm: str) -> Run | None:
        """The newest run over a whole CRM that came to its end, single records refused or not."""
        return self._last(RUNS.c.crm == crm, RUNS.c.verb.in_(_WHOLE), RUNS.c.status.in_(_TO_THE_END))

    def last_labelled(self, crm: str) -> Run | None:
        """The newest run that judged a CRM's accounts and wrote its labels."""
        return self._last(RUNS.c.crm == crm, RUNS.c.verb.in_(_JUDGED), RUNS.c.labels_at.is_not(None))

    def newest(self, crm: str | None = None, limit: int = 20) -> list[Run]:
        """Runs, newest first; of one CRM or of all."""
        query = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc()).limit(limit)
        if crm is not None:
            query = query.where(RUNS.c.crm == crm)
        with self._store.reading() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def _last(self, *which: sa.ColumnElement[bool]) -> Run | None:
        query = sa.select(RUNS).where(*which).order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc()).limit(1)
        with self._store.reading() as connection:
            row = connection.execute(query).mappings().first()
        return _run(row) if row else None


def _run(row: Mapping[Any, Any]) -> Run:
    return Run(
        run_id=row["run_id"],
        crm=row["crm"],
        verb=row["verb"],
        status=RunStatus(row["status"]),
        as_of=date.fromisoformat(row["as_of"]) if row["as_of"] else None,
        started_at=moment_of(row["started_at"]),
        ended_at=moment_of(row["ended_at"]) if row["ended_at"] else None,
        labels_counted=row["labels_at"] is not None,
        summary=json.loads(row["summary"]) if row["summary"] else {},
    )
