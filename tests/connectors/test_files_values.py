"""Values of files in canonical text: the documented rules, one by one."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_kare.model import Kind
from crm_kare_files.canonical import AmbiguousDateError, UnreadableError, converted, day, number, truth
from crm_kare_files.neutral import neutral, restored
from crm_kare_files.options import Reading


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,200.50", "1200.50"),
        ("$1,200.50", "1200.50"),
        ("-$1,200.50", "-1200.50"),
        ("$-12", "-12"),
        ("(1,200.50)", "-1200.50"),
        ("($1,200.50)", "-1200.50"),
        ("12-", "-12"),
        ("\u221212.5", "-12.5"),
        ("EUR 12", "12"),
        ("12 €", "12"),
        ("1\u202f234\u00a0567", "1234567"),
        ("1'234.5", "1234.5"),
        ("45 %", "45"),
        ("+7", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0012", "12"),
        ("1.5e3", "1.5E+3"),
    ],
)
def test_numbers_as_people_write_them(text: str, wanted: str) -> None:
    assert number(text) == wanted
    assert Decimal(number(text)) == Decimal(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1.200,50", "1200.50"), ("1200,5", "1200.5"), ("1.234.567", "1234567"), ("12,5 %", "12.5"), ("7", "7")],
)
def test_numbers_with_a_decimal_comma(text: str, wanted: str) -> None:
    assert number(text, ",") == wanted


@pytest.mark.parametrize(
    "text", ["1,5", "1,20,000", "12 pieces", "abc", "-", "()", "1.2.3", "--5 6 x", "$", "1e999", "inf"]
)
def test_what_is_no_number_is_not_guessed(text: str) -> None:
    with pytest.raises(UnreadableError):
        number(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**13), max_value=10**13))
def test_a_number_with_signs_and_groups_is_the_same_number(value: Decimal) -> None:
    assert Decimal(number(f"{value:,}")) == value
    assert Decimal(number(f"$ {value:,}")) == value
    swapped = f"{value:,}".translate(str.maketrans(",.", ".,"))
    assert Decimal(number(swapped, ",")) == value
    if value > 0:
        assert Decimal(number(f"({value:,})")) == -value


@pytest.mark.parametrize(
    ("text", "pattern", "wanted"),
    [
        ("2024-02-29", "", "2024-02-29"),
        ("1996-07-04 00:00:00.000", "", "1996-07-04"),
        ("2026-11-03T23:30:00", "", "2026-11-03"),
        ("2026-11-03T23:30:00Z", "", "2026-11-03T23:30:00Z"),
        ("2026-11-03T23:30:00+02:00", "", "2026-11-03T23:30:00+02:00"),
        ("03/04/2026", "%d/%m/%Y", "2026-04-03"),
        ("03/04/2026", "%m/%d/%Y", "2026-03-04"),
        ("03.04.26", "%d.%m.%y", "2026-04-03"),
    ],
)
def test_dates(text: str, pattern: str, wanted: str) -> None:
    assert day(text, pattern) == wanted


@pytest.mark.parametrize("text", ["03/04/2026", "3.4.26", "31/12/2026", "12-31-2026", "2026/01/05", "03/04/2026 12:00"])
def test_dates_in_another_order_are_never_guessed(text: str) -> None:
    with pytest.raises(AmbiguousDateError):
        day(text)


@pytest.mark.parametrize("text", ["2026-02-30", "2025-02-29", "soon", "45000.5", "2026-13-01"])
def test_what_is_no_date_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError):
        day(text)


@pytest.mark.parametrize(
    ("text", "wanted"), [("Yes", "true"), ("TRUE", "true"), ("x", "true"), ("0", "false"), ("No", "false")]
)
def test_truth(text: str, wanted: str) -> None:
    assert truth(text) == wanted


def test_what_is_neither_true_nor_false_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        truth("maybe")


def test_a_column_keeps_its_clean_values_and_tells_the_others_places() -> None:
    column = pa.array(["1.50", None, " ", "(2)", "abc"])
    result = converted(column, Kind.MONEY, Reading())
    assert result.values.to_pylist() == ["1.50", None, None, "-2", None]
    assert result.unread == (4,)


def test_columns_with_groups_and_decimal_commas_are_read_as_single_numbers_are() -> None:
    texts = ["1,200.50", "-1,234,567", "12.5", "1,5", "7", "1e3"]
    assert converted(pa.array(texts), Kind.MONEY, Reading()).values.to_pylist() == [
        "1200.50",
        "-1234567",
        "12.5",
        None,
        "7",
        "1e3",
    ]
    result = converted(pa.array(["1.200,50", "12,5", "1.5", "7", "1.234", "1e3"]), Kind.MONEY, Reading(decimal=","))
    assert (result.values.to_pylist(), result.unread) == (["1200.50", "12.5", None, "7", "1234", "1E+3"], (2,))


def test_an_impossible_day_among_good_ones_is_the_only_one_unread() -> None:
    result = converted(pa.array(["2026-02-28", "2026-02-30"]), Kind.DATE, Reading())
    assert (result.values.to_pylist(), result.unread) == (["2026-02-28", None], (1,))


def test_words_for_blank_are_the_streams_own() -> None:
    column = pa.array(["NULL", "n/a", "x"])
    assert converted(column, Kind.TEXT, Reading()).values.to_pylist() == ["NULL", "n/a", "x"]
    assert converted(column, Kind.TEXT, Reading(blank=("NULL", "n/a"))).values.to_pylist() == [None, None, "x"]


@pytest.mark.parametrize(
    ("array", "kind", "wanted"),
    [
        (pa.array([12346, None], pa.int64()), Kind.TEXT, ["12346", None]),
        (pa.array([0.1 + 0.2, 12.0, float("nan")]), Kind.MONEY, ["0.3", "12", None]),
        (pa.array([0.1, 1e-7, 1e20]), Kind.NUMBER, ["0.1", "1e-7", "1e+20"]),
        (pa.array([Decimal("1.10"), Decimal("-0.01")]), Kind.MONEY, ["1.10", "-0.01"]),
        (pa.array([date(2024, 2, 29)]), Kind.DATE, ["2024-02-29"]),
        (pa.array([datetime(2009, 12, 1, 7, 45)], pa.timestamp("ns")), Kind.DATE, ["2009-12-01"]),  # noqa: DTZ001
        (pa.array([datetime(1969, 12, 31, 23, 59)], pa.timestamp("us")), Kind.DATE, ["1969-12-31"]),  # noqa: DTZ001
        (pa.array([datetime(2026, 11, 3, 23, 30, tzinfo=UTC)], pa.timestamp("us", "UTC")), Kind.DATE, None),
        (pa.array([True, False, None]), Kind.BOOL, ["true", "false", None]),
        (pa.array([1, 0], pa.int8()), Kind.BOOL, ["true", "false"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), Kind.TEXT, ["a", "b", "a"]),
        (pa.array([None, None], pa.null()), Kind.TEXT, [None, None]),
        (pa.array(["x"], pa.large_string()), Kind.TEXT, ["x"]),
    ],
)
def test_typed_columns(array: Any, kind: Kind, wanted: list[str | None] | None) -> None:
    result = converted(array, kind, Reading(decimal=",", date_format="%d.%m.%Y"))
    assert result.values.to_pylist() == (wanted or ["2026-11-03T23:30:00Z"])
    assert result.unread == ()


def test_an_infinite_float_is_unread() -> None:
    assert converted(pa.array([1.5, float("inf")]), Kind.MONEY, Reading()).unread == (1,)


@given(st.text())
def test_a_neutralised_cell_comes_back_and_is_no_formula(text: str) -> None:
    assert restored(neutral(text)) == (text or None)
    assert neutral(text)[:1] not in {"=", "+", "-", "@", "\t", "\r"}
