"""Writing labels: each batch is read right before it is written, and every record gets its own outcome.

HubSpot has no conditional update and its search lags, so only this read lets a person's edit of a minute ago survive.
A refused batch names the record by its trace id at best; else the property and value point to suspects; else halves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from crm_kare.errors import KareError
from crm_kare.http import CallError
from crm_kare.labels import FieldType, Label
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import Clock, LabelField, RecordWrite, WriteRequest
from crm_kare_hubspot.answers import Detail, Json, RefusalError, details, meaning
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.fixes import fix_for
from crm_kare_hubspot.records import MERGED, merged_ids, read_batch
from crm_kare_hubspot.values import label_value, written

_ROUNDS: Final = 3
"""How often a record is sent whose answer was lost and which, read back, still holds the old value."""

_FAULT_OF_ALL: Final = {"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"}
"""Codes that hit every record that carries the property, whatever its value."""

_REFUSED: Final = {"request", "gone"}

Present = Mapping[str, str | None]


@dataclass
class Desk:
    """One `WriteRequest` on its way: what is settled, and what was sent without an answer."""

    client: Client
    clock: Clock
    crm: str
    request: WriteRequest
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    lost: list[RecordWrite] = field(default_factory=list)

    def label(self, name: str) -> Label:
        """The label of that name in this request."""
        return {one.label.name: one.label for one in self.request.fields}[name]

    def settle(self, account_id: str, status: OutcomeStatus, detail: Detail | None = None) -> None:
        """Note what became of a record."""
        told = detail or Detail("", "")
        fix = fix_for(told.code, self.crm) if detail else ""
        self.outcomes[account_id] = Outcome(account_id, status, told.code, told.message, fix, told.field)

    def wrote(self) -> bool:
        """Whether anything may have been written so far."""
        return bool(self.lost) or any(one.status is OutcomeStatus.CHANGED for one in self.outcomes.values())


def write(desk: Desk) -> list[Outcome]:
    """One outcome per record of the request, in its order.

    Raises:
        KareError: the whole call failed and nothing of it was written.
    """
    due: Sequence[RecordWrite] = desk.request.records
    for sent in range(_ROUNDS + 1):
        try:
            due = _compared(desk, due, again=sent > 0)
        except KareError:
            if sent == 0:
                raise
            break
        if not due or sent == _ROUNDS:
            break
        due = _sent(desk, due, first=sent == 0)
        if due:
            desk.clock.sleep(float(2**sent))
    for one in due:
        desk.settle(one.account_id, OutcomeStatus.UNKNOWN, Detail("ANSWER_LOST", "HubSpot's answer was lost."))
    return [desk.outcomes[one.account_id] for one in desk.request.records]


def read(client: Client, source: str, ids: Sequence[str], fields: Sequence[LabelField]) -> dict[str, Present]:
    """Present values by account id and label name, of those that are there under this id."""
    found = read_batch(client, source, ids, [*(one.field for one in fields), MERGED])
    asked = set(ids)
    return {key: _labels(one, fields) for one in found if (key := str(one.get("id"))) in asked}


def _labels(record: Json, fields: Sequence[LabelField]) -> Present:
    told = record.get("properties") or {}
    return {one.label.name: label_value(told.get(one.field), one.label) for one in fields}


def _compared(desk: Desk, due: Sequence[RecordWrite], *, again: bool) -> list[RecordWrite]:
    """Settle what needs no write; what is left holds what was expected. `again`: it was sent before."""
    request = desk.request
    if not due:
        return []
    ids = [one.account_id for one in due]
    found = read_batch(desk.client, request.source, ids, [*(one.field for one in request.fields), MERGED])
    present = {str(one.get("id")): _labels(one, request.fields) for one in found}
    merged = {old for one in found for old in merged_ids(one)}
    return [one for one in due if not _settled(desk, one, present.get(one.account_id), merged, again=again)]


def _settled(desk: Desk, one: RecordWrite, present: Present | None, merged: set[str], *, again: bool) -> bool:
    if present is None:
        code = "MERGED" if one.account_id in merged else "OBJECT_NOT_FOUND"
        told = "The record was merged away." if code == "MERGED" else "There is no such record any more."
        desk.settle(one.account_id, OutcomeStatus.REJECTED, Detail(code, told))
        return True
    if all(present[name] == value for name, value in one.values.items()):
        desk.settle(one.account_id, OutcomeStatus.CHANGED if again else OutcomeStatus.SAME)
        return True
    if all(present[name] in (value, one.expected.get(name)) for name, value in one.values.items()):
        return False
    held = tuple((name, present[name]) for name in one.values)
    told = "A person edited it since the plan was made."
    desk.outcomes[one.account_id] = Outcome(
        one.account_id,
        OutcomeStatus.CONFLICT,
        code="EDITED",
        message=told,
        fix="The next run plans anew from what HubSpot holds; clear the field to hand it back.",
        present=held,
    )
    return True


def _sent(desk: Desk, due: Sequence[RecordWrite], *, first: bool) -> list[RecordWrite]:
    """Send, in parts where HubSpot refuses the whole; returns the records whose answer was lost."""
    desk.lost = []
    waiting = [list(due)]
    while waiting:
        part = waiting.pop(0)
        try:
            answer = desk.client.send(_update(desk, part)).body
        except CallError as error:
            waiting += _after_trouble(desk, part, error, first=first)
        except KareError:
            if first and not desk.wrote():
                raise
            desk.lost += part
        else:
            waiting += _after_answer(desk, part, answer)
    return desk.lost


def _update(desk: Desk, part: Sequence[RecordWrite]) -> Call:
    names = {one.label.name: one for one in desk.request.fields}
    inputs = [
        {
            "id": one.account_id,
            "objectWriteTraceId": one.account_id,
            "properties": {names[name].field: written(value, names[name].label) for name, value in one.values.items()},
        }
        for one in part
    ]
    path = desk.client.paths.objects(desk.request.source, "batch", "update")
    return Call("POST", path, desk.request.source, body={"inputs": inputs}, writes=True, repeatable=False)


def _after_answer(desk: Desk, part: list[RecordWrite], answer: Json) -> list[list[RecordWrite]]:
    """Read a 200 or 207 record by record; what it names neither as written nor as refused is lost, or a part to find."""
    done = {str(one.get("id")) for one in answer.get("results") or []}
    for one in part:
        if one.account_id in done:
            desk.settle(one.account_id, OutcomeStatus.CHANGED)
    rest = [one for one in part if one.account_id not in done]
    told = list(details(answer))
    if rest and told:
        return _parts(desk, rest, told)
    desk.lost += rest
    return []


def _after_trouble(desk: Desk, part: list[RecordWrite], error: CallError, *, first: bool) -> list[list[RecordWrite]]:
    trouble = error.trouble
    if trouble.kind in _REFUSED:
        told = list(error.details) if isinstance(error, RefusalError) else []
        return _parts(desk, part, told or [Detail(trouble.code, trouble.message)])
    if first and not trouble.applied and not desk.wrote():
        raise meaning(error, desk.request.source) from error
    desk.lost += part
    return []


def _parts(desk: Desk, part: list[RecordWrite], told: list[Detail]) -> list[list[RecordWrite]]:
    """Settle the records that are certainly bad, and part the others so that the bad ones stand alone soon."""
    if len(part) == 1:
        _refuse(desk, part, told[:1])
        return []
    blamed = _blamed(desk, part, told)
    if blamed:
        _refuse(desk, [one for one, _ in blamed], [detail for _, detail in blamed])
        bad = {one.account_id for one, _ in blamed}
        rest = [one for one in part if one.account_id not in bad]
        return [rest] if rest else []
    suspects = {one.account_id for one in part if any(_suspect(desk, one, detail) for detail in told)}
    if 0 < len(suspects) < len(part):
        rest = [one for one in part if one.account_id not in suspects]
        return [rest, *([one] for one in part if one.account_id in suspects)]
    middle = len(part) // 2
    return [part[:middle], part[middle:]]


def _blamed(desk: Desk, part: Iterable[RecordWrite], told: Iterable[Detail]) -> list[tuple[RecordWrite, Detail]]:
    """Records that HubSpot names itself, and those that carry a property nobody can write."""
    by_id = {one: detail for detail in told for one in detail.ids}
    hopeless = {detail.field: detail for detail in told if detail.code in _FAULT_OF_ALL and detail.field}
    found = []
    for one in part:
        detail = by_id.get(one.account_id) or next((hopeless[x] for x in _fields(desk, one) if x in hopeless), None)
        if detail:
            found.append((one, detail))
    return found


def _fields(desk: Desk, one: RecordWrite) -> dict[str, str | None]:
    names = {each.label.name: each.field for each in desk.request.fields}
    return {names[name]: value for name, value in one.values.items()}


def _suspect(desk: Desk, one: RecordWrite, detail: Detail) -> bool:
    """Whether the message quotes the value this record has for the property; a list of allowed ones follows in [ ]."""
    value = _fields(desk, one).get(detail.field)
    return bool(value) and str(value) in detail.message.split("[", 1)[0]


def _refuse(desk: Desk, part: Iterable[RecordWrite], told: Sequence[Detail]) -> None:
    for one, detail in zip(part, told, strict=True):
        desk.settle(
            one.account_id, OutcomeStatus.REJECTED, replace(detail, message=_discreet(desk, one, detail.message))
        )


def _discreet(desk: Desk, one: RecordWrite, message: str) -> str:
    """HubSpot's message without the texts of this record, which tell of the customer's business."""
    for name, value in one.values.items():
        if value and desk.label(name).type in {FieldType.TEXT, FieldType.LONG_TEXT}:
            message = message.replace(" ".join(value.split()), "…")
    return message
