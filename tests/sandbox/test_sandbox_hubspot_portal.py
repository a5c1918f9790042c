"""What else a portal may do: rules of its administrator, an index without order, deleted records that come back."""

from typing import Any

import pytest

from crm_kare.sandbox.hubspot import Subscription, Webhooks
from crm_kare.sandbox.hubspot.definitions import COMPANIES
from crm_kare.sandbox.hubspot.rules import Rule
from crm_kare.sandbox.hubspot.writing import restore

pytestmark = pytest.mark.slow

COMPANY = "/crm/v3/objects/companies"
DATED = "/crm/objects/2026-09/companies"


@pytest.mark.parametrize(
    ("name", "rule", "bad", "good"),
    [
        ("city", Rule(longest=3), "Jena", "Ulm"),
        ("zip", Rule(pattern=r"\d{5}"), "D-07", "07743"),
        ("sites", Rule(least=1, most=9), "10", "9"),
        ("sites", Rule(least=1, most=9), "0", "1"),
    ],
)
def test_rules_count_for_dated_addresses_alone(hubspot: Any, name: str, rule: Rule, bad: str, good: str) -> None:
    hubspot.settings(rules={("companies", name): rule})
    one = hubspot.companies()[0]
    refused = hubspot.call("PATCH", f"{DATED}/{one}", {"properties": {name: bad}})
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")
    assert refused.body["errors"][0]["context"]["propertyName"] == [name]
    inputs = {"inputs": [{"id": one, "properties": {name: bad}}]}
    assert hubspot.call("POST", f"{DATED}/batch/update", inputs).status == 400
    assert hubspot.call("POST", DATED, {"properties": {name: bad}}).status == 400
    assert hubspot.call("PATCH", f"{DATED}/{one}", {"properties": {name: good}}).status == 200
    assert hubspot.call("PATCH", f"{DATED}/{one}", {"properties": {name: ""}}).status == 200
    assert hubspot.call("PATCH", f"{COMPANY}/{one}", {"properties": {name: bad}}).status == 200


def test_an_uneven_index_shows_a_later_write_before_an_earlier_one(hubspot: Any) -> None:
    hubspot.settings(index_lag=30.0, uneven_lag=True)
    early = next(one for one in hubspot.companies() if int(one) % 11 == 10)
    late = next(one for one in hubspot.companies() if int(one) % 11 == 0)
    for one in (early, late):
        hubspot.clock.sleep(5)
        hubspot.call("PATCH", f"{COMPANY}/{one}", {"properties": {"city": "Ulm"}})

    def found() -> list[str]:
        filters = [{"propertyName": "city", "operator": "EQ", "value": "Ulm"}]
        body = {"filterGroups": [{"filters": filters}], "limit": 100}
        ids = {one["id"] for one in hubspot.call("POST", f"{COMPANY}/search", body).body["results"]}
        return [one for one in (early, late) if one in ids]

    assert found() == [late]
    hubspot.clock.sleep(30)
    assert found() == [early, late]


def test_an_index_may_find_what_was_archived_or_merged_until_it_knows_of_it(hubspot: Any) -> None:
    hubspot.settings(index_lag=30.0, lag_keeps_deleted=True)
    archived, first, second = hubspot.companies()[:3]
    hubspot.call("DELETE", f"{COMPANY}/{archived}")
    hubspot.call("POST", f"{COMPANY}/merge", {"primaryObjectId": first, "objectIdToMerge": second})

    def found() -> list[str]:
        return [one["id"] for one in hubspot.call("POST", f"{COMPANY}/search", {"limit": 100}).body["results"]]

    assert {archived, first, second} < set(found())
    assert hubspot.call("GET", f"{COMPANY}/{archived}").status == 404
    hubspot.clock.sleep(31)
    assert {archived, first, second}.isdisjoint(found())
    assert len(found()) == 38


def test_what_is_restored_is_listed_again_with_its_deals_and_told(hubspot: Any) -> None:
    deal = hubspot.portal.org.select("deals", "hs_primary_associated_company IS NOT NULL")[0]
    company = deal["hs_primary_associated_company"]
    hubspot.settings(webhooks=Webhooks("http://127.0.0.1:9/", (Subscription("company.restore"),), by_itself=False))
    hubspot.call("DELETE", f"{COMPANY}/{company}")
    assert hubspot.portal.org.get("deals", deal["_id"])["hs_primary_associated_company"] is None
    restore(hubspot.portal, COMPANIES, company, "user:61000001")
    assert hubspot.call("GET", f"{COMPANY}/{company}").body["archived"] is False
    assert hubspot.call("GET", COMPANY, archived="true").body["results"] == []
    assert hubspot.portal.org.get("deals", deal["_id"])["hs_primary_associated_company"] == company
    ((told,),) = (one.events for one in hubspot.portal.webhooks.deliver())
    assert (told["subscriptionType"], told["objectId"]) == ("company.restore", int(company))
