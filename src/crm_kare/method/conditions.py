"""Evaluates checked conditions on Ibis tables; true, false or unknown (null), as SQL does it.

Text is compared as it stands, letter case included (`ilike`, `lower` and `upper` are there for the rest). A column is
compared with a number exactly; as soon as one calculates, both sides are floats, so that `/` never cuts off and no
product overflows a decimal. Dividing by zero is unknown.
"""

import operator
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from crm_kare.config.expressions import Condition, Node
from crm_kare.model import EXTRA_PREFIX

_Combine = Callable[[Any, Any], Any]


def evaluate(condition: Condition, table: ir.Table) -> ir.BooleanValue:
    """The condition over a table's columns; an admin's own column `erp_class` may stand there as `x_erp_class`."""
    value: ir.BooleanValue = _value(condition.tree, table)
    return value


def _value(node: Node, table: ir.Table) -> Any:
    if node.op == "column":
        return _column(str(node.value), table)
    if node.op == "literal":
        return _literal(node)
    return _OPERATIONS[node.op]([_value(argument, table) for argument in node.args])


def _column(name: str, table: ir.Table) -> Any:
    return table[name if name in table.columns else EXTRA_PREFIX + name]


def _literal(node: Node) -> Any:
    if isinstance(node.value, Decimal):
        whole = node.value == node.value.to_integral_value()
        return ibis.literal(int(node.value), "int64") if whole else ibis.literal(node.value)
    return ibis.literal(node.value)


def _balanced(combine: _Combine, values: Sequence[Any]) -> Any:
    """Combine as a balanced tree: hundreds of alternatives must not become hundreds of levels."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return combine(_balanced(combine, values[:half]), _balanced(combine, values[half:]))


def _pair(combine: _Combine, values: Sequence[Any]) -> Any:
    return combine(*values)


def _calculate(combine: _Combine, values: Sequence[Any]) -> Any:
    left, right = (value.cast("float64") for value in values)
    return combine(left, right)


def _divide(left: Any, right: Any) -> Any:
    return left / right.nullif(0.0)


def _is(wanted: bool, values: Sequence[Any]) -> Any:  # noqa: FBT001  bound by `partial`
    value = values[0] if wanted else ~values[0]
    return value.fill_null(False)


_OPERATIONS: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "and": partial(_balanced, operator.and_),
    "or": partial(_balanced, operator.or_),
    "not": lambda values: ~values[0],
    "=": partial(_pair, operator.eq),
    "<>": partial(_pair, operator.ne),
    "<": partial(_pair, operator.lt),
    "<=": partial(_pair, operator.le),
    ">": partial(_pair, operator.gt),
    ">=": partial(_pair, operator.ge),
    "in": lambda values: values[0].isin(values[1:]),
    "is_null": lambda values: values[0].isnull(),
    "is_true": partial(_is, True),
    "is_false": partial(_is, False),
    "like": lambda values: values[0].like(values[1]),
    "ilike": lambda values: values[0].ilike(values[1]),
    "+": partial(_calculate, operator.add),
    "-": partial(_calculate, operator.sub),
    "*": partial(_calculate, operator.mul),
    "/": partial(_calculate, _divide),
    "neg": lambda values: -values[0],
    "coalesce": lambda values: ibis.coalesce(*values),
    "lower": lambda values: values[0].lower(),
    "upper": lambda values: values[0].upper(),
    "abs": lambda values: values[0].abs(),
}
