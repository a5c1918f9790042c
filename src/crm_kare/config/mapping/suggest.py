"""Proposes fields of a live CRM for columns that are not mapped yet, by their names and by how many records fill them."""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from crm_kare.config.mapping.model import Mapping
from crm_kare.model import STREAMS, Column, Kind
from crm_kare.ports import FieldInfo

_ALIKE: Final = 0.82
_GLANCE: Final = 4
_NUMBERS: Final = frozenset({Kind.NUMBER, Kind.MONEY})

_ALSO_KNOWN_AS: Final[MappingOf[str, tuple[str, ...]]] = {
    "annual_revenue": ("annual revenue", "sales", "turnover", "revenue"),
    "budget_confirmed": ("budget confirmed", "confirmed budget"),
    "closed_on": ("close date", "closing date", "won date"),
    "contract_months": ("contract term", "contract months", "term months", "contract length"),
    "country": ("billing country", "country region", "office location"),
    "currency": ("currency iso code", "deal currency code"),
    "employees": ("number of employees", "employee count", "headcount", "staff"),
    "favourable_contact": ("favourable contact", "champion", "sponsor in place"),
    "has_problem": ("has problem", "problem we solve", "need confirmed"),
    "margin": ("gross margin", "margin percent", "price level"),
    "market": ("market", "vertical", "end market"),
    "parent_id": ("parent", "parent account", "parent company", "subsidiary of"),
    "potential": ("potential", "growth potential", "revenue potential"),
    "product_line": ("product line", "product family", "product", "series"),
    "renewal_on": ("renewal date", "contract renewal", "contract end date", "contract end", "subscription end date"),
    "segment": ("segment", "record type", "customer segment"),
    "sites": ("number of sites", "sites", "branches", "number of locations", "locations"),
    "still_using": ("still using", "active user", "in use"),
    "strategic_value": ("strategic", "strategic value", "strategic account", "target account"),
    "usage": ("usage", "monthly usage", "active users"),
    "wallet": (
        "wallet",
        "wallet size",
        "annual wallet",
        "annual spend",
        "total spend",
        "spend",
        "share of wallet base",
    ),
}


_OWN: Final[MappingOf[str, tuple[str, ...]]] = {
    "ideal_customer_profile": ("ideal customer profile", "ideal customer profile tier"),
}
"""Fields that no column of ours means, and that are worth having under `extra`, for conditions in the rulebook."""

EXTRA: Final = "extra."
"""Before the name of a column that goes under `extra`."""


@dataclass(frozen=True)
class Suggestion:
    """A field that seems to hold what a column means; `filled` is the share of records with a value, None = not known."""

    stream: str
    column: str
    field: str
    label: str
    kind: str
    filled: float | None
    values: tuple[str, ...]

    def type_words(self) -> str:
        """The CRM's type, with the first values of a picklist."""
        return (
            f"{self.kind} ({', '.join(self.values[:_GLANCE])}{' …' if len(self.values) > _GLANCE else ''})"
            if self.values
            else self.kind
        )

    def fill_words(self) -> str:
        """The share of records with a value."""
        return "not known" if self.filled is None else f"{self.filled:.0%}"


def suggestions(mapping: Mapping, schema: MappingOf[str, Sequence[FieldInfo]]) -> list[Suggestion]:
    """For each column that is not mapped yet, the field that fits best; columns nobody's field fits are left out.

    Accounts' fields worth a condition of their own come as columns named `extra.…`.
    """
    found = []
    for name, stream in mapping.streams.mapped():
        used = {one.field for one in (*stream.fields.values(), *stream.fields_of_own().values())}
        free = [one for one in schema.get(name, ()) if one.name not in used and one.kind is not None]
        for column in STREAMS[name].columns:
            best = _best(column, free) if column.name not in stream.fields else None
            if best is not None:
                found.append(_suggestion(name, column.name, best))
        if name == "accounts":
            found += _own(free)
    return found


def _suggestion(stream: str, column: str, field: FieldInfo) -> Suggestion:
    return Suggestion(stream, column, field.name, field.label, field.type, field.filled, field.values)


def _own(free: Sequence[FieldInfo]) -> Iterator[Suggestion]:
    for column, words in _OWN.items():
        best = _alike(words, free)
        if best is not None:
            yield _suggestion("accounts", EXTRA + column, best)


def _best(column: Column, fields: Sequence[FieldInfo]) -> FieldInfo | None:
    wanted = (_words(column.name), *_ALSO_KNOWN_AS.get(column.name, ()))
    return _alike(wanted, [one for one in fields if _fits(column.kind, one)])


def _alike(wanted: Sequence[str], fields: Sequence[FieldInfo]) -> FieldInfo | None:
    fitting = [(_likeness(wanted, one), one.filled or 0.0, one.name, one) for one in fields]
    likeness, _, _, field = max(fitting, key=lambda item: item[:2], default=(0.0, 0.0, "", None))
    return field if likeness >= _ALIKE else None


def _fits(kind: Kind, field: FieldInfo) -> bool:
    if kind is Kind.TEXT:
        return True
    return field.kind in _NUMBERS if kind in _NUMBERS else field.kind is kind


def _likeness(wanted: Sequence[str], field: FieldInfo) -> float:
    offered = (_words(field.name), _words(field.label))
    return max(SequenceMatcher(None, one, other).ratio() for one in wanted for other in offered)


def _words(name: str) -> str:
    """`AnnualSpend__c` as `annual spend`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("__c"))
    return " ".join(re.sub(r"[^A-Za-z0-9]+", " ", spaced).lower().split())
