"""What a cell of an exported file says, where it can say one thing only; whatever else it holds, the file is not used.

HubSpot's documents define no form for times in files. Those with a zone, and epoch milliseconds, need none. Those without
a zone are taken for the portal's time, once a sample of the records, read by id, has shown that they are.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from typing import Final

from crm_kare.model import Kind
from crm_kare_hubspot.definitions import Property
from crm_kare_hubspot.pull.unclear import UnclearError
from crm_kare_hubspot.values import canonical

Cell = Callable[[str], str]
"""Canonical text of a cell that is not blank; raises `UnclearError`."""

LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")
"""A time without zone."""

_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_MILLISECONDS: Final = re.compile(r"-?\d{11,14}")
_ZONED: Final = re.compile(rf"({LOCAL.pattern})(Z|[+-]\d\d:?\d\d)")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass
class LocalTime:
    """How times without zone are read.

    Attributes:
        zone: the portal's.
        proven: whether records read by id have shown that it is the one of the file.
    """

    zone: tzinfo
    proven: bool = field(default=False)

    def minute(self, moment: datetime) -> str:
        """A moment as the file would show it, without seconds."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def twice(self, text: str) -> bool:
        """Whether this time comes twice in the night in which clocks are put back, or never where they are put on."""
        if not LOCAL.fullmatch(text):
            return False
        moment = datetime.fromisoformat(text).replace(tzinfo=self.zone)
        return moment.utcoffset() != moment.replace(fold=1).utcoffset()


def cell(known: Property, kinds: Iterable[Kind], local: LocalTime) -> Cell:
    """How the cells of one property are read, whose columns are of these kinds.

    Raises:
        UnclearError: its type is none of those that are understood.
    """
    kind = known.value_type()
    if kind == "datetime":
        days = all(one is Kind.DATE for one in kinds)
        return partial(_moment, known.name, local if days else None)
    if kind == "enumeration":
        return _choice(known)
    plain: Mapping[str, Cell] = {
        "string": str,
        "phone_number": str,
        "number": partial(_fitting, known.name, _NUMBER),
        "bool": partial(_truth, known.name),
        "date": partial(_day, known.name),
    }
    if kind not in plain:
        raise UnclearError(f"how values of {known.name} ({kind}) stand in a file is not known")
    return plain[kind]


def read(cells: Cell, texts: Sequence[str | None]) -> list[str | None]:
    """A whole column; equal texts are looked at once."""
    if cells is str:
        return list(texts)
    told = {text: cells(text) for text in set(texts) if text}
    return [told.get(text) if text else None for text in texts]


def _fitting(name: str, form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise _odd(name)
    return text


def _truth(name: str, text: str) -> str:
    if text.lower() not in {"true", "false"}:
        raise _odd(name)
    return text.lower()


def _day(name: str, text: str) -> str:
    """A day, or the milliseconds of its midnight in UTC."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        if _MILLISECONDS.fullmatch(text) and int(text) % 86_400_000 == 0:
            return str(canonical(text, "date"))
    except (ValueError, OverflowError):
        pass
    raise _odd(name)


def _moment(name: str, local: LocalTime | None, text: str) -> str:
    try:
        if _MILLISECONDS.fullmatch(text):
            return str(canonical(text, "datetime"))
        if _ZONED.fullmatch(text):
            return _in_utc(datetime.fromisoformat(text))
        if local and local.proven and LOCAL.fullmatch(text):
            return _in_utc(datetime.fromisoformat(text).replace(tzinfo=local.zone))
    except (ValueError, OverflowError):
        pass
    raise _odd(name)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _choice(known: Property) -> Cell:
    """A value among several: internal ones were asked for, so that a label tells that the file has others."""
    options = known.raw.get("options") or ()
    labels = {str(one.get("label")) for one in options} - {str(one.get("value")) for one in options}
    owner = known.raw.get("referencedObjectType") == "OWNER"

    def value(text: str) -> str:
        if not labels.isdisjoint(text.split(";")) or (owner and not text.isdecimal()):
            raise _odd(known.name)
        return text

    return value


def _odd(name: str) -> UnclearError:
    return UnclearError(f"a value of {name} has another form than was asked for")
