"""Which rate counts on which day: the mapping's, the organisation's, or both crossed."""

from datetime import date
from decimal import Decimal

from crm_kare.config.mapping import Currency
from crm_kare.ports import CurrencyRate, Organisation
from crm_kare.sync.mapped.money import currencies, of_year

NEW_YEAR = date(2026, 1, 1)
GIVEN = Currency.model_validate({"rates": {"USD": [{"from": "2026-01-01", "rate": "0.8"}]}})


def euro(*rates: CurrencyRate) -> Organisation:
    return Organisation("1", "Acme", currency="EUR", rates=rates)


def test_the_organisations_rates_count_where_the_mapping_has_none() -> None:
    told = currencies(
        Currency(), euro(CurrencyRate("USD", Decimal("0.9")), CurrencyRate("GBP", Decimal("1.2"), NEW_YEAR))
    )
    assert told.rates == {"USD": {date.min: Decimal("0.9")}, "GBP": {NEW_YEAR: Decimal("1.2")}}


def test_the_mappings_rates_win_from_their_first_day_on() -> None:
    told = currencies(
        GIVEN,
        euro(
            CurrencyRate("USD", Decimal("0.9")),
            CurrencyRate("USD", Decimal("0.7"), date(2026, 5, 1)),
            CurrencyRate("GBP", Decimal("1.2")),
        ),
    )
    assert told.rates["USD"] == {date.min: Decimal("0.9"), NEW_YEAR: Decimal("0.8")}
    assert told.rates["GBP"] == {date.min: Decimal("1.2")}


def test_another_reporting_currency_is_reached_through_home_by_the_rates_of_each_day() -> None:
    rates = (
        CurrencyRate("USD", Decimal("0.8")),
        CurrencyRate("USD", Decimal("0.5"), NEW_YEAR),
        CurrencyRate("GBP", Decimal("1.2"), date(2025, 1, 1)),
    )
    told = currencies(Currency(reporting="USD"), euro(*rates))
    assert told.rates == {
        "EUR": {date.min: Decimal("1.25"), NEW_YEAR: Decimal(2)},
        "GBP": {date(2025, 1, 1): Decimal("1.5"), NEW_YEAR: Decimal("2.4")},
    }
    assert told.convertible == {"USD", "EUR", "GBP"}


def test_without_a_rate_of_the_reporting_currency_nothing_is_crossed() -> None:
    assert currencies(Currency(reporting="CHF"), euro(CurrencyRate("USD", Decimal("0.8")))).rates == {}


def test_rates_keep_twelve_decimals_and_absurd_ones_are_left_out() -> None:
    told = currencies(
        Currency(),
        euro(
            CurrencyRate("IRR", 1 / Decimal(42000)),
            CurrencyRate("XXA", Decimal("1E-20")),
            CurrencyRate("XXB", Decimal("1E20")),
        ),
    )
    assert told.rates == {"IRR": {date.min: Decimal("0.000023809524")}}


def test_amounts_without_a_day_take_the_rate_of_the_first_of_january_or_the_first_after_it() -> None:
    rates = (
        CurrencyRate("USD", Decimal("0.7")),
        CurrencyRate("USD", Decimal("0.8"), date(2025, 6, 1)),
        CurrencyRate("USD", Decimal("0.9"), date(2026, 1, 2)),
        CurrencyRate("GBP", Decimal("1.2"), date(2026, 5, 1)),
    )
    for year, dollar in ((2025, "0.7"), (2026, "0.8"), (2027, "0.9")):
        told = of_year(currencies(Currency(), euro(*rates)), date(year, 8, 15))
        assert told.rates == {"USD": {date.min: Decimal(dollar)}, "GBP": {date.min: Decimal("1.2")}}
