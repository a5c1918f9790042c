"""What HubSpot accepts as a property's value, and how it keeps it: text or nothing."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

from crm_kare.sandbox.hubspot.definitions import Property

LONGEST: Final = 65_536
"""Characters of a text property."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Refused(Exception):  # noqa: N818  becomes one entry of the reply's list, not an error of ours
    """Why one value was refused, in HubSpot's code and words."""

    code: str
    message: str


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC; the fraction is dropped when it is .000, so that two formats occur in one reply."""
    at = moment.astimezone(UTC)
    milliseconds = at.microsecond // 1000
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def stamp_of(milliseconds: int) -> str:
    """A stored stamp in the same form, without the way over a `datetime`: pages are full of them."""
    seconds, fraction = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86_400)
    minutes, seconds = divmod(seconds, 60)
    text = f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return f"{text}.{fraction:03d}Z" if fraction else f"{text}Z"


@cache
def _day(days: int) -> str:
    return (_EPOCH.date() + timedelta(days)).isoformat()


def checked(
    definitions: Mapping[str, Property], values: Mapping[str, Any], external: Mapping[str, AbstractSet[str]]
) -> tuple[dict[str, str | None], list[dict[str, Any]]]:
    """The values as they will be kept, and what is wrong with the others.

    Args:
        definitions: the object type's live properties by name.
        values: as sent.
        external: allowed values of the properties whose options live elsewhere (owners, stages, pipelines).
    """
    kept: dict[str, str | None] = {}
    wrong: list[dict[str, Any]] = []
    for name, value in values.items():
        try:
            kept[name] = _one(definitions.get(name), name, value, external)
        except Refused as refused:
            wrong.append(_entry(name, value, refused))
    return kept, wrong


def _entry(name: str, value: Any, refused: Refused) -> dict[str, Any]:
    return {
        "isValid": False,
        "message": refused.message,
        "error": refused.code,
        "name": name,
        "localizedErrorMessage": refused.message,
        "propertyValue": None if value is None else str(value),
    }


def _one(known: Property | None, name: str, value: Any, external: Mapping[str, AbstractSet[str]]) -> str | None:
    if known is None or known.archived:
        raise Refused("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if known.read_only:
        raise Refused("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    text = _as_text(value)
    if text in (None, ""):
        return None
    if known.type not in ("string", "phone_number") and text != text.strip():
        raise Refused(
            f"INVALID_{known.type.upper()}",
            f"{text!r} has leading or trailing spaces, which {known.type} values cannot have.",
        )
    if known.external:
        return _external(text, external.get(name, frozenset()))
    return _BY_TYPE[known.type](known, text)


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise Refused("INVALID_STRING", "Property values must be strings, numbers or booleans.")


def _external(text: str, allowed: AbstractSet[str]) -> str:
    if text not in allowed:
        raise Refused("INVALID_OPTION", _not_allowed(text, sorted(allowed)))
    return text


def _not_allowed(text: str, values: list[str]) -> str:
    return f"{text} was not one of the allowed options: [{', '.join(values)}]"


def _string(known: Property, text: str) -> str:
    if len(text) > LONGEST:
        raise Refused("PROPERTY_VALUE_TOO_LONG", f"{known.name} is too long: at most {LONGEST} characters are kept.")
    return text


def _number(known: Property, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Refused("INVALID_DOUBLE", f"{text} was not a valid number.") from None
    if not number.is_finite():
        raise Refused("INVALID_DOUBLE", f"{text} was not a valid number for {known.name}.")
    return format(number.normalize(), "f") if number else "0"


def _bool(known: Property, text: str) -> str:
    if text not in ("true", "false"):
        raise Refused("INVALID_OPTION", _not_allowed(text, [one.value for one in known.options]))
    return text


def _enumeration(known: Property, text: str) -> str:
    allowed = [one.value for one in known.options]
    asked = text.strip(";").split(";") if known.field_type == "checkbox" else [text]
    for value in asked:
        if value not in allowed:
            raise Refused("INVALID_OPTION", _not_allowed(value, allowed))
    return ";".join(asked)


def _datetime(known: Property, text: str) -> str:
    """Epoch milliseconds, or ISO 8601; a bare day is its midnight UTC."""
    if (moment := _epoch(text)) is not None:
        return stamp(moment)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("INVALID_DATE", f"{text} was not a valid date for {known.name}.") from None
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _date(known: Property, text: str) -> str:
    """YYYY-MM-DD, or epoch milliseconds at midnight UTC."""
    if (moment := _epoch(text)) is not None:
        if moment.time() != datetime.min.time():
            raise Refused("INVALID_DATE", f"{text} is at {moment:%H:%M:%S} UTC, not midnight!")
        return f"{moment:%Y-%m-%d}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused("INVALID_DATE", f"{text} was not a valid date for {known.name}.") from None


def _epoch(text: str) -> datetime | None:
    digits = text.removeprefix("-")
    if not digits.isdecimal() or (len(digits) < len("20260101") or len(digits) == len("20260101")):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(text))
    except OverflowError:
        return None


_BY_TYPE: Final = {
    "string": _string,
    "phone_number": _string,
    "number": _number,
    "bool": _bool,
    "enumeration": _enumeration,
    "datetime": _datetime,
    "date": _date,
}
