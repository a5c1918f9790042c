"""What became of a record's write: by what HubSpot holds, by its answer, or by its silence."""

from collections.abc import Mapping
from typing import Final

from crm_kare.errors import KareError
from crm_kare.http import redacted
from crm_kare.labels import FieldType, Label
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, RecordWrite
from crm_kare_hubspot.answers import Detail
from crm_kare_hubspot.fixes import fix_for
from crm_kare_hubspot.values import same_value

Present = Mapping[str, str | None]
"""What a record holds, by label name."""

_TEXTS: Final = {FieldType.TEXT, FieldType.LONG_TEXT}
_RECOGNISED: Final = 20
"""So many characters tell that a message quotes a text."""


def judged(record: RecordWrite, held: Present, labels: Mapping[str, Label], *, tried: bool) -> Outcome | None:
    """Outcome of a record that need not or must not be written; `None` where it is to be written.

    Args:
        record: what is wanted, and what was expected.
        held: what HubSpot holds.
        labels: by name.
        tried: whether a write of ours may have arrived: then what is wanted is there because of us.
    """
    if all(same_value(held[name], value, labels[name]) for name, value in record.values.items()):
        return Outcome(record.account_id, OutcomeStatus.CHANGED if tried else OutcomeStatus.SAME)
    if all(_ours(record, held, labels[name]) for name in record.values):
        return None
    return Outcome(
        record.account_id,
        OutcomeStatus.CONFLICT,
        code="EDITED",
        message="A person edited it since the plan was made.",
        fix="The next run plans anew from what HubSpot holds; clear the field to hand it back.",
        present=tuple((name, held[name]) for name in record.values),
    )


def moved(record: RecordWrite, held: Present, labels: Mapping[str, Label]) -> list[str]:
    """Names of the labels that hold neither what is wanted nor what was expected."""
    return [name for name in record.values if not _ours(record, held, labels[name])]


def _ours(record: RecordWrite, held: Present, label: Label) -> bool:
    wanted = same_value(held[label.name], record.values[label.name], label)
    return wanted or same_value(held[label.name], record.expected.get(label.name), label)


def gone(record: RecordWrite, survivor: str | None, crm: str) -> Outcome:
    """The record is not there under its id: archived, or merged into `survivor`."""
    code = "MERGED" if survivor else "OBJECT_NOT_FOUND"
    told = f"The record was merged into {survivor}." if survivor else "There is no such record any more."
    return Outcome(record.account_id, OutcomeStatus.REJECTED, code, told, fix_for(code, crm))


def refused(record: RecordWrite, detail: Detail, labels: Mapping[str, Label], crm: str) -> Outcome:
    """HubSpot refused it, in its own words but for the texts of this record, which tell of the customer's business."""
    message = detail.message
    for name, value in record.values.items():
        if value and labels[name].type in _TEXTS:
            message = _without(message, redacted(value))
    return Outcome(
        record.account_id, OutcomeStatus.REJECTED, detail.code, message, fix_for(detail.code, crm), detail.field
    )


def _without(message: str, text: str) -> str:
    """Without a text that it quotes; a long one may be cut, so from where it begins on nothing is told."""
    rest = message.replace(text, "…")
    begins = rest.find(text[:_RECOGNISED])
    return rest if begins < 0 else f"{rest[:begins]}…"


def lost(record: RecordWrite, crm: str) -> Outcome:
    """Nobody knows."""
    code = "ANSWER_LOST"
    return Outcome(record.account_id, OutcomeStatus.UNKNOWN, code, "HubSpot's answer was lost.", fix_for(code, crm))


def not_sent(record: RecordWrite, error: KareError) -> Outcome:
    """Certainly not written: the calls from here on failed."""
    told = f"The record was not written, because the calls before it failed ({error.code})."
    return Outcome(record.account_id, OutcomeStatus.UNKNOWN, NOT_SENT, told, "The next run sends it.")
