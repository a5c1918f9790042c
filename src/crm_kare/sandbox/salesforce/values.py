"""Field values: from the store to JSON, and from JSON to the store."""

import re
from datetime import UTC, date, datetime
from typing import Any, Final

from crm_kare.sandbox.salesforce import ids
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request
from crm_kare.sandbox.store import FieldDef

NUMBERS: Final = frozenset({"double", "currency", "percent", "int"})
Value = str | int | float | None


def shown(definition: FieldDef | None, value: Any) -> Any:
    """A stored value as JSON shows it; without a definition it is a count."""
    if definition is None or value is None:
        return value
    match definition.type:
        case "boolean":
            return bool(value)
        case "datetime":
            return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        case "double" | "currency" | "percent":
            return float(value)
        case _:
            return value


_WRITTEN: Final = re.compile(r"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*")


def taken(definition: FieldDef, value: Any) -> Value:
    """A JSON value as the store keeps it. Text is trimmed, and empty text is no value.

    Raises:
        SalesforceError: a JSON type that does not fit, which refuses the whole request.
    """
    if value is None:
        return 0 if definition.type == "boolean" else None
    if definition.type == "boolean":
        return int(_need(definition, value, bool))
    if definition.type in NUMBERS:
        return _number(definition, value)
    text = str(_need(definition, value, str)).strip()
    return _text(definition, text) if text else None


def _text(definition: FieldDef, text: str) -> Value:
    match definition.type:
        case "date":
            return _date(definition, text)
        case "datetime":
            return _moment(definition, text)
        case "reference" | "id":
            return ids.normalised(text) or text
        case _:
            return text


def _need(definition: FieldDef, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _misfit(definition, value)
    return value


def _number(definition: FieldDef, value: Any) -> int | float:
    """A number, or the text of one: the Salesforce CLI sends all values as text, and Salesforce takes them."""
    if isinstance(value, str) and _WRITTEN.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _misfit(definition, value)
    if definition.type == "int" and int(value) != value:
        raise _misfit(definition, value)
    rounded = round(value, definition.scale)
    return int(rounded) if definition.scale == 0 else rounded


def _date(definition: FieldDef, text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError as error:
        raise _misfit(definition, text) from error


def _moment(definition: FieldDef, text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise _misfit(definition, text) from error


_JSON_NAMES: Final = {
    str: "VALUE_STRING",
    bool: "VALUE_TRUE",
    int: "VALUE_NUMBER_INT",
    float: "VALUE_NUMBER_FLOAT",
    list: "START_ARRAY",
}


def _misfit(definition: FieldDef, value: Any) -> SalesforceError:
    kind = _JSON_NAMES.get(type(value), "START_OBJECT")
    wanted = {"int": "int", "boolean": "boolean", "date": "date", "datetime": "datetime"}.get(
        definition.type, "double" if definition.type in NUMBERS else "string"
    )
    return bad_request(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {wanted} from {kind} value {value} or request may be missing a required field",
    )


def fault_of(definition: FieldDef, value: Value) -> RecordError | None:
    """What is wrong with a value that fits its JSON type."""
    if value is None:
        return None
    if definition.options and definition.restricted and value not in _active(definition):
        message = f"{definition.label}: bad value for restricted picklist field: {value}"
        return RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (definition.name,))
    if isinstance(value, str) and definition.length and len(value) > definition.length:
        cut = value[:255]
        message = f"{definition.label}: data value too large: {cut} (max length={definition.length})"
        return RecordError("STRING_TOO_LONG", message, (definition.name,))
    if definition.type in NUMBERS and abs(float(value)) >= 10 ** (definition.precision - definition.scale):
        message = f"{definition.label}: value outside of valid range on numeric field: {value}"
        return RecordError("NUMBER_OUTSIDE_VALID_RANGE", message, (definition.name,))
    return None


def _active(definition: FieldDef) -> set[str]:
    return {one.value for one in definition.options if one.active}
