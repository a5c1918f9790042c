"""HubSpot's associations over HTTP: the shapes of v4 and of the dated version, pages, labels, what is refused."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

ONE = "/crm/v4/objects/deals"
MANY = "/crm/v4/associations/deals/companies"
DATED = "/crm/associations/2026-09/deals/companies"


def _spec(type_id: int, category: str = "HUBSPOT_DEFINED") -> list[dict[str, Any]]:
    return [{"associationCategory": category, "associationTypeId": type_id}]


@pytest.fixture
def pair(hubspot: Any) -> tuple[str, str]:
    """A deal without a company, and a company."""
    made = hubspot.call("POST", "/crm/v3/objects/deals", {"properties": {"dealname": "Lonely"}})
    return made.body["id"], hubspot.companies()[0]


def _types(hubspot: Any, deal: str) -> dict[str, set[int]]:
    found = hubspot.call("GET", f"{ONE}/{deal}/associations/companies").body["results"]
    return {str(one["toObjectId"]): {kind["typeId"] for kind in one["associationTypes"]} for one in found}


def test_ids_are_numbers_in_v4_and_text_in_the_dated_version(hubspot: Any, pair: tuple[str, str]) -> None:
    deal, company = pair
    tie = {"from": {"id": deal}, "to": {"id": company}, "types": _spec(5)}
    old = hubspot.call("POST", f"{MANY}/batch/create", {"inputs": [tie]})
    new = hubspot.call("POST", f"{DATED}/batch/create", {"inputs": [tie]})
    assert (old.status, new.status) == (201, 201)
    looks = {"fromObjectTypeId": "0-3", "toObjectTypeId": "0-2", "labels": ["Primary"]}
    assert old.body["results"] == [{**looks, "fromObjectId": int(deal), "toObjectId": int(company)}]
    assert new.body["results"] == [{**looks, "fromObjectId": deal, "toObjectId": company}]


def test_a_label_brings_the_association_without_one_and_can_go_alone(hubspot: Any, pair: tuple[str, str]) -> None:
    deal, company = pair
    tie = {"from": {"id": deal}, "to": {"id": company}, "types": _spec(5)}
    hubspot.call("POST", f"{MANY}/batch/create", {"inputs": [tie]})
    assert _types(hubspot, deal) == {company: {5, 341}}
    assert hubspot.call("POST", f"{MANY}/batch/labels/archive", {"inputs": [tie]}).status == 204
    assert _types(hubspot, deal) == {company: {341}}
    gone = {"from": {"id": deal}, "to": [{"id": company}]}
    assert hubspot.call("POST", f"{MANY}/batch/archive", {"inputs": [gone]}).status == 204
    assert _types(hubspot, deal) == {}


def test_a_deal_has_one_primary_company_from_whichever_end_it_is_named(hubspot: Any, pair: tuple[str, str]) -> None:
    deal, first = pair
    second = hubspot.companies()[1]
    hubspot.call("PUT", f"{ONE}/{deal}/associations/companies/{first}", _spec(5))
    hubspot.call("PUT", f"/crm/v4/objects/companies/{second}/associations/deals/{deal}", _spec(6))
    assert _types(hubspot, deal) == {first: {341}, second: {5, 341}}
    assert hubspot.portal.org.get("deals", deal)["hs_primary_associated_company"] == second


def test_a_default_association_tells_both_of_its_ends(hubspot: Any, pair: tuple[str, str]) -> None:
    deal, company = pair
    reply = hubspot.call("PUT", f"{ONE}/{deal}/associations/default/companies/{company}")
    assert reply.status == 200
    there, back = ({"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": one} for one in (341, 342))
    assert reply.body["results"] == [
        {"from": {"id": deal}, "to": {"id": company}, "associationSpec": there},
        {"from": {"id": company}, "to": {"id": deal}, "associationSpec": back},
    ]


def test_five_hundred_are_a_page_of_one_record_also_in_a_batch(hubspot: Any) -> None:
    org, company = hubspot.portal.org, hubspot.companies()[0]
    before = len(hubspot.call("GET", f"/crm/v4/objects/companies/{company}/associations/deals").body["results"])
    deals = org.mint_many("deals", 501 - before)
    org.load("deals", [{"_id": one} for one in deals])
    org.link("companies", "deals", [(company, one, "342") for one in deals])
    read = "/crm/v4/associations/companies/deals/batch/read"
    (first,) = hubspot.call("POST", read, {"inputs": [{"id": company}]}).body["results"]
    assert len(first["to"]) == 500
    after = first["paging"]["next"]["after"]
    (second,) = hubspot.call("POST", read, {"inputs": [{"id": company, "after": after}]}).body["results"]
    assert (len(second["to"]), "paging" in second) == (1, False)
    assert len({one["toObjectId"] for one in first["to"] + second["to"]}) == 501


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ([], "At least one"),
        ([{"associationTypeId": 5}], "associationCategory"),
        ([{"associationCategory": "HUBSPOT_DEFINED"}], "associationTypeId"),
        (_spec(999), "999"),
        (_spec(6), "6"),
    ],
)
def test_types_that_do_not_fit_are_refused(
    hubspot: Any, pair: tuple[str, str], types: list[dict[str, Any]], words: str
) -> None:
    deal, company = pair
    reply = hubspot.call("PUT", f"{ONE}/{deal}/associations/companies/{company}", types)
    assert (reply.status, words in reply.body["message"]) == (400, True)
    assert _types(hubspot, deal) == {}


def test_nothing_is_linked_where_one_end_is_not_there(hubspot: Any, pair: tuple[str, str]) -> None:
    deal, company = pair
    ties = [{"from": {"id": deal}, "to": {"id": one}, "types": _spec(5)} for one in (company, "5")]
    assert hubspot.call("POST", f"{MANY}/batch/create", {"inputs": ties}).status == 400
    assert _types(hubspot, deal) == {}
    ties = [{"from": {"id": "5"}, "to": {"id": company}, "types": _spec(5)}]
    assert hubspot.call("POST", f"{MANY}/batch/create", {"inputs": ties}).status == 400


def test_a_label_of_the_accounts_own_is_seen_from_both_ends_until_it_is_taken_away(
    hubspot: Any, pair: tuple[str, str]
) -> None:
    deal, company = pair
    made = hubspot.call("POST", f"{MANY}/labels", {"label": "Advises", "name": "adviser"}).body["results"]
    type_id = made[0]["typeId"]
    hubspot.call("PUT", f"{ONE}/{deal}/associations/companies/{company}", _spec(type_id, "USER_DEFINED"))
    assert _types(hubspot, deal) == {company: {341, type_id}}
    v3 = hubspot.call("GET", f"/crm/v3/objects/deals/{deal}", associations="companies").body["associations"]
    assert {one["type"] for one in v3["companies"]["results"]} == {"adviser", "deal_to_company_unlabeled"}
    assert hubspot.call("DELETE", f"{MANY}/labels/{type_id}").status == 204
    assert _types(hubspot, deal) == {company: {341}}
    assert hubspot.call("DELETE", f"{MANY}/labels/5").status == 404
