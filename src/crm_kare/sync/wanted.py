"""What each account should hold: the judgement of `method.score` as canonical text, one column per label."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.labels import FieldType, Label

_Column = Any  # a ChunkedArray; the stubs tell compute functions apart by element types that nobody knows here

FROM_HISTORY: Final = ("Previous_Profile", "Changed_On")
"""Labels that come from what was held before, not from the judgement alone."""


def cut(text: str, length: int) -> str:
    """A text of at most `length` characters: whole words, `…` where something was left out."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    if not text[length - 1].isspace():
        whole = head.rsplit(maxsplit=1)
        head = whole[0] if len(whole) > 1 else head
    return head.rstrip(" ,;:\n") + "…"


def canonical_text(value: str | None, kind: FieldType) -> str | None:
    """One value as the planner compares it: numbers and texts whose writing differs but not their meaning are equal."""
    text = (value or "").replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n")
    if not text or kind is not FieldType.NUMBER:
        return text or None
    try:
        return f"{Decimal(text).normalize():f}"
    except InvalidOperation:
        return text


def wanted(labels: pa.Table, names: Sequence[Label]) -> pa.Table:
    """One row per account: `account_id` and a text column for every label of `names` that the judgement decides.

    Args:
        labels: `Scored.labels`.
        names: the labels to write; those of `FROM_HISTORY` are left to the planner.
    """
    planned = any(label.name == "Plan_Test" for label in names)
    columns: dict[str, _Column] = {"account_id": labels["account_id"].cast(pa.string())}
    for label in names:
        if label.name not in FROM_HISTORY:
            told = _reasons(labels, planned=planned) if label.name == "Reasons" else _text(labels, label)
            columns[label.name] = _fit(told, label)
    return pa.table(columns)


def _text(labels: pa.Table, label: Label) -> _Column:
    name = label.name.lower()
    if name not in labels.column_names:
        return pa.chunked_array([pa.nulls(labels.num_rows, pa.string())])
    values = labels[name]
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "Yes", "No")
    return _joined(values, "; ")


def _joined(values: _Column, between: str) -> _Column:
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pc.binary_join(values.cast(pa.list_(pa.string())), between)
    return values.cast(pa.string())


def _reasons(labels: pa.Table, *, planned: bool) -> _Column:
    """All of it, a line each: the reasons, the plan test's answers where that is written too, the runner-up."""
    parts = [_joined(labels["reasons"], "\n")]
    if planned and "plan_answers" in labels.column_names:
        answers = _joined(labels["plan_answers"], "\n")
        parts.append(pc.if_else(pc.equal(answers, pa.scalar("")), pa.scalar(None, pa.string()), answers))
    if "runner_up" in labels.column_names:
        runner_up: _Column = labels["runner_up"].cast(pa.string())
        parts.append(pc.binary_join_element_wise(pa.scalar("Runner-up: "), runner_up, pa.scalar("")))
    return pc.binary_join_element_wise(*parts, pa.scalar("\n"), null_handling="skip")


def _fit(values: _Column, label: Label) -> _Column:
    """Texts at most as long as the field; only those that are too long pass through Python."""
    if label.type not in (FieldType.TEXT, FieldType.LONG_TEXT) or not label.length:
        return values
    long: _Column = pc.greater(pc.utf8_length(values), pa.scalar(label.length))
    if not pc.any(long).as_py():
        return values
    shorter = [cut(text, label.length) for text in values.filter(long).to_pylist()]
    return pa.chunked_array([pc.replace_with_mask(values.combine_chunks(), long.combine_chunks(), pa.array(shorter))])
