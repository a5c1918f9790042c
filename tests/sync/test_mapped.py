"""From the mirror to canonical tables: value maps, outcomes, filters, money, and what is told about the rest."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from crm_kare.config.mapping import parse_mapping
from crm_kare.errors import ConfigError
from crm_kare.method.streams import Streams
from crm_kare.model import STREAMS, Kind, Problem
from crm_kare.ports import CurrencyRate, Organisation
from crm_kare.sync.mapped import streams

_MONEY = pa.decimal128(18, 4)
_TYPES: Mapping[str, pa.DataType] = {
    **dict.fromkeys(("amount", "amount_home", "wallet", "x_credit", "amount_times", "employees", "quantity"), _MONEY),
    **dict.fromkeys(("closed_on", "bought_on", "crm_Override_Until"), pa.date32()),
    **dict.fromkeys(("is_won", "is_closed", "crm_Target"), pa.bool_()),
}
HEAD = "version: 1\nconnector: files\n"
ACCOUNTS = "streams:\n  accounts: {from: A, fields: {account_id: Id%s}%s}\n"
DEALS = "  opportunities: {from: O, fields: {opportunity_id: Id, account_id: A, is_won: W, is_closed: C%s}%s}\n"
EURO = Organisation("1", "Test", currency="EUR")


def table(*rows: Mapping[str, Any]) -> Any:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        name: pa.array(
            [
                Decimal(row[name]) if _TYPES.get(name) == _MONEY and row.get(name) is not None else row.get(name)
                for row in rows
            ],
            _TYPES.get(name, pa.string()),
        )
        for name in names
    }
    return ibis.memtable(pa.table(columns))


def read(text: str, organisation: Organisation = EURO, **tables: list[dict[str, Any]]) -> tuple[Streams, list[Problem]]:
    return streams(
        {name: table(*rows) for name, rows in tables.items()},
        parse_mapping(text, Path("m.yaml")),
        organisation,
        date(2025, 11, 3),
    )


def rows(expression: Any, *columns: str) -> list[Any]:
    listed = expression.order_by(expression.columns[0]).to_pyarrow().to_pylist()
    return [tuple(row[name] for name in columns) if len(columns) > 1 else row[columns[0]] for row in listed]


def deals(
    text: str = "", fields: str = "", organisation: Organisation = EURO, **columns: Any
) -> tuple[list[Any], list[Problem]]:
    """Amounts of deals given as columns, and the problems."""
    count = len(next(iter(columns.values())))
    given = [
        {"opportunity_id": str(n), "account_id": "1", **{k: v[n] for k, v in columns.items()}} for n in range(count)
    ]
    mapping = HEAD + text + ACCOUNTS % ("", "") + DEALS % (", amount: M" + fields, "")
    told, problems = read(mapping, organisation, accounts=[{"account_id": "1"}], opportunities=given)
    return rows(told.opportunities, "amount"), problems


def test_every_column_is_there_and_typed_whatever_is_mapped() -> None:
    told, _ = read(HEAD + ACCOUNTS % ("", "") + DEALS % ("", ""), accounts=[{"account_id": "1"}])
    schema = told.accounts.schema()
    kinds = {
        Kind.TEXT: "string",
        Kind.NUMBER: "decimal(18, 4)",
        Kind.MONEY: "decimal(18, 4)",
        Kind.DATE: "date",
        Kind.BOOL: "boolean",
    }
    for column in STREAMS["accounts"].columns:
        assert schema[column.name] == ibis.dtype(kinds[column.kind])
    assert schema["override_until"] == ibis.dtype("date")
    assert schema["target"] == ibis.dtype("boolean")
    assert told.opportunities.count().to_pyarrow().as_py() == 0
    assert (told.purchases, told.line_items, told.contacts, told.owners) == (None, None, None, None)


def test_without_accounts_one_is_sent_to_pull() -> None:
    with pytest.raises(ConfigError, match=r"Run `crm-kare pull`"):
        read(HEAD + ACCOUNTS % ("", "") + DEALS % ("", ""), opportunities=[])


def test_values_are_mapped_without_regard_to_case_and_blanks_and_the_rest_is_unknown() -> None:
    fields = (
        ", is_customer: {field: T, map: {Customer: true, Prospect: false}}, industry: {field: I, map: {IT: Software}}"
    )
    told, _ = read(
        HEAD + ACCOUNTS % (fields, "") + DEALS % ("", ""),
        accounts=[
            {"account_id": "1", "is_customer": " customer", "industry": "it"},
            {"account_id": "2", "is_customer": "Prospect", "industry": "Banking"},
            {"account_id": "3", "is_customer": "Partner", "industry": None},
        ],
    )
    assert rows(told.accounts, "is_customer", "industry") == [(True, "Software"), (False, "Banking"), (None, None)]


def test_otherwise_is_for_other_values_and_not_for_blanks() -> None:
    fields = ", still_using: {field: U, map: {Live: true}, otherwise: false}"
    told, _ = read(
        HEAD + ACCOUNTS % (fields, "") + DEALS % ("", ""),
        accounts=[{"account_id": str(n), "still_using": value} for n, value in enumerate(["Live", "Gone", None])],
    )
    assert rows(told.accounts, "still_using") == [True, False, None]


def test_otherwise_beside_an_empty_map_is_for_every_value() -> None:
    told, _ = read(
        HEAD + ACCOUNTS % (", is_customer: {field: Number, map: {}, otherwise: true}", "") + DEALS % ("", ""),
        accounts=[{"account_id": "1", "is_customer": "12346"}, {"account_id": "2", "is_customer": None}],
    )
    assert rows(told.accounts, "is_customer") == [True, None]


def test_numbers_are_multiplied() -> None:
    fields = ", wallet: {field: W, times: 1000000}"
    mapping = (
        HEAD
        + ACCOUNTS % (fields, "")
        + "  purchases: {from: P, fields: {purchase_id: I, account_id: A, amount: {field: P, times: Q}}}\n"
    )
    told, _ = read(
        mapping,
        accounts=[{"account_id": "1", "wallet": "1.5"}, {"account_id": "2", "wallet": "99999999999999"}],
        purchases=[
            {"purchase_id": "1", "account_id": "1", "amount": "2.55", "amount_times": "-3"},
            {"purchase_id": "2", "account_id": "1", "amount": "7", "amount_times": None},
        ],
    )
    assert rows(told.accounts, "wallet") == [Decimal(1500000), None]
    assert told.purchases is not None
    assert rows(told.purchases, "amount") == [Decimal("-7.65"), None]


FLAGS = [(True, True), (False, True), (False, False), (None, False), (None, True), (None, None), (True, None)]


def test_outcomes_by_flags() -> None:
    given = [
        {"opportunity_id": str(n), "account_id": "1", "is_won": won, "is_closed": closed, "stage": "S"}
        for n, (won, closed) in enumerate(FLAGS)
    ]
    told, problems = read(
        HEAD + ACCOUNTS % ("", "") + DEALS % (", stage: S", ""), accounts=[{"account_id": "1"}], opportunities=given
    )
    assert rows(told.opportunities, "outcome") == ["won", "lost", "open", "open", None, None, "won"]
    assert [(one.code, one.message) for one in problems] == [
        ("stage-unknown", "2 opportunities with stage `S`: won, lost or open is unknown")
    ]


def test_a_mapped_stage_counts_before_the_flags_and_unknown_stages_are_counted() -> None:
    fields = ", stage: S, outcome: {field: S, map: {Closed Won – Renewal: won, Dead: lost, Talk: open}}"
    stages = ["closed won – renewal", "Dead", "Talk", "Odd", "Odd", None, "Flagged"]
    given = [
        {
            "opportunity_id": str(n),
            "account_id": "1",
            "stage": one,
            "outcome": one,
            "is_won": one == "Dead" or (True if one == "Flagged" else None),
            "is_closed": None,
        }
        for n, one in enumerate(stages)
    ]
    told, problems = read(
        HEAD + ACCOUNTS % ("", "") + DEALS % (fields, ""), accounts=[{"account_id": "1"}], opportunities=given
    )
    assert rows(told.opportunities, "outcome") == ["won", "lost", "open", None, None, None, "won"]
    assert [one.message for one in problems] == [
        "2 opportunities with stage `Odd`: won, lost or open is unknown",
        "1 opportunities with no stage: won, lost or open is unknown",
    ]
    assert all(one.fix and one.level == "warning" for one in problems)


def test_deal_types() -> None:
    given = [
        {"opportunity_id": str(n), "account_id": "1", "type": one}
        for n, one in enumerate(["upgrade", "Renewal ", "New", None])
    ]
    text = ACCOUNTS % ("", "") + DEALS % (", type: T", "")
    for head, expected in (
        ("deals: {expansion: [Upgrade], renewal: [renewal]}\n", ["expansion", "renewal", "other", None]),
        ("deals: {renewal: [renewal]}\n", ["other", "renewal", "other", None]),
        ("", [None, None, None, None]),
    ):
        told, _ = read(HEAD + head + text, accounts=[{"account_id": "1"}], opportunities=given)
        assert rows(told.opportunities, "deal_kind") == expected


def test_only_accounts_for_which_the_filter_is_true() -> None:
    text = (
        HEAD
        + ACCOUNTS % (", industry: I", ", extra: {erp: E}, where: erp <> 'Z' and industry = 'IT'")
        + DEALS % ("", "")
    )
    told, _ = read(
        text,
        accounts=[
            {"account_id": "1", "industry": "IT", "x_erp": "A"},
            {"account_id": "2", "industry": "IT", "x_erp": None},
            {"account_id": "3", "industry": "IT", "x_erp": "Z"},
            {"account_id": "4", "industry": None, "x_erp": "A"},
        ],
    )
    assert rows(told.accounts, "account_id") == ["1"]


def test_filters_see_mapped_values() -> None:
    text = HEAD + ACCOUNTS % ("", "") + DEALS % (", stage: S", ", where: outcome = 'won' or stage = 'x'")
    given = [
        {"opportunity_id": str(n), "account_id": "1", "is_won": n == 0, "is_closed": True, "stage": None}
        for n in range(3)
    ]
    told, _ = read(text, accounts=[{"account_id": "1"}], opportunities=given)
    assert rows(told.opportunities, "opportunity_id") == ["0"]


def test_owners_by_name() -> None:
    text = (
        HEAD
        + ACCOUNTS % (", owner_id: O, owner: N", "")
        + DEALS % ("", "")
        + "  owners: {from: U, fields: {owner_id: I, name: N}}\n"
    )
    told, _ = read(
        text,
        accounts=[
            {"account_id": "1", "owner_id": "u", "owner": None},
            {"account_id": "2", "owner_id": "u", "owner": "Own"},
            {"account_id": "3", "owner_id": "gone", "owner": None},
            {"account_id": "4", "owner_id": None, "owner": None},
        ],
        owners=[{"owner_id": "u", "name": "Ann"}],
    )
    assert rows(told.accounts, "owner") == ["Ann", "Own", None, None]


def test_what_people_set_is_there() -> None:
    told, _ = read(
        HEAD + ACCOUNTS % ("", "") + DEALS % ("", ""),
        accounts=[
            {
                "account_id": "1",
                "crm_Override": "Keep",
                "crm_Override_Until": date(2026, 1, 1),
                "crm_Target": True,
                "crm_Profile": "Expand",
            }
        ],
    )
    assert rows(told.accounts, "override", "override_until", "target", "lapse_reason") == [
        ("Keep", date(2026, 1, 1), True, None)
    ]
    assert {"override", "target"} <= told.mapped
    assert "lapse_reason" not in told.mapped
    assert "profile" not in told.accounts.columns


def test_what_is_mapped_is_told_and_what_was_not_pulled_is_a_problem() -> None:
    text = HEAD + ACCOUNTS % (", wallet: W, sites: S", ", extra: {erp: E, new: N}") + DEALS % (", type: T", "")
    told, problems = read(
        text,
        accounts=[{"account_id": "1", "wallet": "1", "x_erp": "A"}],
        opportunities=[{"opportunity_id": "1", "account_id": "1", "type": "x", "is_won": True, "is_closed": True}],
    )
    assert told.mapped == {
        "account_id",
        "wallet",
        "x_erp",
        "opportunities.opportunity_id",
        "opportunities.account_id",
        "opportunities.type",
        "opportunities.is_won",
        "opportunities.is_closed",
    }
    assert [(one.code, one.where, one.message) for one in problems] == [
        ("not-pulled", "accounts", "mapped, but not in the mirror: sites, new")
    ]


def test_a_mirror_of_another_type_is_cast_until_the_next_full_pull() -> None:
    fields = ", is_customer: {field: T, map: {'true': false}}, sites: S"
    told, _ = read(
        HEAD + ACCOUNTS % (fields, "") + DEALS % ("", ""),
        accounts=[
            {"account_id": "1", "is_customer": "true", "sites": "12"},
            {"account_id": "2", "is_customer": None, "sites": "many"},
        ],
    )
    assert rows(told.accounts, "is_customer", "sites") == [(False, Decimal(12)), (None, None)]


RATES = "currency: {reporting: EUR, rates: {USD: [{from: 2025-01-01, rate: 0.8}, {from: 2024-01-01, rate: 0.9}]}}\n"


def test_amounts_without_a_code_are_in_the_home_currency() -> None:
    assert deals(amount=["1.5", None, "-2"])[0] == [Decimal("1.5"), None, Decimal(-2)]
    dollar = Organisation("1", "Test", currency="USD")
    assert deals(RATES, ", closed_on: D", dollar, amount=["10"], closed_on=[date(2024, 5, 5)])[0] == [Decimal(9)]


def test_dated_rates_of_the_close_day() -> None:
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 12, 31), date(2025, 1, 1), date(2999, 1, 1), None]
    amounts, problems = deals(
        RATES, ", currency: C, closed_on: D", amount=["10"] * 6, currency=["usd "] * 6, closed_on=days
    )
    assert amounts == [None, Decimal(9), Decimal(9), Decimal(8), Decimal(8), None]
    assert [(one.code, one.message) for one in problems if one.code == "rate-missing"] == [
        ("rate-missing", "2 opportunities in USD have no rate into EUR on their day: their amounts are unknown")
    ]


def test_the_organisations_rates_of_the_close_day() -> None:
    """1E14 less a cent at a rate with eight decimals: nothing is lost in between."""
    rates = (
        CurrencyRate("USD", Decimal("0.5")),
        CurrencyRate("USD", Decimal("0.12345678"), date(2026, 1, 1)),
    )
    amounts, problems = deals(
        "",
        ", currency: C, closed_on: D",
        Organisation("1", "Test", currency="EUR", rates=rates),
        amount=["10", "10", "99999999999999.99", "10", "10"],
        currency=["USD", "USD", "USD", "EUR", "CHF"],
        closed_on=[date(1999, 5, 5), date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 1)],
    )
    assert amounts == [Decimal(5), Decimal(5), Decimal("12345677999999.9988"), Decimal(10), None]
    assert [one.message[:25] for one in problems if one.code == "rate-missing"] == ["1 opportunities in CHF ha"]


def test_own_currency_needs_no_rate_and_an_unknown_one_is_counted() -> None:
    amounts, problems = deals(
        RATES,
        ", currency: C, closed_on: D",
        amount=["10", "10", None],
        currency=["EUR", "CHF", "CHF"],
        closed_on=[None] * 3,
    )
    assert amounts == [Decimal(10), None, None]
    assert [one.message[:25] for one in problems if one.code == "rate-missing"] == ["1 opportunities in CHF ha"]


def test_the_home_amount_of_the_crm_counts_first() -> None:
    fields = ", currency: C, closed_on: D, amount_home: H"
    day = [date(2024, 5, 5)] * 3
    given: dict[str, Any] = {
        "amount": ["10", "10", None],
        "amount_home": ["7", None, "5"],
        "currency": ["USD"] * 3,
        "closed_on": day,
    }
    assert deals(RATES, fields, **given)[0] == [Decimal(7), Decimal(9), Decimal(5)]


def test_another_reporting_currency_than_home() -> None:
    fields = ", currency: C, closed_on: D, amount_home: H"
    rates = "currency: {reporting: USD, rates: {EUR: [{from: 2024-01-01, rate: 1.1}], GBP: [{from: 2024-01-01, rate: 2}]}}\n"
    given: dict[str, Any] = {
        "amount": ["10", "10", "10", "10"],
        "amount_home": ["9", "9", "9", None],
        "currency": ["USD", "GBP", "CHF", None],
        "closed_on": [date(2024, 5, 5)] * 4,
    }
    assert deals(rates, fields, **given)[0] == [Decimal(10), Decimal(20), Decimal("9.9"), Decimal(11)]


def test_without_a_home_currency_amounts_stay_as_they_are() -> None:
    nowhere = Organisation("1", "Files")
    amounts, problems = deals("", ", currency: C", nowhere, amount=["10", "10"], currency=[None, "USD"])
    assert amounts == [Decimal(10), None]
    assert problems[-1].fix == "Set `currency.reporting`."
    euro = "currency: {reporting: EUR}\n"
    assert deals(euro, ", currency: C", nowhere, amount=["10", "10"], currency=[None, "EUR"])[0] == [Decimal(10)] * 2


def test_sums_that_do_not_fit_are_unknown_and_stop_nothing() -> None:
    rates = "currency: {reporting: EUR, rates: {USD: [{from: 2024-01-01, rate: 9999999}]}}\n"
    given: dict[str, Any] = {"amount": ["99999999999999"], "currency": ["USD"], "closed_on": [date(2024, 5, 5)]}
    assert deals(rates, ", currency: C, closed_on: D", **given)[0] == [None]


def test_money_of_accounts_takes_the_rate_of_new_year() -> None:
    text = (
        HEAD
        + RATES
        + ACCOUNTS % (", wallet: W, currency: C, employees: E", ", extra: {credit: {field: L, type: money}}")
        + DEALS % ("", "")
    )
    told, _ = read(
        text,
        accounts=[
            {"account_id": "1", "wallet": "10", "x_credit": "100", "employees": "7", "currency": "USD"},
            {"account_id": "2", "wallet": "10", "x_credit": "100", "employees": "7", "currency": None},
        ],
    )
    assert rows(told.accounts, "wallet", "x_credit", "employees", "currency") == [
        (Decimal(8), Decimal(80), Decimal(7), "EUR"),
        (Decimal(10), Decimal(100), Decimal(7), "EUR"),
    ]
    assert told.currency == "EUR"


def test_lines_take_currency_and_day_of_their_opportunity() -> None:
    text = (
        HEAD
        + RATES
        + ACCOUNTS % ("", "")
        + DEALS % (", currency: C, closed_on: D", "")
        + "  line_items: {from: L, fields: {line_item_id: I, opportunity_id: O, amount: A, product_line: P}}\n"
    )
    told, _ = read(
        text,
        accounts=[{"account_id": "1"}],
        opportunities=[{"opportunity_id": "o", "account_id": "1", "currency": "USD", "closed_on": date(2024, 2, 2)}],
        line_items=[
            {"line_item_id": "1", "opportunity_id": "o", "amount": "10", "product_line": "A"},
            {"line_item_id": "2", "opportunity_id": "gone", "amount": "10", "product_line": "B"},
        ],
    )
    assert told.line_items is not None
    assert rows(told.line_items, "amount", "product_line") == [(Decimal(9), "A"), (None, "B")]


def test_purchases_take_the_rate_of_their_day() -> None:
    text = (
        HEAD
        + RATES
        + ACCOUNTS % ("", "")
        + "  purchases: {from: P, fields: {purchase_id: I, account_id: A, bought_on: D, amount: M, currency: C}, where: amount <> 0}\n"
    )
    told, problems = read(
        text,
        accounts=[{"account_id": "1"}],
        purchases=[
            {"purchase_id": "1", "account_id": "1", "bought_on": date(2025, 1, 1), "amount": "10", "currency": "USD"},
            {"purchase_id": "2", "account_id": "1", "bought_on": None, "amount": "10", "currency": "USD"},
            {"purchase_id": "3", "account_id": "1", "bought_on": None, "amount": "0", "currency": "USD"},
        ],
    )
    assert told.purchases is not None
    assert rows(told.purchases, "amount") == [Decimal(8), None]
    assert [one.message[:18] for one in problems] == ["1 purchases in USD"]
