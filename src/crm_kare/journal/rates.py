"""Exchange rates as they were first seen, per CRM: what a closed deal was worth on its day does not move with today's rate.

A rate that the CRM dates stands from its day. Where the CRM keeps the present rate only, the first one seen stands for all
days before, and another one from the day on which it was first seen. What stands is never changed and never taken away.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_kare.journal.store import Store
from crm_kare.journal.tables import RATES, text_of
from crm_kare.ports import CurrencyRate

ALWAYS: Final = date.min
"""The day from which the first rate of a currency stands."""


class Rates:
    """What is remembered of the CRMs' exchange rates."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remember(self, crm: str, home: str, rates: Iterable[CurrencyRate], *, day: date, now: datetime) -> None:
        """Keep what is new among the rates into the home currency; `day` is today where the organisation is."""
        with self._store.writing() as connection:
            kept = _kept(connection, crm, home)
            rows = [
                {
                    "crm": crm,
                    "home": home,
                    "currency": one.currency,
                    "since": since.isoformat(),
                    "rate": str(one.rate),
                    "seen_at": text_of(now),
                }
                for one, since in _new(rates, kept, day)
            ]
            self._store.upsert(connection, RATES, rows, refresh=())

    def held(self, crm: str, home: str) -> tuple[CurrencyRate, ...]:
        """Every rate that stands, each with its day, by currency and day."""
        with self._store.reading() as connection:
            kept = _kept(connection, crm, home)
        return tuple(
            CurrencyRate(currency, rate, since) for currency, dated in kept.items() for since, rate in dated.items()
        )


def _new(
    rates: Iterable[CurrencyRate], kept: dict[str, dict[date, Decimal]], day: date
) -> Iterator[tuple[CurrencyRate, date]]:
    """The rates to keep, each with the day from which it stands."""
    for one in rates:
        dated = kept.get(one.currency, {})
        if one.since is not None:
            yield one, one.since
        elif not dated:
            yield one, ALWAYS
        elif dated[max(dated)] != one.rate:
            yield one, day


def _kept(connection: Connection, crm: str, home: str) -> dict[str, dict[date, Decimal]]:
    query = sa.select(RATES).where(RATES.c.crm == crm, RATES.c.home == home).order_by(RATES.c.currency, RATES.c.since)
    kept: dict[str, dict[date, Decimal]] = {}
    for row in connection.execute(query).mappings():
        kept.setdefault(row["currency"], {})[date.fromisoformat(row["since"])] = Decimal(row["rate"])
    return kept
