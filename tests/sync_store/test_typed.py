"""Canonical text to typed columns: every kind, what cannot be read, days in the organisation's zone."""

import re
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_kare.errors import ConfigError
from crm_kare.model import Kind, Problem
from crm_kare.ports import SourceField, StreamSpec
from crm_kare.sync.typed import ARROW_TYPES, Typer


def read(kind: Kind, *texts: str | None, timezone: str = "UTC") -> tuple[list[Any], list[Problem]]:
    """Texts of one column, typed, and the problems."""
    fields = (SourceField("account_id", "Id", Kind.TEXT), SourceField("column", "Field__c", kind))
    typer = Typer(StreamSpec("accounts", "Account", fields), timezone)
    ids = [f"id{number}" for number in range(len(texts))]
    with closing(typer):
        table = typer.convert(pa.table({"account_id": ids, "column": pa.array(texts, pa.string())}))
    assert table["column"].type == ARROW_TYPES[kind]
    return table["column"].to_pylist(), typer.problems()


def one(kind: Kind, text: str | None, timezone: str = "UTC") -> Any:
    return read(kind, text, timezone=timezone)[0][0]


@pytest.mark.parametrize("kind", list(Kind))
def test_blank_is_null_and_no_problem(kind: Kind) -> None:
    assert read(kind, None, "") == ([None, None], [])


def test_text_stays_but_for_nul_bytes() -> None:
    long = "x" * 200_000
    values, problems = read(Kind.TEXT, " a ", "a\0b", "\0", long, "Zoë 😀\n'\"")
    assert values == [" a ", "ab", None, long, "Zoë 😀\n'\""]
    assert problems == []


@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.MONEY])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("-12.50", "-12.5"),
        ("3.5E8", "350000000"),
        ("1e-4", "0.0001"),
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        (" 7 ", "7"),
        ("1.00005", "1.0001"),
        ("-1.00005", "-1.0001"),
        ("1.00004999999", "1"),
        ("99999999999999.99994", "99999999999999.9999"),
        ("0.1", "0.1"),
    ],
)
def test_numbers_are_exact_to_four_decimals_rounded_half_away_from_zero(kind: Kind, text: str, value: str) -> None:
    assert one(kind, text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["x", "1,5", "1 000", "1_000", "1e", "--1", "NaN", "inf", "0x10", "$5", "1e14", "99999999999999.99995", "1e99"],
)
def test_what_is_no_number_below_ten_to_the_fourteenth_is_unknown(text: str) -> None:
    values, problems = read(Kind.MONEY, "1", text)
    assert values == [Decimal(1), None]
    (problem,) = problems
    assert (problem.code, problem.where, problem.level) == ("value-unreadable", "Account.Field__c", "warning")
    assert "id1" in problem.message
    assert text not in re.split(r"[ :()]", problem.message)


digits = st.text("0123456789", min_size=1, max_size=16)


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "-", "+"]),
            digits,
            st.none() | st.text("0459", max_size=20),
            st.none() | st.integers(-30, 30),
        ),
        min_size=1,
        max_size=200,
    )
)
def test_numbers_equal_pythons_decimal(parts: list[tuple[str, str, str | None, int | None]]) -> None:
    texts = [
        sign + whole + ("" if part is None else f".{part}") + ("" if power is None else f"e{power}")
        for sign, whole, part, power in parts
    ]
    with localcontext() as context:
        context.prec = 100
        rounded = [Decimal(text).quantize(Decimal("0.0001"), ROUND_HALF_UP) for text in texts]
    expected = [value if abs(value) < Decimal("1e14") else None for value in rounded]
    assert read(Kind.NUMBER, *texts)[0] == expected


@pytest.mark.parametrize("timezone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_date_and_a_time_without_zone_are_never_shifted(timezone: str) -> None:
    texts = ["2024-02-29", "2026-11-03", "0001-01-01", "9999-12-31", "2026-11-03T23:59:59", "2026-11-03 00:00"]
    values, problems = read(Kind.DATE, *texts, timezone=timezone)
    assert values == [date.fromisoformat(text[:10]) for text in texts]
    assert problems == []


@pytest.mark.parametrize(
    ("text", "timezone", "day"),
    [
        ("2026-11-03T23:30:00Z", "Europe/Berlin", "2026-11-04"),  # winter: one hour ahead
        ("2026-11-03T22:59:59.999Z", "Europe/Berlin", "2026-11-03"),
        ("2026-07-03T22:30:00Z", "Europe/Berlin", "2026-07-04"),  # summer: two
        ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"),  # the night the clocks go forward
        ("2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-29"),
        ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25"),  # and back
        ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"),
        ("2026-01-15T10:59:59Z", "Pacific/Auckland", "2026-01-15"),  # 13 hours ahead in summer
        ("2026-01-15T11:00:00Z", "Pacific/Auckland", "2026-01-16"),
        ("2026-07-15T11:30:00Z", "Pacific/Auckland", "2026-07-15"),  # 12 in winter
        ("2024-02-29T23:30:00Z", "Europe/Berlin", "2024-03-01"),
        ("2024-03-01T00:30:00Z", "America/New_York", "2024-02-29"),
        ("2026-11-03T23:30:00.000+0000", "Europe/Berlin", "2026-11-04"),  # as Salesforce writes it
        ("2026-11-04T00:30:00+01:00", "UTC", "2026-11-03"),
        ("2026-11-03T23:30:00-08", "UTC", "2026-11-04"),
        ("2026-11-03T23:30Z", "Europe/Berlin", "2026-11-04"),
    ],
)
def test_a_point_in_time_is_the_day_it_was_in_the_organisations_zone(text: str, timezone: str, day: str) -> None:
    assert one(Kind.DATE, text, timezone) == date.fromisoformat(day)


zones = st.sampled_from(
    ["Europe/Berlin", "Pacific/Auckland", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
)


@settings(max_examples=10)
@given(zones, st.lists(st.integers(0, 60 * 24 * 365 * 40), min_size=1, max_size=200))
def test_days_equal_pythons_zoneinfo(timezone: str, minutes: list[int]) -> None:
    moments = [datetime(1990, 1, 1, tzinfo=UTC) + timedelta(minutes=one) for one in minutes]
    values, _ = read(Kind.DATE, *(moment.isoformat() for moment in moments), timezone=timezone)
    assert values == [moment.astimezone(ZoneInfo(timezone)).date() for moment in moments]


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29",
        "2026-13-01",
        "2026/01/05",
        "2026-1-5",
        "05.01.2026",
        "epoch",
        "infinity",
        "23:30",
        "2026-11-03T25:00:00Z",
        "2026-11-03T10:00:00Z and more",
        "0000-01-01",
        "9999-12-31T23:59:59Z",
        "1767571200000",
    ],
)
def test_what_is_no_date_is_unknown(text: str) -> None:
    values, problems = read(Kind.DATE, "2026-01-05", text, timezone="Europe/Berlin")
    assert values == [date(2026, 1, 5), None]
    assert [problem.code for problem in problems] == ["value-unreadable"]


def test_bool_is_true_or_false() -> None:
    values, problems = read(Kind.BOOL, "true", "FALSE", " True ", "1", "yes", None)
    assert values == [True, False, True, None, None, None]
    assert "2 values" in problems[0].message


def test_one_problem_per_column_counts_over_all_pages() -> None:
    fields = (
        SourceField("account_id", "Id", Kind.TEXT),
        SourceField("n", "N", Kind.NUMBER),
        SourceField("d", "D", Kind.DATE),
    )
    typer = Typer(StreamSpec("accounts", "Account", fields), "UTC")
    for start in (0, 10):
        ids = [str(number) for number in range(start, start + 10)]
        typer.convert(pa.table({"account_id": ids, "n": ["bad"] * 10, "d": ["2026-01-01"] * 10}))
    typer.close()
    (problem,) = typer.problems()
    assert "20 values" in problem.message
    assert "record 0)" in problem.message


def test_columns_that_are_not_the_streams_pass_as_they_are() -> None:
    typer = Typer(StreamSpec("accounts", "Account", (SourceField("id", "Id", Kind.TEXT),)), "UTC")
    table = typer.convert(pa.table({"id": ["1"], "_seq": pa.array([7], pa.int64())}))
    typer.close()
    assert table.to_pylist() == [{"id": "1", "_seq": 7}]


def test_column_names_are_quoted() -> None:
    odd = 'x_a"b; DROP'
    typer = Typer(
        StreamSpec("a", "A", (SourceField(odd, "Id", Kind.TEXT), SourceField("select", "S", Kind.DATE))), "UTC"
    )
    table = typer.convert(pa.table({odd: ["1"], "select": ["2026-01-01"]}))
    typer.close()
    assert table.to_pylist() == [{odd: "1", "select": date(2026, 1, 1)}]


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "UTC'; --"])
def test_an_unknown_zone_is_a_configuration_error(timezone: str) -> None:
    with pytest.raises(ConfigError, match="time zone"):
        one(Kind.DATE, "2026-01-01", timezone)
