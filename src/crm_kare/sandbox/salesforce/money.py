"""Several currencies in one org. Amounts stand in the currency of their row.

A conversion rate is how many units of a currency one unit of the corporate currency buys.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import Option

CORPORATE: Final = "EUR"
RATES: Final = {"EUR": (1.0, 2), "USD": (1.08, 2), "GBP": (0.86, 2), "JPY": (162.5, 0), "CHF": (0.95, 2)}
"""Rate and decimal places of each currency of the sandbox's org; Swiss francs are no longer used."""

_INACTIVE: Final = frozenset({"CHF"})
_OF_COUNTRY: Final = {"United States": "USD", "United Kingdom": "GBP", "Japan": "JPY"}
FIRST_DAY: Final = "0001-01-01"
LAST_DAY: Final = "9999-12-31"
"""Where Salesforce's dated rates begin and end."""

_YEARS: Final = 3
_DRIFT: Final = 0.04
_MONEY: Final = {
    "Account": ("AnnualRevenue", "Wallet__c"),
    "Opportunity": ("Amount", "ExpectedRevenue"),
    "OpportunityLineItem": ("UnitPrice", "TotalPrice"),
    "Order": ("TotalAmount",),
    "OrderItem": ("UnitPrice", "ListPrice", "TotalPrice"),
}
_ABOVE: Final = (
    ("Opportunity", "AccountId", "Account"),
    ("Contact", "AccountId", "Account"),
    ("Order", "AccountId", "Account"),
    ("OpportunityLineItem", "OpportunityId", "Opportunity"),
    ("OrderItem", "OrderId", "Order"),
)
"""Where a record's currency comes from: object, its link, the object it leads to."""

_LINES: Final = {name: (link, above) for name, link, above in _ABOVE if above != "Account"}


def activate(org: SalesforceOrg, *, dated: bool = False) -> None:
    """Turn several currencies on, as cannot be undone: each record gets one, by the country of its account.

    No stamp moves. `dated` turns on advanced currency management, with rates that change each year.
    """
    org.settings.multi_currency, org.settings.dated_rates = True, dated
    for code, (rate, places) in RATES.items():
        told = {
            "IsoCode": code,
            "ConversionRate": rate,
            "DecimalPlaces": places,
            "IsActive": int(code not in _INACTIVE),
        }
        org.records.insert("CurrencyType", told | {"IsCorporate": int(code == CORPORATE)}, org.integration_user)
        for since, until, value in _periods(org.clock.now().date(), rate) if dated else ():
            row = {"IsoCode": code, "StartDate": since, "NextStartDate": until, "ConversionRate": value}
            org.records.insert("DatedConversionRate", row, org.integration_user)
    _offer_currencies(org)
    with org.records.store.transaction():
        _spread(org)


def add_dated_rates(org: SalesforceOrg, code: str, rates: Mapping[str, float]) -> None:
    """Replace a currency's dated rates: rate by the day it begins; the first one counts for all days before too."""
    for held in org.records.select("DatedConversionRate", "IsoCode = ?", (code,)):
        org.records.purge("DatedConversionRate", held["_id"])
    days = sorted(rates)
    for since, until in zip(days, [*days[1:], LAST_DAY], strict=True):
        begin = FIRST_DAY if since == days[0] else since
        row = {"IsoCode": code, "StartDate": begin, "NextStartDate": until, "ConversionRate": rates[since]}
        org.records.insert("DatedConversionRate", row, org.integration_user)


def set_rate(org: SalesforceOrg, code: str, rate: float) -> None:
    """Change a currency's present rate, as an admin does."""
    (held,) = org.records.select("CurrencyType", "IsoCode = ?", (code,))
    org.records.update("CurrencyType", held["_id"], {"ConversionRate": rate}, org.integration_user)


def exchanged(org: SalesforceOrg, amount: float, source: str, target: str) -> float:
    """An amount in another currency, at the present rates."""
    rates = {one["IsoCode"]: one["ConversionRate"] for one in org.records.select("CurrencyType")}
    return float(amount / rates[source] * rates[target])


def inherited(org: SalesforceOrg, name: str, after: Mapping[str, Any]) -> dict[str, str]:
    """The currency of a line, which is that of its opportunity or order."""
    if name not in _LINES or not org.settings.multi_currency:
        return {}
    link, above = _LINES[name]
    held = org.records.get(above, str(after[link]))
    return {"CurrencyIsoCode": held["CurrencyIsoCode"]} if held else {}


def _periods(today: date, rate: float) -> Iterable[tuple[str, str, float]]:
    """Begin, end and rate of each year's period, the last one being the present rate."""
    years = [date(today.year - back, 1, 1) for back in range(_YEARS, -1, -1)]
    begins = [FIRST_DAY, *(one.isoformat() for one in years)]
    for place, since in enumerate(begins):
        until = begins[place + 1] if place + 1 < len(begins) else LAST_DAY
        drift = 1.0 if rate == 1.0 else 1 + _DRIFT * (len(begins) - 1 - place)
        yield since, until, round(rate * drift, 6)


def _offer_currencies(org: SalesforceOrg) -> None:
    options = tuple(Option(code, code, active=code not in _INACTIVE) for code in RATES)
    for name in org.records.objects():
        for one in org.records.fields(name).values():
            if one.name in {"CurrencyIsoCode", "DefaultCurrencyIsoCode", "IsoCode"}:
                org.records.change_field(name, replace(one, options=options))


def _spread(org: SalesforceOrg) -> None:
    """Give each record its currency, and put its amounts into that."""
    for name in org.records.objects():
        for column in {"CurrencyIsoCode", "DefaultCurrencyIsoCode"} & set(org.records.fields(name)):
            _run(org, f'UPDATE {org.records.table(name)} SET "{column}" = ?', CORPORATE)  # noqa: S608  names are ours
    account = org.records.table("Account")
    for country, code in _OF_COUNTRY.items():
        _run(org, f"UPDATE {account} SET CurrencyIsoCode = ? WHERE BillingCountry = ?", code, country)  # noqa: S608
    for name, link, above in _ABOVE:
        found = f'SELECT a.CurrencyIsoCode FROM {org.records.table(above)} a WHERE a._id = main."{link}"'  # noqa: S608
        table = f"{org.records.table(name)} AS main"
        _run(org, f"UPDATE {table} SET CurrencyIsoCode = coalesce(({found}), CurrencyIsoCode)")  # noqa: S608
    for name, columns in _MONEY.items():
        for code, (rate, places) in RATES.items():
            sums = ", ".join(f'"{one}" = round("{one}" * {rate}, {places})' for one in columns)
            _run(org, f"UPDATE {org.records.table(name)} SET {sums} WHERE CurrencyIsoCode = ?", code)  # noqa: S608


def _run(org: SalesforceOrg, sql: str, *values: Any) -> None:
    with org.records.store.transaction() as database:
        database.execute(sql, values)
