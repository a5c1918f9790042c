"""What became of a record's write: by what Salesforce holds, by its answer, or by its silence."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_kare.http import CallError, redacted
from crm_kare.labels import Label
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, LabelField, RecordWrite
from crm_kare_salesforce.faults import GONE, fix_for
from crm_kare_salesforce.values import at_path, label_text, same_value

Present = Mapping[str, str | None]
"""What a record holds, by label name."""

_BARRED: Final = re.compile(r"create/update fields: (\w+)")
_JOB_ERROR: Final = re.compile(r"([A-Z][A-Z0-9_]+):(.*?):?([\w., ]*?)\s*--(?=[\s;]*(?:[A-Z][A-Z0-9_]+:|$))", re.DOTALL)
"""`CODE:message:Field__c --`, one after the other where there are several; the field may be missing."""


def present_values(row: Mapping[str, Any], fields: Sequence[LabelField]) -> Present:
    """Values by label name of one record as Salesforce answered it."""
    return {one.label.name: label_text(at_path(row, one.field), one.label) for one in fields if _has(row, one.field)}


def _has(row: Mapping[str, Any], name: str) -> bool:
    return name in row or any(key.lower() == name.lower() for key in row)


def judged(record: RecordWrite, held: Present | None, labels: Mapping[str, Label], *, tried: bool) -> Outcome | None:
    """Outcome of a record that need not or must not be written; `None` where it is to be written.

    Args:
        record: what is wanted, and what was expected.
        held: what Salesforce holds; `None` for a deleted record.
        labels: by name.
        tried: whether a write of ours may have arrived: then what is wanted is there because of us.
    """
    if held is None:
        return Outcome(record.account_id, OutcomeStatus.REJECTED, GONE, "The record was deleted.", fix_for(GONE))
    if _holds(record, held, labels):
        return Outcome(record.account_id, OutcomeStatus.CHANGED if tried else OutcomeStatus.SAME)
    if all(_ours(record, held, labels[name]) for name in record.expected if name in labels and name in held):
        return None
    return Outcome(record.account_id, OutcomeStatus.CONFLICT, present=tuple(held.items()))


def as_expected(record: RecordWrite, labels: Mapping[str, Label]) -> Outcome | None:
    """Outcome of a record that nobody touched since it was read; `None` where it is to be written."""
    return Outcome(record.account_id, OutcomeStatus.SAME) if _holds(record, record.expected, labels) else None


def _holds(record: RecordWrite, held: Present, labels: Mapping[str, Label]) -> bool:
    return all(name in held and same_value(held[name], value, labels[name]) for name, value in record.values.items())


def _ours(record: RecordWrite, held: Present, label: Label) -> bool:
    """Whether the field holds what the plan expected, or what it wants: else a person moved it."""
    name = label.name
    wanted = name in record.values and same_value(held[name], record.values[name], label)
    return wanted or same_value(held[name], record.expected[name], label)


def refused(record: RecordWrite, answer: Mapping[str, Any]) -> Outcome:
    """By a collection's answer for one record (`statusCode`, `message`, `fields`)."""
    errors = answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = str(first.get("statusCode") or first.get("errorCode") or "UNKNOWN_ERROR")
    named = first.get("fields") or []
    field = str(named[0]) if isinstance(named, list) and named else ""
    return _rejected(record, code, str(first.get("message") or ""), field)


def refused_by_job(record: RecordWrite, told: str) -> Outcome:
    """By a bulk job's `sf__Error` for one record."""
    found = _JOB_ERROR.match(told.strip())
    if found is None:
        code, _, message = told.partition(":")
        known = code.isupper() and code.replace("_", "").isalnum()
        return _rejected(record, code if known else "UNKNOWN_ERROR", message if known else told, "")
    field = found[3].split(",")[0].strip()
    if " " in field:  # the end of a message without field
        return _rejected(record, found[1], f"{found[2]}:{found[3]}".lstrip(":"), "")
    return _rejected(record, found[1], found[2], field)


def _rejected(record: RecordWrite, code: str, message: str, field: str) -> Outcome:
    barred = _BARRED.search(message)
    return Outcome(
        record.account_id,
        OutcomeStatus.REJECTED,
        code,
        redacted(_without_values(message, record)),
        fix_for(code),
        field or (barred[1] if barred else ""),
    )


def _without_values(message: str, record: RecordWrite) -> str:
    """Salesforce quotes the value it refused; ours may tell about the customer."""
    for value in record.values.values():
        if value and len(value) > 3:  # noqa: PLR2004  shorter ones are picklist words and numbers
            message = message.replace(value, "…")
    return message


def lost(record: RecordWrite) -> Outcome:
    """Nobody knows."""
    return Outcome(
        record.account_id,
        OutcomeStatus.UNKNOWN,
        "ANSWER_LOST",
        "Salesforce did not tell whether it took the record.",
        "The next run reads it back.",
    )


def not_sent(record: RecordWrite, error: Exception) -> Outcome:
    """Certainly not written: the calls from here on failed."""
    code = error.trouble.code if isinstance(error, CallError) else getattr(error, "code", "")
    return Outcome(
        record.account_id,
        OutcomeStatus.UNKNOWN,
        NOT_SENT,
        f"The record was not sent, because the calls before it failed ({code or type(error).__name__}).",
        "The next run sends it.",
    )


def called_off(record: RecordWrite) -> Outcome:
    """An admin aborted the job before it came to this record."""
    return Outcome(
        record.account_id,
        OutcomeStatus.REJECTED,
        "JOB_ABORTED",
        "Somebody aborted the bulk job in Salesforce before it came to this record.",
        "It is tried again by a later run; `crm-kare retry` makes that the next one.",
    )
