"""Amounts in the reporting currency (METHOD.md 1.11): the CRM's home amount, else a dated rate, else unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crm_kare.config.mapping import Currency
from crm_kare.model import Kind
from crm_kare.ports import CurrencyRate, Organisation
from crm_kare.sync.mapped.columns import DTYPES

_NEVER: Final = date(9999, 12, 31)
_MONEY: Final = DTYPES[Kind.MONEY]
_RATE: Final = "decimal(20, 12)"
"""Twelve decimals, so that one unit of a weak currency keeps eight digits; times 18 digits of money it fills 38 exactly."""

_RATE_TYPES: Final = {"_code": "string", "_since": "date", "_until": "date", "_rate": _RATE}
_SMALLEST: Final = Decimal("1E-12")
_LARGEST: Final = Decimal(10**8)

Dated = Mapping[date, Decimal]
"""Rates of one currency by the day from which each holds."""


@dataclass(frozen=True)
class Currencies:
    """The reporting currency, the one in which amounts without a code stand, and dated rates into the first by currency."""

    reporting: str
    home: str
    rates: Mapping[str, Dated]

    @property
    def convertible(self) -> frozenset[str]:
        """The codes that can be told in the reporting currency, on some day at least."""
        return frozenset({self.reporting, *self.rates})


def currencies(currency: Currency, organisation: Organisation) -> Currencies:
    """The mapping's currencies; where the organisation tells no home currency, home is the reporting one.

    The mapping's rates count from their first day on, the organisation's before it and where the mapping has none.
    """
    home = organisation.currency.upper()
    reporting = home if currency.reporting == "home" else currency.reporting
    told = _told(organisation.rates) if home else {}
    crossed = told if reporting == home else _crossed(told | {home: {date.min: Decimal(1)}}, reporting)
    given = {code: {one.since: one.rate for one in listed} for code, listed in currency.rates.items()}
    rates = {code: _joined(crossed.get(code, {}), given.get(code, {})) for code in sorted(crossed.keys() | given)}
    return Currencies(reporting, home or reporting, {code: dated for code, dated in rates.items() if dated})


def of_year(money: Currencies, as_of: date) -> Currencies:
    """The same with one rate for all days, that of the first of January, or else the first one after it.

    For amounts that have no day: what an account is worth must not move with every day's rate, nor stay at an old one.
    """
    first = as_of.replace(month=1, day=1)
    rates = {code: {date.min: _at(dated, max(first, min(dated)))} for code, dated in money.rates.items()}
    return replace(money, rates=rates)


def _told(rates: tuple[CurrencyRate, ...]) -> dict[str, dict[date, Decimal]]:
    """The organisation's rates by currency; one without a day holds before all others."""
    told: dict[str, dict[date, Decimal]] = {}
    for one in rates:
        told.setdefault(one.currency.upper(), {})[one.since or date.min] = one.rate
    return told


def _crossed(told: Mapping[str, Dated], reporting: str) -> dict[str, dict[date, Decimal]]:
    """Rates into another currency than home: both rates of each day, one by the other."""
    into = told.get(reporting, {})
    return {
        code: {day: _at(dated, day) / _at(into, day) for day in {*dated, *into} if day >= max(min(dated), min(into))}
        for code, dated in told.items()
        if code != reporting and into
    }


def _at(dated: Dated, day: date) -> Decimal:
    return dated[max(since for since in dated if since <= day)]


def _joined(told: Dated, given: Dated) -> dict[date, Decimal]:
    first = min(given, default=_NEVER)
    joined = {since: rate for since, rate in told.items() if since < first} | dict(given)
    return {since: rate.quantize(_SMALLEST) for since, rate in joined.items() if _SMALLEST <= rate < _LARGEST}


def code_of(column: ir.Value, money: Currencies) -> ir.StringValue:
    """The currency of an amount: as its row says, else the home currency."""
    code: ir.StringValue = ibis.coalesce(column.strip().upper().nullif(""), ibis.literal(money.home))
    return code


def with_factor(table: ir.Table, code: ir.Value, day: ir.Value, money: Currencies) -> ir.Table:
    """The table with `_code` and `_factor`: what one unit of the row's currency is worth on its day, or null."""
    coded = table.mutate(_code=code, _day=day)
    own = ibis.ifelse(coded["_code"] == money.reporting, _rate(Decimal(1)), ibis.null(_RATE))
    if not money.rates:
        return coded.mutate(_factor=own).drop("_day")
    periods = [dict(zip(_RATE_TYPES, one, strict=True)) for one in _periods(money.rates)]
    known = pa.Table.from_pylist(periods, ibis.schema(_RATE_TYPES).to_pyarrow())
    rates = ibis.memtable(known).rename(_rate_code="_code")
    joined = coded.left_join(
        rates,
        [
            coded["_code"] == rates["_rate_code"],
            coded["_day"] >= rates["_since"],
            coded["_day"] < rates["_until"],
        ],
    )
    factor = ibis.ifelse(joined["_code"] == money.reporting, _rate(Decimal(1)), joined["_rate"])
    return joined.mutate(_factor=factor).drop("_day", "_rate_code", "_since", "_until", "_rate")


def converted(amount: ir.Value, factor: ir.Value) -> ir.Value:
    """Amount × factor, in the type of money; wide in between, as 18 digits do not hold the product.

    Most amounts are in the reporting currency already, and are let alone: wide numbers cost ten times as much.
    """
    product = (amount * factor).try_cast(_MONEY)
    return ibis.ifelse(factor == 1, amount, product)


def _rate(value: Decimal) -> ir.Value:
    return ibis.literal(str(value)).cast(_RATE)


def _periods(rates: Mapping[str, Dated]) -> list[tuple[str, date, date, Decimal]]:
    """Each rate with the day on which the next one takes over."""
    periods = []
    for code, dated in rates.items():
        days = sorted(dated)
        ends = [later for _, later in pairwise(days)] + [_NEVER]
        periods += [(code, since, end, dated[since]) for since, end in zip(days, ends, strict=True)]
    return periods
