"""Several currencies in the Salesforce org, and the rates between them."""
# ruff: noqa: S608  queries with the test's own words

from typing import Any

import pytest

from crm_kare.sandbox.salesforce import money

pytestmark = pytest.mark.slow

_PAIRS = {"United States": "USD", "United Kingdom": "GBP", "Japan": "JPY"}


def test_an_org_of_one_currency_has_no_such_objects_and_fields(library: Any) -> None:
    for name in ("CurrencyType", "DatedConversionRate"):
        assert library.refused(f"SELECT Id FROM {name}")["errorCode"] == "INVALID_TYPE"
        assert library.call("GET", f"/sobjects/{name}/describe").status == 404
    assert "No such column" in library.refused("SELECT CurrencyIsoCode FROM Account")["message"]
    assert "No such column" in library.refused("SELECT DefaultCurrencyIsoCode FROM User")["message"]


def test_records_stand_in_their_accounts_currency_and_no_stamp_moves(salesforce: Any) -> None:
    query = "SELECT Id, Amount, SystemModstamp FROM Opportunity WHERE AccountId != null ORDER BY Id"
    before = salesforce.query(query)
    money.activate(salesforce.org)
    after = salesforce.query(query.replace("Amount", "Amount, CurrencyIsoCode, Account.CurrencyIsoCode"))
    assert [one["SystemModstamp"] for one in after] == [one["SystemModstamp"] for one in before]
    for old, new in zip(before, after, strict=True):
        assert new["CurrencyIsoCode"] == new["Account"]["CurrencyIsoCode"]
        rate, places = money.RATES[new["CurrencyIsoCode"]]
        if old["Amount"] is not None:
            assert new["Amount"] == pytest.approx(old["Amount"] * rate, abs=0.51 if not places else 0.006)
    assert len({one["CurrencyIsoCode"] for one in after}) > 1
    accounts = salesforce.query("SELECT BillingCountry, CurrencyIsoCode FROM Account")
    assert all(one["CurrencyIsoCode"] == _PAIRS.get(one["BillingCountry"], "EUR") for one in accounts)
    for name in ("OpportunityLineItem", "Order", "OrderItem", "Contact", "Product2", "User"):
        assert salesforce.query(f"SELECT CurrencyIsoCode FROM {name} LIMIT 1")[0]["CurrencyIsoCode"]


def test_rates_are_units_for_one_corporate_unit(salesforce: Any) -> None:
    money.activate(salesforce.org)
    found = salesforce.query("SELECT IsoCode, ConversionRate, DecimalPlaces, IsActive, IsCorporate FROM CurrencyType")
    rates = {one["IsoCode"]: one for one in found}
    assert [one["IsoCode"] for one in found if one["IsCorporate"]] == ["EUR"]
    assert (rates["EUR"]["ConversionRate"], rates["JPY"]["DecimalPlaces"], rates["CHF"]["IsActive"]) == (1.0, 0, False)
    assert salesforce.refused("SELECT Id FROM DatedConversionRate")["errorCode"] == "INVALID_TYPE"
    money.set_rate(salesforce.org, "USD", 1.25)
    changed = salesforce.query("SELECT ConversionRate FROM CurrencyType WHERE IsoCode = 'USD'")
    assert changed[0]["ConversionRate"] == 1.25


def test_dated_rates_leave_no_gap(salesforce: Any) -> None:
    money.activate(salesforce.org, dated=True)
    query = "SELECT ConversionRate, StartDate, NextStartDate FROM DatedConversionRate WHERE IsoCode = 'USD' ORDER BY StartDate"
    found = salesforce.query(query)
    assert len(found) > 2
    assert [one["NextStartDate"] for one in found[:-1]] == [one["StartDate"] for one in found[1:]]
    assert (found[0]["StartDate"], found[-1]["NextStartDate"]) == ("0001-01-01", "9999-12-31")
    money.add_dated_rates(salesforce.org, "USD", {"2026-01-01": 1.5, "2026-07-01": 2.0})
    told = [(one["StartDate"], one["NextStartDate"], one["ConversionRate"]) for one in salesforce.query(query)]
    assert told == [("0001-01-01", "2026-07-01", 1.5), ("2026-07-01", "9999-12-31", 2.0)]


def test_a_new_record_has_its_makers_currency_and_only_active_ones_are_taken(salesforce: Any) -> None:
    money.activate(salesforce.org)
    made = salesforce.call("POST", "/sobjects/Account", {"Name": "New"}).body["id"]
    path = f"/sobjects/Account/{made}"
    assert salesforce.call("GET", path).body["CurrencyIsoCode"] == "EUR"
    assert salesforce.call("PATCH", path, {"CurrencyIsoCode": "USD"}).status == 204
    refused = salesforce.call("PATCH", path, {"CurrencyIsoCode": "CHF"})
    assert refused.body[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_a_line_has_the_currency_of_its_deal(salesforce: Any) -> None:
    money.activate(salesforce.org)
    deal = salesforce.query("SELECT Id FROM Opportunity WHERE CurrencyIsoCode = 'USD' LIMIT 1")[0]["Id"]
    line = {"OpportunityId": deal, "Quantity": 1, "UnitPrice": 5.0}
    made = salesforce.call("POST", "/sobjects/OpportunityLineItem", line).body["id"]
    path = f"/sobjects/OpportunityLineItem/{made}"
    assert salesforce.call("GET", path).body["CurrencyIsoCode"] == "USD"
    refused = salesforce.call("PATCH", path, {"CurrencyIsoCode": "EUR"})
    assert refused.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_the_record_page_shows_the_accounts_currency(salesforce: Any) -> None:
    money.activate(salesforce.org)
    (account, *_) = salesforce.query(
        "SELECT AccountId FROM Opportunity WHERE Account.CurrencyIsoCode = 'USD' AND Amount > 0 AND IsWon = true"
    )
    page = salesforce.session.get(f"{salesforce.running.url}/salesforce/accounts/{account['AccountId']}", timeout=60)
    assert page.status_code == 200
    assert "USD " in page.text
    assert "EUR " not in page.text
