"""From the mirror to canonical tables: money, in its currency and on its day."""

from datetime import date
from decimal import Decimal
from typing import Any

from sync.mapped_kit import ACCOUNTS, DEALS, HEAD, deals, read, rows

from crm_kare.ports import CurrencyRate, Organisation

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
