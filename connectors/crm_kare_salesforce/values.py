"""Salesforce's JSON to canonical text (see `crm_kare.ports`), canonical text to JSON, and record ids."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm_kare.labels import FieldType, Label
from crm_kare.model import Kind

_INSTANT: Final = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.0+|(\.\d+))?(Z|[+-]\d\d:?\d\d)$")
"""REST answers `2026-11-03T23:30:00.000+0000`, Bulk `…000Z`."""

_SHORT_ID: Final = re.compile(r"^[A-Za-z0-9]{15}$")
_ID_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ADDRESS: Final = ("street", "city", "state", "postalCode", "country", "latitude", "longitude")


def long_id(text: str) -> str:
    """The 18-character form of a record id; other text as it is.

    The 15-character form is case-sensitive; the three letters more tell which of each five are capitals.
    """
    if not _SHORT_ID.match(text):
        return text
    marks = []
    for start in (0, 5, 10):
        bits = sum(1 << place for place, letter in enumerate(text[start : start + 5]) if letter.isupper())
        marks.append(_ID_LETTERS[bits])
    return text + "".join(marks)


def at_path(record: Mapping[str, Any], path: str) -> Any:
    """Value of `Owner.Name` in a record; `None` where a step of the way is blank. Names match in any case."""
    found: Any = record
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found[step] if step in found else _any_case(found, step)
    return found


def _any_case(record: Mapping[str, Any], name: str) -> Any:
    wanted = name.lower()
    return next((value for key, value in record.items() if key.lower() == wanted), None)


def canonical(value: Any, kind: Kind, *, is_id: bool = False) -> str | None:
    """Canonical text of a JSON value; `None` for blank."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = _compound(value) if isinstance(value, Mapping) else str(value)
    if kind is Kind.DATE:
        return _instant(text)
    return (long_id(text) if is_id else text) or None


def _compound(value: Mapping[str, Any]) -> str:
    """An address or a place on one line; of another record, its name."""
    parts = [str(value[part]) for part in _ADDRESS if value.get(part)]
    return ", ".join(parts) or str(value.get("Name") or "")


def _instant(text: str) -> str:
    """ISO 8601 with a zone that every reader takes; a plain date as it is."""
    found = _INSTANT.match(text)
    if not found:
        return text
    zone = found[3] if found[3] == "Z" or ":" in found[3] else f"{found[3][:3]}:{found[3][3:]}"
    return f"{found[1]}{found[2] or ''}{'Z' if zone in {'+00:00', '-00:00'} else zone}"


def label_text(value: Any, label: Label) -> str | None:
    """Canonical text of a label's value: whole numbers without `.0`, dates as they are."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return _plain_number(text) if label.type is FieldType.NUMBER else text


def _plain_number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return f"{number:f}" if number != number.to_integral_value() else f"{number.to_integral_value():f}"


def same_value(one: str | None, other: str | None, label: Label) -> bool:
    """Whether the CRM would show the same; it trims text and may keep line ends as CR LF."""
    if label.type is FieldType.CHECKBOX:
        return (one or "false") == (other or "false")
    return _shown(one, label) == _shown(other, label)


def _shown(text: str | None, label: Label) -> str | None:
    if not text:
        return None
    if label.type is FieldType.NUMBER:
        return _plain_number(text)
    return text.replace("\r\n", "\n").strip() or None


def json_value(text: str | None, label: Label) -> Any:
    """What goes into the request: a JSON number, boolean or text by the field's type; blank is null."""
    if label.type is FieldType.CHECKBOX:
        return text == "true"
    if text is None or text == "":
        return None
    if label.type is FieldType.NUMBER:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)
    return text
