"""Write labels through sObject Collections: look what moved, write the rest, sort out every row's answer.

An update by id may be sent again without harm, so rows whose answer was lost are read back and, where nothing of them
was written, sent again; what is left after that is `unknown`. Between the look and the write a person may still edit a
record: that gap is one call long.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from crm_kare.errors import KareError
from crm_kare.http import CallError, Trouble, redacted
from crm_kare.labels import Label
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import LabelField, RecordWrite, WriteRequest
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import AT_ONCE, Client
from crm_kare_salesforce.faults import LOCKED, fix_for
from crm_kare_salesforce.values import at_path, json_value, label_text, long_id, same_value

_IDS_AT_ONCE: Final = 300
"""Ids in one query's address; about 27 characters each when encoded."""

_TRIES: Final = 5

Present = Mapping[str, str | None]


class Writer:
    """Writes to one org."""

    def __init__(self, client: Client, overlap: timedelta) -> None:
        self._client, self._overlap = client, overlap

    def write(self, request: WriteRequest) -> list[Outcome]:
        """One outcome per record, in the order given; see `Connector.write`."""
        found: list[Outcome] = []
        for start in range(0, len(request.records), AT_ONCE):
            part = request.records[start : start + AT_ONCE]
            try:
                found += self._part(request, part)
            except (CallError, KareError) as error:
                if not _written(found):
                    raise
                found += [_unsent(record, error) for record in request.records[start:]]
                break
        return found

    def read(self, source: str, ids: Iterable[str], fields: Sequence[LabelField]) -> dict[str, Present]:
        """Present values by 18-character id; records that are gone are left out."""
        wanted = list(dict.fromkeys(long_id(one) for one in ids))
        names = ["Id", *(one.field for one in fields)]
        found: dict[str, Present] = {}
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            text = soql.select(names, source, soql.one_of("Id", wanted[start : start + _IDS_AT_ONCE]))
            found |= {long_id(str(row["Id"])): present_values(row, fields) for row in self._client.rows(text)}
        return found

    def _part(self, request: WriteRequest, records: Sequence[RecordWrite]) -> list[Outcome]:
        done: dict[str, Outcome] = {}
        moved = self._moved(request, records)
        waiting: list[RecordWrite] = []
        for record in records:
            outcome = _judged(record, moved.get(long_id(record.account_id), dict(record.expected)), request.fields)
            if outcome is None:
                waiting.append(record)
            else:
                done[record.account_id] = outcome
        self._send(request, waiting, done)
        return [done[record.account_id] for record in records]

    def _moved(self, request: WriteRequest, records: Sequence[RecordWrite]) -> dict[str, Present | None]:
        """Of the records, those touched since they were read: their present values, `None` for deleted ones."""
        read_at = min(request.read_at, request.read_at + self._client.skew) - self._overlap
        names = ["Id", "IsDeleted", *(one.field for one in _named(request))]
        ids = [long_id(one.account_id) for one in records]
        text = soql.select(names, request.source, soql.one_of("Id", ids), soql.since(read_at))
        rows = self._client.rows(text, everything=True)
        return {
            long_id(str(row["Id"])): None if row.get("IsDeleted") is True else present_values(row, request.fields)
            for row in rows
        }

    def _send(self, request: WriteRequest, waiting: list[RecordWrite], done: dict[str, Outcome]) -> None:
        """Send until every record has its outcome; rows that are locked, or whose answer was lost, again."""
        for attempt in range(_TRIES):
            if not waiting:
                return
            if attempt:
                self._client.sleep(float(2**attempt))
            try:
                answers = self._collection(request, waiting)
            except (CallError, KareError) as error:
                if not _may_be_applied(error):
                    self._give_up(waiting, done, error)
                    return
                waiting = self._read_back(request, waiting, done)
                continue
            waiting = _sorted_out(waiting, answers, done)
        for record in waiting:
            done.setdefault(record.account_id, _lost(record))

    def _collection(self, request: WriteRequest, records: Sequence[RecordWrite]) -> list[dict[str, Any]]:
        labels = {one.label.name: one for one in request.fields}
        body = [
            {
                "attributes": {"type": request.source},
                "id": record.account_id,
                **{labels[name].field: json_value(value, labels[name].label) for name, value in record.values.items()},
            }
            for record in records
        ]
        answer = self._client.patch("composite/sobjects", {"allOrNone": False, "records": body})
        if not isinstance(answer, list) or len(answer) != len(records) or not all(isinstance(x, dict) for x in answer):
            raise CallError(Trouble("shape", 200, "collections-reply", applied=True))
        return answer

    def _give_up(self, waiting: Sequence[RecordWrite], done: dict[str, Outcome], error: Exception) -> None:
        """The call was refused whole. Raise where nothing was written; else these rows wait for the next run."""
        if not _written(done.values()):
            raise error
        for record in waiting:
            done.setdefault(record.account_id, _unsent(record, error))

    def _read_back(
        self, request: WriteRequest, waiting: Sequence[RecordWrite], done: dict[str, Outcome]
    ) -> list[RecordWrite]:
        """After a lost answer: what was written is `changed`; what was not is handed back to be sent again."""
        try:
            present = self.read(request.source, [one.account_id for one in waiting], _named(request))
        except (CallError, KareError):
            done.update({one.account_id: _lost(one) for one in waiting})
            return []
        again = []
        for record in waiting:
            held = present.get(long_id(record.account_id))
            outcome = _judged(record, held, request.fields, after_writing=True)
            if outcome is None:
                again.append(record)
            else:
                done[record.account_id] = outcome
        return again


def present_values(row: Mapping[str, Any], fields: Sequence[LabelField]) -> Present:
    """Values by label name of one record as Salesforce answered it."""
    return {one.label.name: label_text(at_path(row, one.field), one.label) for one in fields if _has(row, one.field)}


def _has(row: Mapping[str, Any], name: str) -> bool:
    return name in row or any(key.lower() == name.lower() for key in row)


def _named(request: WriteRequest) -> list[LabelField]:
    """The fields that are written or compared."""
    names = {name for one in request.records for name in (*one.values, *one.expected)}
    return [one for one in request.fields if one.label.name in names]


def _judged(
    record: RecordWrite, held: Present | None, fields: Sequence[LabelField], *, after_writing: bool = False
) -> Outcome | None:
    """Outcome of a record that need not or must not be written; `None` where it is to be written."""
    if held is None:
        code = "ENTITY_IS_DELETED"
        return Outcome(record.account_id, OutcomeStatus.REJECTED, code, "The record was deleted.", fix_for(code))
    labels = {one.label.name: one.label for one in fields}
    if all(name in held and same_value(held[name], value, labels[name]) for name, value in record.values.items()):
        return Outcome(record.account_id, OutcomeStatus.CHANGED if after_writing else OutcomeStatus.SAME)
    if all(_ours(record, held, labels[name]) for name in record.expected if name in labels and name in held):
        return None
    return Outcome(record.account_id, OutcomeStatus.CONFLICT, present=tuple(held.items()))


def _ours(record: RecordWrite, held: Present, label: Label) -> bool:
    """Whether the field holds what the plan expected, or what it wants: else a person moved it."""
    name = label.name
    wanted = name in record.values and same_value(held[name], record.values[name], label)
    return wanted or same_value(held[name], record.expected[name], label)


def _sorted_out(
    waiting: Sequence[RecordWrite], answers: Sequence[Mapping[str, Any]], done: dict[str, Outcome]
) -> list[RecordWrite]:
    """Take each row's answer by its place (a failed row carries no id); hands back the locked ones."""
    locked = []
    for record, answer in zip(waiting, answers, strict=True):
        if answer.get("success") is True:
            done[record.account_id] = Outcome(record.account_id, OutcomeStatus.CHANGED)
            continue
        outcome = _rejected(record, answer)
        done[record.account_id] = outcome
        if outcome.code == LOCKED:
            locked.append(record)
    return locked


def _rejected(record: RecordWrite, answer: Mapping[str, Any]) -> Outcome:
    errors = answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = str(first.get("statusCode") or first.get("errorCode") or "UNKNOWN_ERROR")
    named = first.get("fields") or []
    field = str(named[0]) if isinstance(named, list) and named else ""
    message = redacted(_without_values(str(first.get("message") or ""), record))
    return Outcome(record.account_id, OutcomeStatus.REJECTED, code, message, fix_for(code), field)


def _without_values(message: str, record: RecordWrite) -> str:
    """Salesforce quotes the value it refused; ours may tell about the customer."""
    for value in record.values.values():
        if value and len(value) > 3:  # noqa: PLR2004  shorter ones are picklist words and numbers
            message = message.replace(value, "…")
    return message


def _lost(record: RecordWrite) -> Outcome:
    return Outcome(
        record.account_id,
        OutcomeStatus.UNKNOWN,
        "ANSWER_LOST",
        "Salesforce did not tell whether it took the record.",
        "The next run reads it back.",
    )


def _unsent(record: RecordWrite, error: Exception) -> Outcome:
    code = error.trouble.code if isinstance(error, CallError) else getattr(error, "code", "")
    return Outcome(
        record.account_id,
        OutcomeStatus.REJECTED,
        code or "NOT_SENT",
        "The record was not sent, because Salesforce refused the calls from here on.",
        "It is tried again at the next run.",
    )


def _written(outcomes: Iterable[Outcome]) -> bool:
    return any(one.status in {OutcomeStatus.CHANGED, OutcomeStatus.UNKNOWN} for one in outcomes)


def _may_be_applied(error: Exception) -> bool:
    return isinstance(error, CallError) and error.trouble.applied
