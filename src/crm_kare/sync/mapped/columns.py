"""One column at a time: value maps, types, and nulls for what is not mapped."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from crm_kare.config import expressions
from crm_kare.config.mapping import FACTOR_SUFFIX, FieldMap, StreamMap, label_kind, stream_columns
from crm_kare.labels import LABELS, Editor
from crm_kare.method.conditions import evaluate
from crm_kare.model import EXTRA_PREFIX, PRESENT_PREFIX, Kind, Stream

DTYPES: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "string",
    Kind.NUMBER: "decimal(18, 4)",
    Kind.MONEY: "decimal(18, 4)",
    Kind.DATE: "date",
    Kind.BOOL: "boolean",
}
"""Ibis type of each kind."""

_LARGEST: Final = 10**11

PEOPLE: Final = tuple(label for label in LABELS if label.editor is Editor.PEOPLE)
"""The labels that people set; they stand in the accounts table under their name in lower case."""


def typed(table: ir.Table, known: Stream, stream: StreamMap) -> ir.Table:
    """Every column of the stream, mapped and typed, and null where it is not there; only rows that `where` lets in."""
    columns = {
        column.name: _column(table, column.name, column.kind, stream.fields.get(column.name))
        for column in known.columns
    }
    columns |= {
        EXTRA_PREFIX + name: _column(table, EXTRA_PREFIX + name, own.type, own)
        for name, own in stream.fields_of_own().items()
    }
    if known.name == "accounts":
        columns |= {label.name.lower(): _people(table, label.name, label_kind(label.type)) for label in PEOPLE}
    if known.name == "opportunities":
        columns["outcome_raw"] = _raw(table, "outcome", Kind.TEXT)
        columns["outcome"] = _outcome(columns)
    return _filtered(table.select(**columns), known, stream)


def empty(known: Stream) -> ir.Table:
    """A table of this stream without rows."""
    columns = {column.name: DTYPES[column.kind] for column in known.columns}
    schema = ibis.schema({**columns, "outcome_raw": "string"})
    return ibis.memtable(schema.to_pyarrow().empty_table())  # of a list, Ibis would load Pandas


def folded(value: ir.Value) -> ir.StringValue:
    """Text as value maps compare it: without surrounding blanks and letter case."""
    text: ir.StringValue = value.cast("string").strip().lower()
    return text


def _filtered(table: ir.Table, known: Stream, stream: StreamMap) -> ir.Table:
    if stream.where is None:
        return table
    condition = expressions.parse(stream.where, stream_columns(known, stream))
    return table.filter(evaluate(condition, table))


def _column(table: ir.Table, name: str, kind: Kind, field: FieldMap | None) -> ir.Value:
    if field is None or name not in table.columns:
        return ibis.null(DTYPES[kind])
    if field.values is not None:
        return _mapped(table[name], kind, field)
    plain = _raw(table, name, kind)
    return plain if field.times is None else _product(plain, _factor(table, name, field.times))


def _factor(table: ir.Table, name: str, times: Decimal | str) -> ir.Value:
    if isinstance(times, str):
        return _raw(table, name + FACTOR_SUFFIX, Kind.NUMBER)
    return ibis.literal(str(times)).cast(DTYPES[Kind.NUMBER])


def _product(left: ir.Value, right: ir.Value) -> ir.Value:
    """The product where it fits; absurd numbers are unknown and must not stop the run."""
    fits = (left.abs() < _LARGEST) & (right.abs() < _LARGEST)
    return ibis.ifelse(fits, left.cast("decimal(30, 8)") * right, ibis.null("decimal(30, 8)")).try_cast(
        DTYPES[Kind.MONEY]
    )


def _mapped(raw: ir.Value, kind: Kind, field: FieldMap) -> ir.Value:
    text = raw.cast("string")
    others: Any = raw.cast("string") if kind is Kind.TEXT else ibis.null(DTYPES[kind])
    if field.otherwise is not None:
        others = ibis.ifelse(text.isnull(), ibis.null(DTYPES[kind]), _ours(field.otherwise, kind))
    key = folded(text)
    pairs = [(theirs.strip().lower(), _ours(value, kind)) for theirs, value in (field.values or {}).items()]
    return key.cases(*pairs, else_=others) if pairs else others


def _ours(value: object, kind: Kind) -> ir.Value:
    plain = str(value) if kind in {Kind.NUMBER, Kind.MONEY} else value
    return ibis.literal(plain).cast(DTYPES[kind])


def _raw(table: ir.Table, name: str, kind: Kind) -> ir.Value:
    """The mirror's column; cast where the mapping has changed since the last full pull."""
    if name not in table.columns:
        return ibis.null(DTYPES[kind])
    wanted = ibis.dtype(DTYPES[kind])
    column = table[name]
    return column if column.type() == wanted else column.try_cast(wanted)


def _people(table: ir.Table, label: str, kind: Kind) -> ir.Value:
    return _raw(table, PRESENT_PREFIX + label, kind)


def _outcome(columns: Mapping[str, Any]) -> ir.Value:
    """The mapped outcome, else what the CRM's flags say, else unknown."""
    named = folded(columns["outcome"])
    won, closed = columns["is_won"], columns["is_closed"]
    flags = ibis.cases((won, "won"), (closed & ~won, "lost"), (~closed, "open"))
    return ibis.coalesce(ibis.ifelse(named.isin(["won", "lost", "open"]), named, ibis.null("string")), flags)
