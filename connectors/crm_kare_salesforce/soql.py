"""SOQL texts. Names go in as they stand, so nothing but names is let in; values are quoted and escaped."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from crm_kare.errors import ConfigError

_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"


def select(columns: Iterable[str], source: str, *tests: str, order: str = "") -> str:
    """A query; columns named twice are asked for once, since Salesforce refuses them (it does not tell cases apart).

    Raises:
        ConfigError: something is no field or object name.
    """
    wanted: dict[str, str] = {}
    for name in columns:
        wanted.setdefault(name.lower(), name)
    _check_names((source, *wanted.values()), source)
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    last = f" ORDER BY {order}" if order else ""
    return f"SELECT {', '.join(wanted.values())} FROM {source}{where}{last}"  # noqa: S608  checked names, quoted values


def counts(names: Iterable[str], source: str) -> str:
    """How many records there are (`total`), and how many have a value in each field (`c0`, `c1` …)."""
    asked = list(names)
    _check_names((source, *asked), source)
    columns = ", ".join(["COUNT(Id) total", *(f"COUNT({name}) c{place}" for place, name in enumerate(asked))])
    return f"SELECT {columns} FROM {source}"  # noqa: S608  checked names


def ticked(name: str, source: str) -> str:
    """In how many records (`total`) a checkbox is ticked."""
    _check_names((source, name), source)
    return f"SELECT COUNT(Id) total FROM {source} WHERE {name} = true"  # noqa: S608  checked names


def equals(name: str, value: str) -> str:
    """`Name = 'value'`."""
    return f"{name} = {_quoted(value)}"


def one_of(name: str, values: Iterable[str]) -> str:
    """`Name IN ('a','b')`."""
    return f"{name} IN ({','.join(_quoted(value) for value in values)})"


def between(name: str, low: str, high: str) -> str:
    """`Name >= 'a' AND Name <= 'b'`, both included."""
    return f"{name} >= {_quoted(low)} AND {name} <= {_quoted(high)}"


def since(moment: datetime) -> str:
    """What changed from that moment on, to the second, which is how finely Salesforce compares."""
    return f"SystemModstamp >= {stamp(moment)}"


def stamp(moment: datetime) -> str:
    """A datetime literal: unquoted, with zone; written with Z, since a plus sign would need escaping."""
    return moment.astimezone(UTC).strftime(_STAMP)


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote. Raises `ValueError`."""
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _check_names(names: Iterable[str], source: str) -> None:
    odd = [name for name in names if not all(part.isidentifier() and part.isascii() for part in name.split("."))]
    if odd:
        raise ConfigError(
            f"{', '.join(repr(name) for name in odd)} is no Salesforce field or object name.",
            where=f"mapping of {source}",
            fix="Use API names, for example Industry, Region__c or Owner.Name.",
        )
