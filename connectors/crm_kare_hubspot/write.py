"""Writing labels: batches side by side, one outcome per record; then those that others moved, told by whom.

How a batch is written: `write_batch`; how a bad record is found: `write_blame`; how fast: `allowance`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from crm_kare.errors import KareError, RetryError
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import LabelField, RecordWrite
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.records import BATCH, read_batch
from crm_kare_hubspot.write_batch import Batch, Job, present_values
from crm_kare_hubspot.write_blame import deliver
from crm_kare_hubspot.write_outcomes import Present, lost, moved, not_sent
from crm_kare_hubspot.wrote_last import AT_ONCE as AT_ONCE_WITH_HISTORY
from crm_kare_hubspot.wrote_last import Hand, Hands, last_hands

AT_ONCE: Final = 20
"""Batches on their way at the same time: enough to use up the burst allowance where a call takes a second."""

MOST: Final = AT_ONCE * BATCH
"""Records in one request."""


def write(job: Job) -> list[Outcome]:
    """One outcome per record of the request, in its order.

    Raises:
        KareError: the calls failed, and nothing was written.
    """
    batches = _carried_out(job, job.request.records)
    batches += _contested(job, batches)
    error = next((one.error for one in batches if one.error), None)
    done = {key: outcome for one in batches for key, outcome in one.done.items()}
    tried = set().union(*(one.tried for one in batches))
    if error and not tried and all(one.status is not OutcomeStatus.CHANGED for one in done.values()):
        raise error
    return [
        lost(one, job.crm) if one.account_id in tried else done.get(one.account_id) or _left(one, error)
        for one in job.request.records
    ]


def read(client: Client, source: str, ids: Sequence[str], fields: Sequence[LabelField]) -> dict[str, Present]:
    """Present values by account id and label name, of at most 100 accounts those that are there under this id."""
    found = read_batch(client, source, ids, [one.field for one in fields])
    asked = set(ids)
    return {key: present_values(one, fields) for one in found if (key := str(one.get("id"))) in asked}


def _carried_out(job: Job, records: Sequence[RecordWrite]) -> list[Batch]:
    batches = [Batch(job, records[start : start + BATCH]) for start in range(0, len(records), BATCH)]
    if batches:
        with ThreadPoolExecutor(min(AT_ONCE, len(batches)), thread_name_prefix="writes to HubSpot") as hands:
            for _ in hands.map(lambda one: one.carry_out(deliver), batches):
                pass
    return batches


def _left(record: RecordWrite, error: KareError | None) -> Outcome:
    return not_sent(record, error or RetryError("HubSpot did not tell what became of it."))


# -- who was it ------------------------------------------------------------------------------------------------------


def _contested(job: Job, batches: Sequence[Batch]) -> list[Batch]:
    """Tell who moved the records in conflict, and send those that nobody but ourselves moved.

    Of many conflicts only the first are looked into: one call for fifty, and one more for each batch that had nothing to
    send, so that a plan costs two calls for each batch whatever was edited.
    """
    found = [
        (batch, record)
        for batch in batches
        for record in job.request.records
        if (told := batch.done.get(record.account_id)) and told.status is OutcomeStatus.CONFLICT
    ]
    if not found or job.over:
        return []
    found = found[: AT_ONCE_WITH_HISTORY * max(1, sum(not one.sent for one in batches)) - 1]
    ours = next((one.proof for one in batches if one.proof), None)
    names = {name for batch, record in found for name in _moved(batch, record)} | ({ours[1]} if ours else set())
    ids = [record.account_id for _, record in found]
    columns = [job.columns[name] for name in sorted(names)]
    try:
        hands = last_hands(job.client, job.request.source, [*([ours[0]] if ours else []), *ids], columns)
    except KareError:
        return []  # they stay in conflict, without a name
    us = hands.get(ours[0], {}).get(job.columns[ours[1]]) if ours else None
    again = [expecting for batch, record in found if (expecting := _told(batch, record, hands, us))]
    return _carried_out(job, again)


def _moved(batch: Batch, record: RecordWrite) -> list[str]:
    return moved(record, batch.seen[record.account_id], batch.job.labels)


def _told(batch: Batch, record: RecordWrite, hands: Hands, us: Hand | None) -> RecordWrite | None:
    """Say in the outcome who moved it; the record as it is to be sent where it was we."""
    key = record.account_id
    known = hands.get(key, {})
    found = [known.get(batch.job.columns[name]) for name in _moved(batch, record)]
    if us and all(one and one.is_of(us) for one in found):
        del batch.done[key]
        return replace(record, expected={**record.expected, **batch.seen[key]})
    others = [one for one in found if one and not (us and one.is_of(us))]
    if others:
        newest = max(others, key=lambda one: one.at)
        batch.settle(replace(batch.done[key], message=newest.words()))
    return None
