"""HubSpot's property values to canonical text and back.

HubSpot gives every value as a string or null, dates and times as ISO text or as epoch milliseconds, and drops the
fraction of a second where it is zero.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm_kare.labels import FieldType, Label

_MILLISECONDS: Final = re.compile(r"-?\d{9,}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def canonical(value: Any, kind: str) -> str | None:
    """Canonical text of a raw value; `kind` is HubSpot's type of the property. `None` for blank."""
    if value is None or value == "":
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "datetime":
        return _moment(text)
    if kind == "date":
        return _day(text)
    return text.lower() if kind == "bool" else text


def _moment(text: str) -> str:
    return _from_milliseconds(text).isoformat().replace("+00:00", "Z") if _MILLISECONDS.fullmatch(text) else text


def _day(text: str) -> str:
    """A date property is a day, whatever the zone: ISO, or the milliseconds of its midnight in UTC."""
    return _from_milliseconds(text).date().isoformat() if _MILLISECONDS.fullmatch(text) else text[:10]


def _from_milliseconds(text: str) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(text))


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, as search filters take them."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


_LABEL_TYPES: Final = {FieldType.DATE: "date", FieldType.CHECKBOX: "bool"}


def label_value(value: Any, label: Label) -> str | None:
    """Canonical text of a label's raw value: as `canonical`, with numbers without needless zeros (`62.0` is `62`)."""
    text = canonical(value, _LABEL_TYPES.get(label.type, "string"))
    return _plain_number(text) if text is not None and label.type is FieldType.NUMBER else text


def _plain_number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return format(number.normalize(), "f") if number.is_finite() and number else "0" if not number else text


def same_value(one: str | None, other: str | None, label: Label) -> bool:
    """Whether HubSpot shows the same for both: blanks at the ends, kinds of line ends and forms of numbers aside."""
    return _shown(one, label) == _shown(other, label)


def _shown(text: str | None, label: Label) -> str | None:
    return label_value(text.replace("\r\n", "\n").strip(), label) if text else None


def written(value: str | None, label: Label) -> str:
    """A label's value as HubSpot takes it: blank clears, and no value but a text may bear a space at its ends."""
    if value is None or label.type in {FieldType.TEXT, FieldType.LONG_TEXT}:
        return value or ""
    return label_value(value.strip(), label) or ""


def clean(text: str) -> str:
    """`text` without halves of surrogate pairs, which JSON can carry and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")
