"""Write labels: look what moved, hand over the rest, sort out every record's answer.

Small plans go through sObject Collections, large ones through bulk ingest jobs; the rounds are the same. Each begins with
one query for the records that moved since they were read: it finds what a person edited, and what arrived of an earlier
round whose answer was lost (an update by id may be sent again without harm). What is left is sent; records that were locked,
that a job did not come to, or whose answer was lost, go into the next round. Between the look and the write a person may
still edit a record: that gap is ten calls long, or as long as a job takes.
"""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final

from crm_kare.errors import AccessError, ConfigError, KareError, QuotaError, RetryError
from crm_kare.http import CallError, Trouble, redacted
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import LabelField, RecordWrite, WriteRequest
from crm_kare_salesforce import jobs, soql
from crm_kare_salesforce.client import AT_ONCE, Client
from crm_kare_salesforce.faults import GONE, LOCKED, fix_for, foreign_errors
from crm_kare_salesforce.ingest import Fate, Ingest
from crm_kare_salesforce.ingest_csv import Upload, uploads
from crm_kare_salesforce.values import json_value, long_id
from crm_kare_salesforce.write_outcomes import (
    Present,
    as_expected,
    called_off,
    judged,
    lost,
    not_sent,
    present_values,
    refused,
    refused_by_job,
)

LOOKED_AT_ONCE: Final = 2000
"""Records in one request: one look, then ten collections."""

LARGEST_UPLOAD: Final = 100_000_000
"""Bytes of CSV in one job; Salesforce takes 150 MB of it in base64."""

_IDS_AT_ONCE: Final = 300
"""Ids in one query's address; about 27 characters each when encoded."""

_ROUNDS: Final = 5
_ROUNDS_OF_JOBS: Final = 3
"""Then collections, whose answers tell more."""

_LOSSES: Final = 2
"""Answers lost in a row, after which the rest waits for the next round."""


class _Work:
    """One request on its way."""

    def __init__(self, request: WriteRequest) -> None:
        self.request = request
        names = {name for one in request.records for name in (*one.values, *one.expected)}
        self.fields = tuple(one for one in request.fields if one.label.name in names)
        self.labels = {one.label.name: one.label for one in request.fields}
        self.columns = {one.label.name: one.field for one in request.fields}
        self.left = sorted(request.records, key=lambda one: one.group or one.account_id)
        """Records of one group beside each other: Salesforce locks parents."""
        self.tried: set[str] = set()
        """Ids, as given, whose write may have arrived."""
        self.done: dict[str, Outcome] = {}

    def written(self) -> bool:
        """Whether something was written, or may have been."""
        return bool(self.tried) or any(one.status is OutcomeStatus.CHANGED for one in self.done.values())

    def settle(self, record: RecordWrite, outcome: Outcome) -> None:
        """Its fate is known."""
        self.done[record.account_id] = outcome
        self.tried.discard(record.account_id)

    def changed(self, record: RecordWrite) -> None:
        """Salesforce took it."""
        self.settle(record, Outcome(record.account_id, OutcomeStatus.CHANGED))

    def outcomes(self, error: Exception) -> list[Outcome]:
        """One per record, in the order given; `error` is why some have none yet."""
        return [
            lost(one)
            if one.account_id in self.tried
            else self.done[one.account_id]
            if one.account_id in self.done
            else not_sent(one, error)
            for one in self.request.records
        ]


class Writer:
    """Writes to one org. Plans of `bulk_from` records go through jobs."""

    def __init__(self, client: Client, ingest: Ingest, overlap: timedelta, bulk_from: int) -> None:
        self._client, self._ingest, self._overlap = client, ingest, overlap
        self._bulk_from = bulk_from

    def write(self, request: WriteRequest) -> list[Outcome]:
        """One outcome per record, in the order given; see `Connector.write`."""
        work = _Work(request)
        why: Exception = RetryError("Salesforce did not take the records, again and again.", where="composite/sobjects")
        try:
            self._carry_out(work)
            if work.left and not work.written():
                raise why
        except (CallError, KareError) as error:
            if not work.written():
                raise
            why = error
        return self._with_winners(request.source, work.outcomes(why))

    def read(self, source: str, ids: Iterable[str], fields: Sequence[LabelField]) -> dict[str, Present]:
        """Present values by 18-character id; records that are gone are left out."""
        wanted = list(dict.fromkeys(long_id(one) for one in ids))
        names = ["Id", *(one.field for one in fields)]
        rows = self._by_ids(names, source, wanted)
        return {long_id(str(row["Id"])): present_values(row, fields) for row in rows}

    # -- rounds ------------------------------------------------------------------------------------------------------

    def _carry_out(self, work: _Work) -> None:
        for attempt in range(_ROUNDS):
            if attempt and not self._client.sleep(2.0**attempt):
                raise _stopped()
            self._look(work)
            if not work.left:
                return
            if attempt < _ROUNDS_OF_JOBS and self._large(work):
                self._jobs(work)
            else:
                self._collections(work)
            if not work.left:
                return
        self._look(work)

    def _large(self, work: _Work) -> bool:
        enough = min(self._bulk_from, LOOKED_AT_ONCE)
        return max(work.request.planned, len(work.request.records)) >= self._bulk_from and len(work.left) >= enough

    def _look(self, work: _Work) -> None:
        """Settle the records that hold what is wanted, that a person moved, or that are gone."""
        moved = self._moved(work) if work.left else {}
        left = []
        for record in work.left:
            key, tried = long_id(record.account_id), record.account_id in work.tried
            if key in moved:
                outcome = judged(record, moved[key], work.labels, tried=tried)
            else:
                outcome = as_expected(record, work.labels)
            work.tried.discard(record.account_id)
            if outcome is None:
                left.append(record)
            else:
                work.settle(record, outcome)
        work.left = left

    def _moved(self, work: _Work) -> dict[str, Present | None]:
        """Of the records left, those touched since they were read: their present values, `None` for deleted ones."""
        request = work.request
        read_at = min(request.read_at, request.read_at + self._client.skew) - self._overlap
        names = ["Id", "IsDeleted", *(one.field for one in work.fields)]
        rows = self._since(
            names, request.source, sorted(long_id(one.account_id) for one in work.left), soql.since(read_at)
        )
        return {
            long_id(str(row["Id"])): None if row.get("IsDeleted") is True else present_values(row, request.fields)
            for row in rows
        }

    def _since(self, names: Sequence[str], source: str, ids: Sequence[str], since: str) -> list[dict[str, Any]]:
        """What moved in the range of these ids, in one query: a plan comes in the order of ids, so that what this run wrote
        before lies outside. Where too much else moved there, the ids are named instead.
        """
        if len(ids) <= _IDS_AT_ONCE:
            return self._by_ids(names, source, ids, since, everything=True)
        page = self._client.query(
            soql.select(names, source, since, soql.between("Id", ids[0], ids[-1])), everything=True
        )
        pages = page.get("totalSize", 0) / max(1, len(page["records"]))
        if not page["done"] and pages > len(ids) / _IDS_AT_ONCE + 1:
            return self._by_ids(names, source, ids, since, everything=True)
        return self._client.records(page)

    def _by_ids(
        self, names: Sequence[str], source: str, ids: Sequence[str], *tests: str, everything: bool = False
    ) -> list[dict[str, Any]]:
        found = []
        for start in range(0, len(ids), _IDS_AT_ONCE):
            text = soql.select(names, source, soql.one_of("Id", ids[start : start + _IDS_AT_ONCE]), *tests)
            found += self._client.rows(text, everything=everything)
        return found

    # -- through collections -----------------------------------------------------------------------------------------

    def _collections(self, work: _Work) -> None:
        """Send all that are left; those that remain were locked, or their answer was lost."""
        again: list[RecordWrite] = []
        sent = losses = 0
        with closing(_bodies(work)) as ready:
            for part, body in ready:
                sent += len(part)
                try:
                    answers = self._collection(part, body)
                except CallError as error:
                    if not error.trouble.applied:
                        raise
                    losses += 1
                    work.tried.update(one.account_id for one in part)
                    again += part
                    if losses == _LOSSES:
                        break
                else:
                    losses = 0
                    again += _sorted_out(work, part, answers)
        work.left = again + work.left[sent:]

    def _collection(self, records: Sequence[RecordWrite], body: bytes) -> list[dict[str, Any]]:
        with foreign_errors():
            answer = self._client.raw("PATCH", "composite/sobjects", data=body).json()
        if not isinstance(answer, list) or len(answer) != len(records) or not all(isinstance(x, dict) for x in answer):
            raise CallError(Trouble("shape", 200, "collections-reply", applied=True))
        return answer

    # -- through jobs ------------------------------------------------------------------------------------------------

    def _jobs(self, work: _Work) -> None:
        """Send all that are left; those that remain were locked, not come to, or nobody knows."""
        again: list[RecordWrite] = []
        for upload in uploads(work.left, work.request.fields, LARGEST_UPLOAD):
            fate = self._ingest.update(work.request.source, upload.content)
            again += _by_fate(work, upload, fate)
            if not fate.state:
                raise RetryError("Salesforce does not tell what became of a bulk job.", where="jobs/ingest")
            if fate.state == jobs.ABORTED or fate.stopped:
                work.left = again
                self._after_abort(work, stopped=fate.stopped)
                return
        work.left = again

    def _after_abort(self, work: _Work, *, stopped: bool) -> None:
        """An admin who aborts a job means it: what it did not come to is not sent at once again."""
        if work.tried:
            self._look(work)
        if stopped:
            raise _stopped()
        if not work.written():
            raise RetryError(
                "Somebody aborted the bulk job in Salesforce.", where="jobs/ingest", fix="Run again when it may."
            )
        for record in work.request.records:
            work.done.setdefault(record.account_id, called_off(record))
        work.left = []

    # -- merged away -------------------------------------------------------------------------------------------------

    def _with_winners(self, source: str, outcomes: list[Outcome]) -> list[Outcome]:
        """Of records that are gone because they were merged, tell into which."""
        gone = [long_id(one.account_id) for one in outcomes if one.code == GONE]
        winners: dict[str, str] = {}
        if gone:
            with suppress(CallError, KareError):  # objects that cannot be merged have no such field
                rows = self._by_ids(["Id", "MasterRecordId"], source, gone, everything=True)
                winners = {
                    long_id(str(row["Id"])): str(row["MasterRecordId"]) for row in rows if row.get("MasterRecordId")
                }
        return [_merged(one, winners.get(long_id(one.account_id))) if one.code == GONE else one for one in outcomes]


def _bodies(work: _Work) -> Generator[tuple[list[RecordWrite], bytes], None, None]:
    """Two hundred records at a time with the body of their call; the next one is made while a call is under way."""
    parts = [work.left[start : start + AT_ONCE] for start in range(0, len(work.left), AT_ONCE)]
    with ThreadPoolExecutor(1, thread_name_prefix="bodies") as ahead:
        following = ahead.submit(_body, work, parts[0])
        for part, after in zip_longest(parts, parts[1:]):
            body = following.result()
            if after is not None:
                following = ahead.submit(_body, work, after)
            yield part, body


def _body(work: _Work, records: Sequence[RecordWrite]) -> bytes:
    told = [
        {
            "attributes": {"type": work.request.source},
            "id": record.account_id,
            **{work.columns[name]: json_value(value, work.labels[name]) for name, value in record.values.items()},
        }
        for record in records
    ]
    return json.dumps({"allOrNone": False, "records": told}).encode()


def _merged(outcome: Outcome, winner: str | None) -> Outcome:
    return replace(outcome, message=f"The record was merged into {winner}.") if winner else outcome


def _sorted_out(work: _Work, part: Sequence[RecordWrite], answers: Sequence[Mapping[str, Any]]) -> list[RecordWrite]:
    """Take each record's answer by its place (a failed one carries no id); hands back the locked ones."""
    locked = []
    for record, answer in zip(part, answers, strict=True):
        if answer.get("success") is True:
            work.changed(record)
            continue
        outcome = refused(record, answer)
        work.settle(record, outcome)
        if outcome.code == LOCKED:
            locked.append(record)
    return locked


def _by_fate(work: _Work, upload: Upload, fate: Fate) -> list[RecordWrite]:
    """Take each row's fate by its id; hands back what is to be sent again.

    Raises:
        KareError: the job failed as a whole, for a reason that another try does not mend.
    """
    if fate.state == jobs.FAILED and not fate.written:
        _raise_for(fate.message)
    again = []
    for record in upload.records:
        key = long_id(record.account_id)
        if key in fate.written:
            work.changed(record)
        elif key in fate.failed:
            outcome = refused_by_job(record, fate.failed[key])
            work.settle(record, outcome)
            if outcome.code == LOCKED or fate.state == jobs.FAILED:
                again.append(record)
        else:
            again.append(record)
            if key not in fate.untouched:
                work.tried.add(record.account_id)
    return again


_WHOLE_JOB: Final[Mapping[str, type[KareError]]] = {
    "InvalidBatch": ConfigError,
    "ClientInputError": ConfigError,
    "InvalidOperation": ConfigError,
    "InvalidEntity": ConfigError,
    "LineEnding": ConfigError,
    "Field name not found": ConfigError,
    "FeatureNotEnabled": AccessError,
    "InvalidUser": AccessError,
    "INSUFFICIENT_ACCESS": AccessError,
    "ExceededQuota": QuotaError,
}
"""Words in a failed job's message which say that another try would fail too; others (`Timeout`, `TooManyLockFailure`,
`InternalServerError`) pass."""


def _raise_for(message: str) -> None:
    for word, kind in _WHOLE_JOB.items():
        if word.lower() in message.lower():
            raise kind(
                f"Salesforce refused the bulk job: {redacted(message)}",
                where="jobs/ingest",
                fix=fix_for("InvalidBatch") if kind is ConfigError else "",
                code=word.replace(" ", "-"),
            )


def _stopped() -> RetryError:
    return RetryError("The wait for Salesforce was cut short.", code="STOPPED")
