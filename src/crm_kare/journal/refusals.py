"""What the CRM refused, row by row: with the value that it did not take, and when it is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crm_kare.journal.store import Store
from crm_kare.journal.tables import CHANGES, OUTCOMES, REJECTED, RUNS, moment_of
from crm_kare.model import OutcomeStatus


@dataclass(frozen=True)
class Refusal:
    """An account that the CRM refused.

    Attributes:
        crm: the CRM's name.
        run_id: the run that wrote it.
        account_id: the account.
        field: the CRM field that it refused, where it told.
        value: what we wrote into that field.
        code: the CRM's code.
        message: its words.
        fix: what to do.
        tries: how often it was refused so far; None where it has landed since, or a later run tried it.
        next_try: when it is tried again; None likewise.
    """

    crm: str
    run_id: str
    account_id: str
    field: str
    value: str | None
    code: str
    message: str
    fix: str
    tries: int | None
    next_try: datetime | None


class Refusals:
    """Rejected accounts, to be looked at."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def standing(self, crm: str) -> list[Refusal]:
        """Those that have not landed since, by account."""
        return self._read(_query(standing=True).where(RUNS.c.crm == crm))

    def of_run(self, run_id: str) -> list[Refusal]:
        """All that a run met, by account."""
        return self._read(_query(standing=False).where(OUTCOMES.c.run_id == run_id))

    def _read(self, query: sa.Select[Any]) -> list[Refusal]:
        with self._store.reading() as connection:
            return [_refusal(row) for row in connection.execute(query.order_by(OUTCOMES.c.account_id)).mappings()]


def _query(*, standing: bool) -> sa.Select[Any]:
    written = sa.and_(
        CHANGES.c.run_id == OUTCOMES.c.run_id,
        CHANGES.c.account_id == OUTCOMES.c.account_id,
        sa.func.lower(CHANGES.c.field) == sa.func.lower(OUTCOMES.c.field),
    )
    waits = sa.and_(
        REJECTED.c.crm == RUNS.c.crm,
        REJECTED.c.account_id == OUTCOMES.c.account_id,
        REJECTED.c.run_id == OUTCOMES.c.run_id,
    )
    tables = (
        OUTCOMES.join(RUNS, RUNS.c.run_id == OUTCOMES.c.run_id)
        .join(REJECTED, waits, isouter=not standing)
        .join(CHANGES, written, isouter=True)
    )
    told = [OUTCOMES.c[name] for name in ("run_id", "account_id", "field", "code", "message", "fix")]
    columns = (RUNS.c.crm, *told, CHANGES.c.new.label("value"), REJECTED.c.tries, REJECTED.c.next_try)
    return sa.select(*columns).select_from(tables).where(OUTCOMES.c.status == OutcomeStatus.REJECTED.value)


def _refusal(row: Mapping[Any, Any]) -> Refusal:
    return Refusal(**{**row, "next_try": moment_of(row["next_try"]) if row["next_try"] else None})
