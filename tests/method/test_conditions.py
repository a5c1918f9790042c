"""Conditions on Ibis and DuckDB against a small evaluator in plain Python, unknowns included."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_kare.config.expressions import Node, parse
from crm_kare.method.conditions import evaluate
from crm_kare.model import Kind

COLUMNS = {
    "industry": Kind.TEXT,
    "country": Kind.TEXT,
    "employees": Kind.NUMBER,
    "sites": Kind.NUMBER,
    "wallet": Kind.MONEY,
    "renewal_on": Kind.DATE,
    "lapsed": Kind.BOOL,
    "erp_class": Kind.TEXT,
}
_FIELDS: list[tuple[str, pa.DataType]] = [
    ("industry", pa.string()),
    ("country", pa.string()),
    ("employees", pa.decimal128(18, 4)),
    ("sites", pa.decimal128(18, 4)),
    ("wallet", pa.decimal128(18, 4)),
    ("renewal_on", pa.date32()),
    ("lapsed", pa.bool_()),
    ("x_erp_class", pa.string()),
]
SCHEMA = pa.schema(_FIELDS)
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[str, list[dict[str, Any]]], list[bool | None]]]:
    connection = ibis.duckdb.connect()

    def execute(text: str, rows: list[dict[str, Any]]) -> list[bool | None]:
        table = ibis.memtable(pa.Table.from_pylist(rows, schema=SCHEMA).append_column("n", pa.array(range(len(rows)))))
        asked = table.select("n", told=evaluate(parse(text, COLUMNS), table)).order_by("n")
        told: list[bool | None] = connection.to_pyarrow(asked)["told"].to_pylist()
        return told

    yield execute
    connection.disconnect()


def row(**values: Any) -> dict[str, Any]:
    return {name: values.get(name.removeprefix("x_")) for name in SCHEMA.names}


ROWS = [
    row(industry="Software", employees=Decimal(50), wallet=Decimal("0.7"), lapsed=True, renewal_on=date(2026, 2, 28)),
    row(industry="software", employees=Decimal(0), wallet=Decimal("-3.5"), lapsed=False, erp_class="A"),
    row(),
]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("industry = 'Software'", [True, False, None]),
        ("industry <> 'Software'", [False, True, None]),
        ("lower(industry) = 'software'", [True, True, None]),
        ("industry ilike 'SOFT%'", [True, True, None]),
        ("industry like 'S_ft%'", [True, False, None]),
        ("industry not like 'S%'", [False, True, None]),
        ("industry in ('Software', 'Banking')", [True, False, None]),
        ("industry not in ('Software', 'Banking')", [False, True, None]),
        ("industry is null", [False, False, True]),
        ("industry is not null", [True, True, False]),
        ("not lapsed", [False, True, None]),
        ("lapsed is true", [True, False, False]),
        ("lapsed is not true", [False, True, True]),
        ("lapsed is false", [False, True, False]),
        ("lapsed or employees >= 0", [True, True, None]),
        ("lapsed and employees > 1000", [False, False, None]),
        ("lapsed or industry is null", [True, False, True]),
        ("lapsed and industry is null", [False, False, None]),
        ("employees between 50 and 60", [True, False, None]),
        ("employees not between 50 and 60", [False, True, None]),
        ("wallet = 0.7", [True, False, None]),
        ("wallet > -3.5", [True, False, None]),
        ("employees / 100 = 0.5", [True, False, None]),
        ("1 / employees > 0", [True, None, None]),
        ("wallet * wallet * wallet * wallet * wallet * wallet < 1", [True, False, None]),
        ("abs(wallet) = 3.5", [False, True, None]),
        ("-wallet = 3.5", [False, True, None]),
        ("coalesce(employees, 7) = 7", [False, False, True]),
        ("coalesce(industry, country, 'none') = 'none'", [False, False, True]),
        ("renewal_on = '2026-02-28'", [True, None, None]),
        ("renewal_on < date '2026-03-01'", [True, None, None]),
        ("erp_class = 'A'", [None, True, None]),
        ("lapsed = (industry = 'Software')", [True, True, None]),
        ("true", [True, True, True]),
        (" or ".join(["sites=1"] * 300), [None, None, None]),
        ("wallet < 999999999999999999", [True, True, None]),
        ("wallet < 0.99999999999999999", [True, True, None]),
        ("wallet in (0.7, 999999999999999999, 0.00000000000000001)", [True, False, None]),
    ],
)
def test_what_conditions_mean(run: Any, text: str, told: list[bool | None]) -> None:
    assert run(text, ROWS) == told


def _and(values: list[Any]) -> bool | None:
    return False if False in values else None if None in values else True


def _not(value: Any) -> bool | None:
    return None if value is None else not value


def _like(text: str, pattern: str, *, fold: bool) -> bool:
    parts = [".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern]
    return bool(re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if fold else 0)))


_PLAIN: dict[str, Callable[..., Any]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, *rest: a in rest,
    "like": lambda a, b: _like(a, b, fold=False),
    "ilike": lambda a, b: _like(a, b, fold=True),
    "+": lambda a, b: float(a) + float(b),
    "-": lambda a, b: float(a) - float(b),
    "*": lambda a, b: float(a) * float(b),
    "/": lambda a, b: None if b == 0 else float(a) / float(b),
    "neg": lambda a: -a,
    "abs": abs,
    "lower": str.lower,
    "upper": str.upper,
}


def plain(node: Node, one: Row) -> Any:
    """What a condition yields for one row, by the book."""
    if node.op == "literal":
        return node.value
    if node.op == "column":
        return one.get(str(node.value), one.get(f"x_{node.value}"))
    values = [plain(argument, one) for argument in node.args]
    special: dict[str, Callable[[], Any]] = {
        "and": lambda: _and(values),
        "or": lambda: _not(_and([_not(value) for value in values])),
        "not": lambda: _not(values[0]),
        "is_null": lambda: values[0] is None,
        "is_true": lambda: values[0] is True,
        "is_false": lambda: values[0] is False,
        "coalesce": lambda: next((value for value in values if value is not None), None),
    }
    if node.op in special:
        return special[node.op]()
    if any(isinstance(value, float) for value in values):  # one float makes the comparison one of floats
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    return None if None in values else _PLAIN[node.op](*values)


_numbers = st.one_of(
    st.sampled_from(["employees", "wallet", "0", "1", "2.5", "-3", "70"]),
)
_arithmetic = st.recursive(
    _numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"abs({one})"),
        st.tuples(inner, inner).map(lambda two: f"coalesce({two[0]}, {two[1]})"),
    ),
    max_leaves=4,
)
_texts = st.sampled_from(["industry", "country", "erp_class", "'a'", "'B'", "''", "lower(industry)", "upper(country)"])
_dates = st.sampled_from(["renewal_on", "date '2026-02-28'", "date '2024-02-29'"])
_signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def _compared(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(values, _signs, values).map(" ".join),
        st.tuples(values, values, values).map(lambda three: f"{three[0]} between {three[1]} and {three[2]}"),
        values.map(lambda one: f"({one}) is null"),
    )


_atoms = st.one_of(
    _compared(_arithmetic),
    _compared(_texts),
    _compared(_dates),
    st.sampled_from(
        [
            "lapsed",
            "lapsed is not false",
            "industry in ('a', 'B')",
            "employees not in (1, 2.5)",
            "industry like 'a%'",
            "country not ilike '_b%'",
            "true",
        ]
    ),
)
_conditions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"not ({one})"),
        inner.map(lambda one: f"({one}) is not true"),
    ),
    max_leaves=6,
)
_money = st.sampled_from([Decimal(text) for text in ("0", "1", "2.5", "-3", "70", "0.0001", "99999999999999.9999")])
_rows = st.fixed_dictionaries(
    {
        "industry": st.none() | st.sampled_from(["a", "B", "b", "", "ab%", "a_"]),
        "country": st.none() | st.sampled_from(["A", "b", "xb", "XBY"]),
        "employees": st.none() | _money,
        "wallet": st.none() | _money,
        "renewal_on": st.none() | st.sampled_from([date(2026, 2, 28), date(2024, 2, 29), date(1999, 1, 1)]),
        "lapsed": st.none() | st.booleans(),
        "x_erp_class": st.none() | st.sampled_from(["a", "B"]),
    }
)


@settings(max_examples=40)
@given(text=_conditions, rows=st.lists(_rows, min_size=1, max_size=8))
def test_duckdb_and_plain_python_agree(run: Any, text: str, rows: list[dict[str, Any]]) -> None:
    tree = parse(text, COLUMNS).tree
    assert run(text, rows) == [plain(tree, one) for one in rows]
