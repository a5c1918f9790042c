"""What an undo needs of the journal: what a run changed, the labels that were held before it, and a CRM held back since."""

import json
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from crm_kare.journal.labels import counting
from crm_kare.journal.store import Store, arrow_pages
from crm_kare.journal.tables import CHANGES, LABEL_HISTORY, NOTES, OUTCOMES, RUNS, WRITTEN, text_of
from crm_kare.model import OutcomeStatus

UNDO: Final = "undo"
"""What `history` calls a run that undoes another one."""

_TOPIC: Final = "undone"
_JUDGED: Final = ("Profile", "Computed_Profile")
_CHANGED: Final = pa.schema([(name, pa.string()) for name in ("account_id", "label", "field", "old", "new")])


class Undos:
    """Runs that were undone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def changed_by(self, run_id: str) -> pa.Table:
        """What a run changed in the CRM: `account_id, label, field, old, new`, by account. What the CRM held already, refused
        or never got is not among it.
        """
        columns = [CHANGES.c[name] for name in _CHANGED.names]
        here = sa.and_(OUTCOMES.c.run_id == CHANGES.c.run_id, OUTCOMES.c.account_id == CHANGES.c.account_id)
        query = (
            sa.select(*columns)
            .select_from(CHANGES.join(OUTCOMES, here))
            .where(CHANGES.c.run_id == run_id, OUTCOMES.c.status == OutcomeStatus.CHANGED.value)
            .order_by(CHANGES.c.account_id)
        )
        with self._store.reading() as connection:
            return pa.Table.from_batches(list(arrow_pages(connection, query, _CHANGED)), _CHANGED)

    def restore_labels(self, run_id: str, crm: str, undone: str, as_of: date, now: datetime) -> None:
        """Let the labels count again that accounts held before a run, in the name of the run that undoes it.

        Left out are accounts whose profile is still that run's in the CRM, or has moved on since. Called again after a crash,
        it goes on.
        """
        with self._store.writing() as connection:
            names = [column.name for column in LABEL_HISTORY.columns if column.name != "entry"]
            before = _held_before(run_id, crm, undone, as_of)
            connection.execute(sa.insert(LABEL_HISTORY).from_select(names, before))
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(labels_at=text_of(now)))

    def begin(self, run_id: str, crm: str, undone: str, now: datetime) -> None:
        """A run is about to undo another one: it is of that kind, and whatever comes next would write the same again, and needs
        approval.
        """
        row = {"crm": crm, "topic": _TOPIC, "kept_at": text_of(now), "body": json.dumps({"run": undone})}
        with self._store.writing() as connection:
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(verb=UNDO))
            self._store.upsert(connection, NOTES, [row])

    def holding(self, crm: str) -> str | None:
        """The run that was undone, where nothing was approved since."""
        query = sa.select(NOTES.c.body).where(NOTES.c.crm == crm, NOTES.c.topic == _TOPIC)
        with self._store.reading() as connection:
            body = connection.scalar(query)
        return str(json.loads(body)["run"]) if body else None

    def release(self, crm: str) -> None:
        """Nothing needs approval for an undo any more."""
        with self._store.writing() as connection:
            connection.execute(sa.delete(NOTES).where(NOTES.c.crm == crm, NOTES.c.topic == _TOPIC))


def _held_before(run_id: str, crm: str, undone: str, as_of: date) -> sa.Select[Any]:
    """New entries of the label history: each account's as it was before a run, blank where there was none."""
    theirs, earlier, other = (LABEL_HISTORY.alias(name) for name in ("theirs", "earlier", "other"))
    same = sa.and_(other.c.crm == crm, other.c.account_id == theirs.c.account_id, counting(other))
    last = sa.select(sa.func.max(other.c.entry)).where(same, other.c.entry < theirs.c.entry).correlate(theirs)
    later = sa.select(other.c.entry).where(same, other.c.entry > theirs.c.entry).correlate(theirs)
    still = sa.select(WRITTEN.c.label).where(
        WRITTEN.c.crm == crm,
        WRITTEN.c.account_id == theirs.c.account_id,
        WRITTEN.c.label.in_(_JUDGED),
        WRITTEN.c.run_id == undone,
    )
    return (
        sa.select(
            sa.literal(crm),
            theirs.c.account_id,
            *(earlier.c[name] for name in ("computed_profile", "shown_profile", "badge")),
            sa.func.coalesce(earlier.c.reason, f"Undo of {undone}"),
            sa.func.coalesce(earlier.c.since, as_of.isoformat()),
            sa.literal(as_of.isoformat()),
            sa.func.coalesce(earlier.c.rules_version, ""),
            sa.literal(run_id),
        )
        .select_from(theirs.outerjoin(earlier, earlier.c.entry == last.scalar_subquery()))
        .where(theirs.c.run_id == undone, theirs.c.crm == crm, counting(theirs), ~later.exists(), ~still.exists())
        .order_by(theirs.c.account_id)
    )
