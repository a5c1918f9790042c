"""The corporate currency, and what the others are worth in it.

`CurrencyType` exists in multi-currency orgs only, `DatedConversionRate` where advanced currency management is on. Both keep
units of the currency for one corporate unit, so a rate of ours is the inverse. A currency that was made inactive keeps its
rate, as old deals still stand in it.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_kare.http import CallError
from crm_kare.ports import CurrencyRate
from crm_kare_salesforce.client import Client


def currencies(client: Client) -> tuple[str, tuple[CurrencyRate, ...]]:
    """ISO code of the corporate currency and the rates of the others, dated where the org dates them.

    In an org of one currency, which Salesforce's REST API does not name: an empty code and no rates.

    Raises:
        CallError: the CRM cannot be asked.
    """
    types = _rows(client, "SELECT Id, IsoCode, ConversionRate, IsCorporate FROM CurrencyType")
    corporate = next((str(one["IsoCode"]) for one in types if one.get("IsCorporate") is True), "")
    if not corporate:
        return "", ()
    dated = _rates(_rows(client, "SELECT Id, IsoCode, ConversionRate, StartDate FROM DatedConversionRate"), corporate)
    known = {one.currency for one in dated}
    present = [one for one in _rates(types, corporate) if one.currency not in known]
    return corporate, (*dated, *present)


def _rows(client: Client, soql: str) -> list[dict[str, Any]]:
    """The rows of an object that only some orgs have; none in the others."""
    try:
        return client.rows(soql)
    except CallError as error:
        if error.trouble.kind in {"request", "permission", "gone"}:
            return []
        raise


def _rates(rows: Iterable[Mapping[str, Any]], corporate: str) -> list[CurrencyRate]:
    rates = []
    for row in rows:
        units, since = _decimal(row.get("ConversionRate")), row.get("StartDate")
        if row.get("IsoCode") != corporate and units > 0:
            rates.append(CurrencyRate(str(row["IsoCode"]), 1 / units, date.fromisoformat(since) if since else None))
    return rates


def _decimal(told: Any) -> Decimal:
    """The number as Salesforce wrote it; zero, which is no rate, where it wrote none."""
    try:
        number = Decimal(str(told))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)
