"""Search filters as SQL conditions over the store's columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import as_mapping
from crm_kare.sandbox.hubspot.definitions import ObjectType, Property
from crm_kare.sandbox.hubspot.errors import HubSpotError, validation
from crm_kare.sandbox.hubspot.portal import ID_LENGTH


@dataclass(frozen=True)
class Condition:
    """SQL and the values of its question marks."""

    sql: str
    values: tuple[Any, ...] = ()

    def both(self, other: "Condition") -> "Condition":
        """This one and the other."""
        return Condition(f"{self.sql} AND {other.sql}", self.values + other.values)


def filtered(kind: ObjectType, known: Mapping[str, Property], groups: Sequence[Sequence[Any]]) -> Condition:
    """Filters of a group are joined by AND, groups by OR.

    Raises:
        HubSpotError: 400, unknown property or operator, or a value that does not fit.
    """
    if not groups:
        return Condition("1")
    joined = [_group(kind, known, [as_mapping(one) for one in group]) for group in groups]
    sql = " OR ".join(f"({one.sql})" for one in joined)
    return Condition(f"({sql})", tuple(value for one in joined for value in one.values))


def _group(kind: ObjectType, known: Mapping[str, Property], filters: Sequence[Mapping[str, Any]]) -> Condition:
    condition = Condition("1")
    for one in filters:
        condition = condition.both(_filter(kind, known, one))
    return condition


def _filter(kind: ObjectType, known: Mapping[str, Property], one: Mapping[str, Any]) -> Condition:
    name, operator = str(one.get("propertyName")), one.get("operator")
    if name not in known:
        raise _problem(f"Property {name} does not exist", "PROPERTY_DOESNT_EXIST", name)
    if operator not in _OPERATORS:
        raise validation(f"Invalid operator: {operator}. Allowed: {', '.join(_OPERATORS)}")
    return _OPERATORS[operator](_Side(kind, known[name]), one)


def _problem(message: str, code: str, name: Any) -> HubSpotError:
    detail = {"message": message, "code": code, "context": {"propertyName": [str(name)]}}
    return validation("There was a problem with the request.", errors=[detail])


def system_column(kind: ObjectType, name: str) -> str:
    """The store's own column behind a system property; empty where it is an ordinary one."""
    return {"hs_object_id": "_id", kind.created: "_created", kind.modified: "_modified"}.get(name, "")


def number(name: str) -> str:
    """A number property as SQL number."""
    return f'CAST("{name}" AS REAL)'


def milliseconds(name: str) -> str:
    """A date or datetime property as epoch milliseconds; fractions are there or dropped, so text does not compare."""
    return f'CAST(round((julianday("{name}") - 2440587.5) * 86400000.0) AS INTEGER)'


def comparable(kind: ObjectType, known: Property) -> str:
    """SQL by which values of the property are compared and sorted; blank stays NULL."""
    if system := system_column(kind, known.name):
        return system
    if known.type == "number":
        return number(known.name)
    return milliseconds(known.name) if known.type in ("date", "datetime") else f'lower("{known.name}")'


class _Side:
    """A property as the left side of a comparison, and how the right side is read."""

    def __init__(self, kind: ObjectType, known: Property) -> None:
        self.known = known
        self.present = system_column(kind, known.name) or f'"{known.name}"'
        self.sql = comparable(kind, known)

    def read(self, value: Any) -> Any:
        """A filter's value in the side's terms."""
        if not isinstance(value, str | int | float):
            raise _problem(f"A value is required for {self.known.name}", "INVALID_VALUE", self.known.name)
        if self.sql == "_id":
            # Ids have one length, so that they compare as text and the store's index serves.
            return str(self._number(value)).zfill(ID_LENGTH)
        if self.known.type == "number":
            return self._number(value)
        if self.known.type in ("date", "datetime"):
            return self._moment(str(value))
        return str(value).lower()

    def _number(self, value: Any) -> float | int:
        try:
            return int(value) if str(value).lstrip("-").isdecimal() else float(value)
        except ValueError:
            raise _problem(f"{value} is not a number", "INVALID_INTEGER", self.known.name) from None

    def _moment(self, value: str) -> int:
        if value.lstrip("-").isdecimal():
            return int(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _problem(f"{value} is not a date", "INVALID_DATE", self.known.name) from None
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _compare(sign: str) -> Callable[[_Side, Mapping[str, Any]], Condition]:
    return lambda side, one: Condition(f"{side.sql} {sign} ?", (side.read(one.get("value")),))


def _between(side: _Side, one: Mapping[str, Any]) -> Condition:
    return Condition(f"{side.sql} BETWEEN ? AND ?", (side.read(one.get("value")), side.read(one.get("highValue"))))


def _among(word: str) -> Callable[[_Side, Mapping[str, Any]], Condition]:
    def among(side: _Side, one: Mapping[str, Any]) -> Condition:
        values = one.get("values")
        if not isinstance(values, list) or not values:
            raise _problem("values must be a list that is not empty", "INVALID_VALUE", side.known.name)
        if side.known.type == "string":
            # Text is indexed in lower case, and here the values are not put into it.
            asked = tuple(str(value) for value in values)
        else:
            asked = tuple(side.read(value) for value in values)
        return Condition(f"{side.sql} {word} ({', '.join('?' * len(asked))})", asked)

    return among


def _present(word: str) -> Callable[[_Side, Mapping[str, Any]], Condition]:
    def present(side: _Side, one: Mapping[str, Any]) -> Condition:
        if one.get("value") is not None:
            raise _problem("this operator takes no value", "INVALID_VALUE", side.known.name)
        return Condition(f"{side.present} {word}")

    return present


def _token(word: str) -> Callable[[_Side, Mapping[str, Any]], Condition]:
    def token(side: _Side, one: Mapping[str, Any]) -> Condition:
        pattern = str(side.read(one.get("value"))).replace("[", "[[]").replace("?", "[?]")
        return Condition(
            f"(' ' || lower(coalesce({side.present}, '')) || ' ') {word} ?", (f"*[^0-9a-z]{pattern}[^0-9a-z]*",)
        )

    return token


_OPERATORS: Final[dict[str, Callable[[_Side, Mapping[str, Any]], Condition]]] = {
    "EQ": _compare("="),
    "NEQ": _compare("<>"),
    "LT": _compare("<"),
    "LTE": _compare("<="),
    "GT": _compare(">"),
    "GTE": _compare(">="),
    "BETWEEN": _between,
    "IN": _among("IN"),
    "NOT_IN": _among("NOT IN"),
    "HAS_PROPERTY": _present("IS NOT NULL"),
    "NOT_HAS_PROPERTY": _present("IS NULL"),
    "CONTAINS_TOKEN": _token("GLOB"),
    "NOT_CONTAINS_TOKEN": _token("NOT GLOB"),
}
