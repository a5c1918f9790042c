"""HubSpot's pages of records, from their bytes to the properties that were asked for, and no more.

Each pull makes a decoder of its own: what nobody mapped is skipped while reading, and a record is an object with one
attribute a property, from which columns are made without looking a name up for each value.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Protocol

import msgspec

from crm_kare.errors import StopError
from crm_kare_hubspot.answers import AGAIN

ABSENT: Final = ""
"""Value of a property that a record does not have at all; HubSpot tells those without value as null."""


class _Next(msgspec.Struct, gc=False):
    after: str | int = ""


class Paging(msgspec.Struct, gc=False):
    """Where an answer goes on."""

    next: _Next | None = None


class End(msgspec.Struct, gc=False):
    """One end of an association, as lists tell it."""

    id: str
    type: str = ""


class Ends(msgspec.Struct, gc=False):
    """The associations of one record to one object, as lists tell them."""

    results: list[End]
    paging: Paging | None = None


class Held(Protocol):
    """Records, to be read column by column, wherever they came from."""

    ids: list[str]

    def __len__(self) -> int: ...

    def values(self, name: str) -> list[str | None]:
        """One property of all records; None for blank."""
        ...

    def absent(self, names: Iterable[str]) -> list[str]:
        """Those of the properties that none of the records has: there may be no such property any more."""
        ...


class Rows:
    """Records of HubSpot's pages.

    Args:
        records: what the decoder made of them.
        names: attribute of each property, and of each object at the other end of an association.
    """

    def __init__(self, records: Sequence[Any], names: Mapping[str, str]) -> None:
        self.records, self._names = records, names
        self.ids: list[str] = [one.id for one in records]
        self._properties = [one.properties for one in records]

    def __len__(self) -> int:
        return len(self.ids)

    def values(self, name: str) -> list[str | None]:
        """One property of all records; None for blank."""
        return [value or None for value in map(attrgetter(self._names[name]), self._properties)]

    def stamps(self) -> list[datetime | None]:
        """When each record last changed."""
        return [datetime.fromisoformat(one.updatedAt) if one.updatedAt else None for one in self.records]

    def ends(self, target: str) -> list[Ends | None]:
        """The associations to one object of all records, where they were asked for in a list."""
        attribute = self._names[target]
        return [one.associations and getattr(one.associations, attribute) for one in self.records]

    def absent(self, names: Iterable[str]) -> list[str]:
        """Those of the properties that none of the records has: there may be no such property any more."""
        found = self._properties
        return [name for name in names if found and all(getattr(one, self._names[name]) == ABSENT for one in found)]


@dataclass(frozen=True)
class Answer:
    """One page: its records, where it goes on (empty: nowhere), how many there are in all, and what failed."""

    rows: Rows
    after: str
    total: int | None
    errors: list[dict[str, Any]]


class Decoder:
    """Decodes pages of one object's records.

    Args:
        where: named in errors.
        properties: names of properties that are asked for.
        targets: objects at the other ends of associations.
    """

    def __init__(self, where: str, properties: Sequence[str], targets: Sequence[str]) -> None:
        self._where = where
        self._names = {name: f"p{number}" for number, name in enumerate(properties)}
        ends = {name: f"t{number}" for number, name in enumerate(targets)}
        self._type = _page_type(self._names, ends)
        self._decoder = msgspec.json.Decoder(self._type)
        self._names |= ends

    def rows(self, records: Sequence[Any]) -> Rows:
        """Some of the records of a page, or of several."""
        return Rows(records, self._names)

    def answer(self, body: bytes) -> Answer:
        """What a page holds.

        Raises:
            StopError: it is no list of records: an empty one made of it would look like an empty CRM.
        """
        page = self._page(body)
        after = page.paging.next.after if page.paging and page.paging.next else ""
        return Answer(self.rows(page.results), str(after), page.total, page.errors)

    def _page(self, body: bytes) -> Any:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # halves of surrogate pairs, numbers where HubSpot writes texts: more patiently
        try:
            return msgspec.convert(_in_texts(json.loads(body)), self._type)
        except (ValueError, LookupError, TypeError):
            raise StopError(
                "HubSpot's answer has no list of results.", where=self._where, code="shape", fix=AGAIN
            ) from None


def _page_type(properties: Mapping[str, str], targets: Mapping[str, str]) -> Any:
    """The type of a page. Names of properties may be any, so they are attributes by number."""
    value = str | None
    held = msgspec.defstruct(
        "Properties",
        [(attribute, value, ABSENT) for attribute in properties.values()],
        rename={attribute: name for name, attribute in properties.items()},
        gc=False,
    )
    tied = msgspec.defstruct(
        "Associations",
        [(attribute, Ends | None, None) for attribute in targets.values()],
        rename={attribute: name for name, attribute in targets.items()},
        gc=False,
    )
    record = msgspec.defstruct(
        "Record",
        [
            ("id", str),
            ("properties", held, msgspec.field(default_factory=held)),
            ("updatedAt", value, None),
            ("associations", tied | None, None),
        ],
        gc=False,
    )
    return msgspec.defstruct(
        "Page",
        [
            ("results", _list_of(record)),
            ("paging", Paging | None, None),
            ("total", int | None, None),
            ("errors", list[dict[str, Any]], msgspec.field(default_factory=list)),
        ],
    )


def _list_of(record: Any) -> Any:
    """The type is made while this runs, which no type checker can follow."""
    return list[record]


def _in_texts(page: Any) -> Any:
    return page | {"results": [_texts(one) for one in page["results"]]}


def _texts(value: Any) -> Any:
    """Numbers and truths as texts, all the way down."""
    if isinstance(value, dict):
        return {key: _texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, str) else str(value)
