"""What becomes of each record of a write, decided on the results file in memory."""

from collections.abc import Mapping, Sequence

from crm_kare.labels import Editor, Label
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import LabelField, RecordWrite, WriteRequest
from crm_kare_files.results import Results

_FIXES = {
    "account-gone": "The next pull will notice it.",
    "value-not-allowed": "Report it: a label has a value that its field does not take.",
    "text-too-long": "Shorten the texts in the rulebook or playbook.",
    "not-ours": "Report it: people's fields are never written.",
}


def written(request: WriteRequest, names: Mapping[str, str | None], results: Results) -> list[Outcome]:
    """Put what is to be written into `results`; one outcome per record, in the order given.

    Args:
        request: what to write.
        names: the accounts that there are, with their names.
        results: changed in place.
    """
    fields = {one.label.name: one for one in request.fields}
    return [_written(record, fields, names, results) for record in request.records]


def _written(
    record: RecordWrite, fields: Mapping[str, LabelField], names: Mapping[str, str | None], results: Results
) -> Outcome:
    key = record.account_id
    if key not in names:
        return _rejected(key, "account-gone", "")
    for name, text in record.values.items():
        if code := _complaint(fields[name].label, text):
            return _rejected(key, code, fields[name].field)
    held = {name: results.value(key, fields[name].field, fields[name].label) for name in record.values}
    if held == dict(record.values):
        return Outcome(key, OutcomeStatus.SAME)
    if any(text not in {record.values[name], record.expected.get(name)} for name, text in held.items()):
        return Outcome(
            key,
            OutcomeStatus.CONFLICT,
            "edited-since",
            "A person changed the row since it was read.",
            present=tuple(held.items()),
        )
    changed = {fields[name].field: text for name, text in record.values.items() if held[name] != text}
    results.put(key, names[key], changed)
    return Outcome(key, OutcomeStatus.CHANGED)


def _complaint(label: Label, text: str | None) -> str:
    if label.editor is Editor.PEOPLE:
        return "not-ours"
    if text is None:
        return ""
    if label.values and text not in label.values:
        return "value-not-allowed"
    return "text-too-long" if label.length and len(text) > label.length else ""


def _rejected(key: str, code: str, field: str) -> Outcome:
    told = "There is no such account in the file." if code == "account-gone" else "The value does not fit its field."
    return Outcome(key, OutcomeStatus.REJECTED, code, told, _FIXES[code], field)


def present(
    ids: Sequence[str], names: Mapping[str, str | None], fields: Sequence[LabelField], results: Results
) -> dict[str, dict[str, str | None]]:
    """Labels by account id and label name, of the accounts that there are."""
    return {
        key: {one.label.name: results.value(key, one.field, one.label) for one in fields} for key in ids if key in names
    }
