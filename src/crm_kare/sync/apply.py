"""Apply a plan: batches, intents before each call, outcomes after it. And settle what a dead run left unknown.

While the CRM works on a batch, the outcomes of the one before and the intents of the next one are journalled.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from crm_kare.errors import InterruptedRun, KareError, RetryError
from crm_kare.journal import Journal, Recorded
from crm_kare.labels import BY_NAME, LABELS, Label
from crm_kare.model import Change, Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, Clock, Connector, LabelField, RecordWrite, WriteRequest
from crm_kare.sync.plan import Plan
from crm_kare.sync.wanted import canonical_text

Present = Mapping[str, Mapping[str, str | None]]
_Answered = tuple[list[Outcome], KareError | None]
"""Outcomes of a batch, and what ended it early."""

_Sent = tuple[WriteRequest, Future[_Answered]]

_NOT_WRITTEN: Final = "not-written"


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
    """Write the plan, one batch after the other; yields the outcomes of each once they are journalled.

    What was not sent before the run ended has no outcome: nobody's edit stands in its way, the next run writes it.

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
        KareError: calls failed; what became of the accounts sent is journalled, and the next run goes on from there.
    """
    journal.changes.adopt(run_id, plan.crm, plan.agreed)
    with ThreadPoolExecutor(1, thread_name_prefix=f"writes to {plan.crm}") as hand:
        sent: _Sent | None = None
        for request in itertools.chain(_intended(journal, connector, plan, run_id, read_at), [None]):
            outcomes, unsent, trouble = _answered(sent)
            sent = None
            if request is not None:
                trouble = trouble or (_stopped() if stop() else None)
                if trouble is None:
                    sent = request, hand.submit(_written, connector, request, stop)
                else:
                    unsent += request.records
            journal.changes.settle(run_id, plan.crm, [*outcomes, *map(_not_sent, unsent)], clock.now())
            if done := [one for one in outcomes if one.code != _NOT_WRITTEN]:
                yield done
            if trouble is not None:
                raise trouble


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


def _intended(
    journal: Journal, connector: Connector, plan: Plan, run_id: str, read_at: datetime
) -> Iterator[WriteRequest]:
    """Each batch, its intents journalled."""
    planned = plan.accounts.num_rows
    for batch in _batches(plan, connector.capabilities.batches(planned)):
        journal.changes.intend(run_id, itertools.chain.from_iterable(changes for _, changes in batch))
        yield WriteRequest(plan.source, plan.fields, tuple(record for record, _ in batch), read_at, planned)


def _answered(sent: _Sent | None) -> tuple[list[Outcome], tuple[RecordWrite, ...], KareError | None]:
    """What became of the batch that is under way, once it is done: outcomes, records not written, what ended it early."""
    if sent is None:
        return [], (), None
    request, future = sent
    try:
        outcomes, trouble = future.result()
    except KareError as error:
        return [], request.records, error
    return outcomes, (), trouble


def _batches(plan: Plan, sizes: Iterable[int]) -> Iterator[list[tuple[RecordWrite, list[Change]]]]:
    """Accounts with their changes, so many at a time, in the plan's order."""
    writes = ((_record(cells, account["group_id"] or ""), cells) for account, cells in plan.by_account())
    for size in sizes:
        yield list(itertools.islice(writes, size))


def _record(cells: Sequence[Change], group: str) -> RecordWrite:
    values, expected = {cell.label: cell.new for cell in cells}, {cell.label: cell.old for cell in cells}
    return RecordWrite(cells[0].account_id, values, expected, group)


def _written(connector: Connector, request: WriteRequest, stop: Callable[[], bool]) -> _Answered:
    """Write; where answers were lost, look what the CRM holds, and send again what did not arrive, for as long as that
    gets on. Tells too what ended it early; what stays unknown is read back by the next run.
    """
    outcomes = {one.account_id: one for one in connector.write(request)}
    left = len(outcomes) + 1
    trouble: KareError | None = None
    while (lost := [one for one in outcomes.values() if one.status is OutcomeStatus.UNKNOWN]) and len(lost) < left:
        left = len(lost)
        try:
            _heed(stop)
            outcomes |= _once_more(connector, request, lost)
        except KareError as error:
            trouble = error
            break
    if trouble is None and any(one.code == NOT_SENT for one in outcomes.values()):
        trouble = RetryError("The CRM did not take all records, again and again.", fix="The next run goes on.")
    return [_parked(outcomes[one.account_id]) for one in request.records], trouble


def _once_more(connector: Connector, request: WriteRequest, lost: Sequence[Outcome]) -> dict[str, Outcome]:
    """Look what the CRM holds of those whose answer was lost; send those that did not arrive, or were never sent."""
    again = {one.account_id for one in lost if one.code == NOT_SENT}
    asked = [one.account_id for one in lost if one.code != NOT_SENT]
    found: dict[str, Outcome] = {}
    if asked:
        connector.await_writes(request.source)
        found = _looked_up(connector, request, set(asked))
        again |= {key for key, one in found.items() if one.code == _NOT_WRITTEN}
    records = tuple(one for one in request.records if one.account_id in again)
    if records:
        found |= {one.account_id: one for one in connector.write(replace(request, records=records))}
    return found


def _looked_up(connector: Connector, request: WriteRequest, lost: AbstractSet[str]) -> dict[str, Outcome]:
    present = connector.read(request.source, sorted(lost), request.fields)
    return {
        one.account_id: _found(one.account_id, one.values, present) for one in request.records if one.account_id in lost
    }


def _parked(outcome: Outcome) -> Outcome:
    """What was certainly not written needs no reading back: the run that sees it plans it again."""
    if outcome.code != NOT_SENT:
        return outcome
    return replace(outcome, status=OutcomeStatus.CONFLICT, code=_NOT_WRITTEN)


def _not_sent(record: RecordWrite) -> Outcome:
    return Outcome(record.account_id, OutcomeStatus.CONFLICT, _NOT_WRITTEN, "The run ended before the record was sent.")


def _heed(stop: Callable[[], bool]) -> None:
    """Raise where a stop was asked for; `stop` raises by itself where another run took over."""
    if stop():
        raise _stopped()


def _stopped() -> InterruptedRun:
    return InterruptedRun("The run was stopped between two batches.", fix="The next run goes on.")


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
