"""Exchange rates as they were first seen."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from crm_kare.journal import Journal
from crm_kare.ports import CurrencyRate

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 3)


def dollar(rate: str, since: date | None = None) -> CurrencyRate:
    return CurrencyRate("USD", Decimal(rate), since)


def see(journal: Journal, *rates: CurrencyRate, days: int = 0, home: str = "EUR") -> None:
    journal.rates.remember("acme", home, rates, day=DAY + timedelta(days=days), now=NOON + timedelta(days=days))


def held(journal: Journal, home: str = "EUR") -> dict[date | None, str]:
    return {one.since: str(one.rate) for one in journal.rates.held("acme", home)}


def test_the_first_rate_seen_stands_for_all_days_before(journal: Journal) -> None:
    see(journal, dollar("0.9"))
    see(journal, dollar("0.90"), days=1)
    assert held(journal) == {date.min: "0.9"}


def test_a_changed_rate_stands_from_the_day_it_was_first_seen(journal: Journal) -> None:
    for days, rate in enumerate(["0.9", "0.8", "0.8", "0.9"]):
        see(journal, dollar(rate), days=days)
    assert held(journal) == {date.min: "0.9", date(2026, 11, 4): "0.8", date(2026, 11, 6): "0.9"}


def test_of_two_rates_seen_on_one_day_the_first_stands_and_the_next_day_takes_the_other(journal: Journal) -> None:
    see(journal, dollar("0.9"))
    see(journal, dollar("0.8"), days=1)
    see(journal, dollar("0.7"), days=1)
    assert held(journal) == {date.min: "0.9", date(2026, 11, 4): "0.8"}
    see(journal, dollar("0.7"), days=2)
    assert held(journal)[date(2026, 11, 5)] == "0.7"


def test_a_dated_rate_stands_from_its_day_and_is_neither_changed_nor_taken_away(journal: Journal) -> None:
    see(journal, dollar("0.9", date(2025, 1, 1)), dollar("0.8", date(2026, 1, 1)))
    see(journal, dollar("0.7", date(2026, 1, 1)), dollar("0.6", date(2026, 2, 1)), days=1)
    assert held(journal) == {date(2025, 1, 1): "0.9", date(2026, 1, 1): "0.8", date(2026, 2, 1): "0.6"}


def test_rates_into_another_home_currency_and_of_another_crm_are_apart(journal: Journal) -> None:
    see(journal, dollar("0.9"))
    see(journal, dollar("1.5"), home="CAD")
    assert (held(journal), held(journal, "CAD")) == ({date.min: "0.9"}, {date.min: "1.5"})
    assert journal.rates.held("other", "EUR") == ()


def test_twenty_eight_digits_come_back_as_they_were(journal: Journal) -> None:
    rate = 1 / Decimal("1.0837")
    see(journal, CurrencyRate("USD", rate))
    (one,) = journal.rates.held("acme", "EUR")
    assert one == CurrencyRate("USD", rate, date.min)
