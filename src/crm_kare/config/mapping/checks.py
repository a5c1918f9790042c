"""What pydantic cannot see in a mapping: names, types of mapped values, conditions, codes. Every finding at once."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crm_kare.config import expressions
from crm_kare.config.findings import Finding, Place, did_you_mean
from crm_kare.config.mapping.model import Currency, DealTypes, FieldMap, Labels, Mapping, StreamMap
from crm_kare.config.mapping.specs import stream_columns
from crm_kare.errors import ConfigError
from crm_kare.labels import BY_NAME, Editor, owned
from crm_kare.model import FACTS, STREAMS, Kind, Stream

OUTCOMES: Final = ("won", "lost", "open")
"""What `opportunities.outcome` may be."""

_CODE = re.compile(r"[A-Z]{3}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_PEOPLE = tuple(name for name, label in BY_NAME.items() if label.editor is Editor.PEOPLE)
_OURS = tuple(label.name for label in owned(frozenset(BY_NAME)))


def check(mapping: Mapping) -> list[Finding]:
    """Everything wrong between a mapping's values."""
    return [*_streams(mapping), *_labels(mapping.labels), *_currency(mapping.currency), *_deals(mapping.deals)]


def _streams(mapping: Mapping) -> Iterator[Finding]:
    if mapping.streams.opportunities is None and mapping.streams.purchases is None:
        yield Finding(
            ("streams",), "neither `opportunities` nor `purchases` is mapped", "map one: they tell who bought what"
        )
    if mapping.streams.line_items and not mapping.streams.opportunities:
        yield Finding(("streams", "line_items"), "line items belong to opportunities", "map `opportunities` too")
    for name, stream in mapping.streams.mapped():
        yield from _stream(STREAMS[name], stream, ("streams", name))


def _stream(known: Stream, stream: StreamMap, place: Place) -> Iterator[Finding]:
    columns = {column.name: column for column in known.columns}
    for column in known.columns:
        if column.required and column.name not in stream.fields:
            yield Finding((*place, "fields"), f"`{column.name}` is not mapped", f"map it: {column.help.rstrip('.')}")
    for name, field in stream.fields.items():
        here = (*place, "fields", name)
        if name not in columns:
            yield Finding(here, f"unknown column `{name}`", did_you_mean(name, columns))
        else:
            yield from _values(field, columns[name].kind, here, outcome=name == "outcome")
    yield from _own_fields(known, stream, place)
    yield from _outcome(known, stream, place)
    yield from _where(known, stream, place)


def _outcome(known: Stream, stream: StreamMap, place: Place) -> Iterator[Finding]:
    mapped = stream.fields.keys()
    if known.name != "opportunities" or "outcome" in mapped or {"is_won", "is_closed"} <= mapped:
        return
    yield Finding(
        (*place, "fields"),
        "nothing tells which opportunities are won, lost or open",
        "map `outcome` from the stage, or both `is_won` and `is_closed`",
    )


def _own_fields(known: Stream, stream: StreamMap, place: Place) -> Iterator[Finding]:
    taken = {column.name for column in known.columns} | FACTS.keys()
    for name, field in stream.fields_of_own().items():
        here = (*place, "extra", name)
        if not _NAME.fullmatch(name):
            yield Finding(here, f"`{name}` is no column name", "use lower-case letters, digits and _")
        elif name in taken:
            yield Finding(here, f"`{name}` is a column or fact of ours", "map it under `fields`, or rename it")
        yield from _values(field, field.type, here)


def _where(known: Stream, stream: StreamMap, place: Place) -> Iterator[Finding]:
    if stream.where is None:
        return
    try:
        expressions.parse(stream.where, stream_columns(known, stream))
    except ConfigError as error:
        yield Finding((*place, "where"), error.message.rstrip("."), error.fix.rstrip("."))


def _values(field: FieldMap, kind: Kind, place: Place, *, outcome: bool = False) -> Iterator[Finding]:
    if field.times is not None and (field.values is not None or kind not in {Kind.NUMBER, Kind.MONEY}):
        yield Finding((*place, "times"), "only a number without a `map` can be multiplied", "remove `times`")
    if field.values is None:
        if field.otherwise is not None:
            yield Finding((*place, "otherwise"), "`otherwise` needs a `map` beside it", "add `map`, or remove it")
        return
    ours = [((*place, "map", theirs), value) for theirs, value in field.values.items()]
    if field.otherwise is not None:
        ours.append(((*place, "otherwise"), field.otherwise))
    for here, value in ours:
        if outcome and value not in OUTCOMES:
            yield Finding(here, f"`{value}` is no outcome", "use won, lost or open")
        elif not _fits(value, kind):
            yield Finding(here, f"`{value}` is no {_WANTED[kind][0]}", _WANTED[kind][1])
    yield from _same_keys(field, place)


def _same_keys(field: FieldMap, place: Place) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for theirs in field.values or {}:
        first = seen.setdefault(theirs.strip().lower(), theirs)
        if first != theirs:
            yield Finding(
                (*place, "map", theirs), f"`{theirs}` and `{first}` differ only in letter case", "keep one of them"
            )


_WANTED: Final = {
    Kind.TEXT: ("text", "put quotes around it"),
    Kind.NUMBER: ("number", "write a plain number"),
    Kind.MONEY: ("amount", "write a plain number"),
    Kind.DATE: ("date", "write it as YYYY-MM-DD"),
    Kind.BOOL: ("`true` or `false`", "write true or false, without quotes"),
}


def _fits(value: Any, kind: Kind) -> bool:
    if kind in {Kind.NUMBER, Kind.MONEY}:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return type(value) is {Kind.TEXT: str, Kind.DATE: date, Kind.BOOL: bool}[kind]


def _labels(labels: Labels) -> Iterator[Finding]:
    place: Place = ("labels",)
    for key, names, mine, other in (
        ("write", labels.write, _OURS, "is set by people and never written: list it under `people`"),
        ("people", labels.people, _PEOPLE, "is computed, not set by people: list it under `write`"),
    ):
        for number, name in enumerate(names):
            here = (*place, key, number)
            if name not in BY_NAME:
                yield Finding(here, f"unknown label `{name}`", did_you_mean(name, mine))
            elif name not in mine:
                yield Finding(here, f"`{name}` {other}")
            elif name in names[:number]:
                yield Finding(here, f"`{name}` stands there twice", "remove one")
    yield from _targets(labels)


def _targets(labels: Labels) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, field in labels.fields.items():
        here: Place = ("labels", "fields", name)
        if name not in BY_NAME:
            yield Finding(here, f"unknown label `{name}`", did_you_mean(name, BY_NAME))
        first = seen.setdefault(field.lower(), name)
        if first != name:
            yield Finding(here, f"`{field}` holds `{first}` already", "give each label a field of its own")


def _currency(currency: Currency) -> Iterator[Finding]:
    if currency.reporting != "home":
        yield from _code(currency.reporting, ("currency", "reporting"))
    if currency.rates and currency.rates_file:
        yield Finding(("currency", "rates_file"), "both `rates` and `rates_file` are given", "keep one of them")
    for code, rates in currency.rates.items():
        yield from _code(code, ("currency", "rates", code))
        days = [rate.since for rate in rates]
        if len(set(days)) < len(days):
            yield Finding(("currency", "rates", code), "two rates begin on the same day", "keep one of them")


def _code(code: str, place: Place) -> Iterator[Finding]:
    if not _CODE.fullmatch(code):
        yield Finding(place, f"`{code}` is no currency code", "use the ISO code in capitals, like EUR")


def _deals(deals: DealTypes) -> Iterator[Finding]:
    both = {one.strip().lower() for one in deals.expansion} & {one.strip().lower() for one in deals.renewal}
    if both:
        yield Finding(("deals",), f"`{min(both)}` stands under `expansion` and `renewal`", "keep it in one list")
