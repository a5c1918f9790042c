"""Amounts in the reporting currency (METHOD.md 1.11): the CRM's home amount, else a dated rate, else unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crm_kare.config.mapping import Currency, Rate
from crm_kare.model import Kind
from crm_kare.ports import Organisation
from crm_kare.sync.mapped.columns import DTYPES

LATEST: Final = date(9999, 12, 30)
"""Stands for "at the latest rate", for amounts that have no day."""

_NEVER: Final = date(9999, 12, 31)
_MONEY: Final = DTYPES[Kind.MONEY]
_RATE_TYPES: Final = {"_code": "string", "_since": "date", "_until": "date", "_rate": "decimal(18, 8)"}


@dataclass(frozen=True)
class Currencies:
    """The reporting currency, the one in which amounts without a code stand, and rates into the first."""

    reporting: str
    home: str
    rates: Mapping[str, tuple[Rate, ...]]

    @property
    def convertible(self) -> frozenset[str]:
        """The codes that can be told in the reporting currency, on some day at least."""
        return frozenset({self.reporting, *self.rates})


def currencies(currency: Currency, organisation: Organisation) -> Currencies:
    """The mapping's currencies; where the organisation tells no home currency, home is the reporting one."""
    home = organisation.currency.upper()
    reporting = home if currency.reporting == "home" else currency.reporting
    return Currencies(reporting, home or reporting, currency.rates)


def code_of(column: ir.Value, money: Currencies) -> ir.StringValue:
    """The currency of an amount: as its row says, else the home currency."""
    code: ir.StringValue = ibis.coalesce(column.strip().upper().nullif(""), ibis.literal(money.home))
    return code


def with_factor(table: ir.Table, code: ir.Value, day: ir.Value, money: Currencies) -> ir.Table:
    """The table with `_code` and `_factor`: what one unit of the row's currency is worth on its day, or null."""
    coded = table.mutate(_code=code, _day=day)
    own = ibis.ifelse(coded["_code"] == money.reporting, _rate(Decimal(1)), ibis.null("decimal(18, 8)"))
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
    product = (amount.cast("decimal(30, 8)") * factor).try_cast(_MONEY)
    return ibis.ifelse(factor == 1, amount, product)


def _rate(value: Decimal) -> ir.Value:
    return ibis.literal(str(value)).cast("decimal(18, 8)")


def _periods(rates: Mapping[str, tuple[Rate, ...]]) -> list[tuple[str, date, date, Decimal]]:
    """Each rate with the day on which the next one takes over."""
    periods = []
    for code, listed in rates.items():
        ordered = sorted(listed, key=lambda rate: rate.since)
        ends = [later.since for _, later in pairwise(ordered)] + [_NEVER]
        periods += [(code, rate.since, end, rate.rate) for rate, end in zip(ordered, ends, strict=True)]
    return periods
