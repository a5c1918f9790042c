"""Apply a plan: batches, intents before each call, outcomes after it. And settle what a dead run left unknown."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from crm_kare.errors import InterruptedRun, RetryError
from crm_kare.journal import Journal, Recorded
from crm_kare.labels import BY_NAME, LABELS, Label
from crm_kare.model import Change, Outcome, OutcomeStatus
from crm_kare.ports import Clock, Connector, LabelField, RecordWrite, WriteRequest
from crm_kare.sync.plan import Plan
from crm_kare.sync.wanted import canonical_text

Present = Mapping[str, Mapping[str, str | None]]
_NOT_WRITTEN: Final = "not-written"
_ARRIVED: Final = Outcome("", OutcomeStatus.CHANGED)


def apply(
    connector: Connector,
    journal: Journal,
    plan: Plan,
    run_id: str,
    clock: Clock,
    *,
    read_at: datetime,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[Outcome]]:
    """Write the plan; yields the outcomes of each batch once they are journalled.

    Args:
        connector: the CRM.
        journal: where intents and outcomes go.
        plan: what to write.
        run_id: the run they belong to.
        clock: for the time of the outcomes.
        read_at: when the values that the plan expects were read.
        stop: asked before each batch.

    Raises:
        InterruptedRun: `stop()` said so; nothing is left half-done.
        KareError: a whole call failed and nothing of it was written; the next run goes on from what is journalled.
    """
    journal.changes.adopt(run_id, plan.crm, plan.agreed)
    for batch in _batches(plan, connector.capabilities.batch(plan.accounts.num_rows)):
        if stop():
            raise InterruptedRun("The run was stopped between two batches.", fix="The next run goes on.")
        journal.changes.intend(run_id, itertools.chain.from_iterable(changes for _, changes in batch))
        records = tuple(record for record, _ in batch)
        request = WriteRequest(plan.source, plan.fields, records, read_at, plan.accounts.num_rows)
        outcomes = _written(connector, request)
        journal.changes.settle(run_id, plan.crm, outcomes, clock.now())
        yield outcomes


def settle(
    connector: Connector, journal: Journal, crm: str, source: str, fields: Sequence[LabelField], now: datetime
) -> int:
    """Read back the accounts whose fate earlier runs left unknown, and journal what became of them; returns how many.

    Raises:
        KareError: the CRM could not be asked; they stay unknown.
    """
    left = journal.changes.unsettled(crm)
    names = sorted({one.change.account_id for one in left})
    if names:
        connector.await_writes(source)
    size = connector.capabilities.write_batch
    for ids in (names[at : at + size] for at in range(0, len(names), size)):
        present = connector.read(source, ids, _known(fields, left))
        chosen = set(ids)
        for run_id, rows in _by_run(one for one in left if one.change.account_id in chosen):
            journal.changes.settle(run_id, crm, [_found(account, values, present) for account, values in rows], now)
    return len(names)


def _batches(plan: Plan, size: int) -> Iterator[list[tuple[RecordWrite, list[Change]]]]:
    """Accounts with their changes, `size` at a time, in the plan's order."""
    changes = itertools.groupby(plan, key=lambda change: change.account_id)
    writes = (
        (_record(account_id, cells), cells) for account_id, cells in ((key, list(group)) for key, group in changes)
    )
    while batch := list(itertools.islice(writes, size)):
        yield batch


def _record(account_id: str, cells: Sequence[Change]) -> RecordWrite:
    return RecordWrite(account_id, {cell.label: cell.new for cell in cells}, {cell.label: cell.old for cell in cells})


def _written(connector: Connector, request: WriteRequest) -> list[Outcome]:
    """Write; where the answer was lost, look what the CRM holds, and send once more what did not arrive. What stays
    unknown is read back by the next run.
    """
    outcomes = connector.write(request)
    lost = {one.account_id for one in outcomes if one.status is OutcomeStatus.UNKNOWN}
    if not lost:
        return outcomes
    try:
        found = _looked_up(connector, request, lost)
        again = tuple(one for one in request.records if found.get(one.account_id, _ARRIVED).code == _NOT_WRITTEN)
        found |= {one.account_id: one for one in connector.write(replace(request, records=again))} if again else {}
    except RetryError:
        return outcomes
    return [found.get(one.account_id, one) for one in outcomes]


def _looked_up(connector: Connector, request: WriteRequest, lost: AbstractSet[str]) -> dict[str, Outcome]:
    present = connector.read(request.source, sorted(lost), request.fields)
    return {
        one.account_id: _found(one.account_id, one.values, present) for one in request.records if one.account_id in lost
    }


def _found(account_id: str, values: Mapping[str, str | None], present: Present) -> Outcome:
    """What became of a write, by what the CRM holds now. What did not arrive is planned again by the run that sees it."""
    held = present.get(account_id)
    if held is None:
        return Outcome(account_id, OutcomeStatus.CONFLICT, "gone", "The account is gone.")
    if all(_same(BY_NAME[label], held.get(label), new) for label, new in values.items()):
        return Outcome(account_id, OutcomeStatus.CHANGED)
    shown = tuple((label, held.get(label)) for label in values)
    return Outcome(account_id, OutcomeStatus.CONFLICT, _NOT_WRITTEN, "The write did not arrive.", present=shown)


def _same(label: Label, held: str | None, new: str | None) -> bool:
    return canonical_text(held, label.type) == canonical_text(new, label.type)


def _known(fields: Sequence[LabelField], left: Iterable[Recorded]) -> tuple[LabelField, ...]:
    """The fields that were written, by their name of then, so that a changed mapping still finds them."""
    written = {one.change.label: one.change.field for one in left}
    now = {one.label.name: one.field for one in fields}
    return tuple(LabelField(label, (now | written)[label.name]) for label in LABELS if label.name in written)


def _by_run(left: Iterable[Recorded]) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """For each run, its accounts with the values it meant to write."""
    runs: dict[str, dict[str, dict[str, Any]]] = {}
    for one in left:
        values = runs.setdefault(one.run_id, {}).setdefault(one.change.account_id, {})
        values[one.change.label] = one.change.new
    for run_id, accounts in runs.items():
        yield run_id, list(accounts.items())
