"""HubSpot's search: operators, limits, and an index that lags."""

from typing import Any

import pytest

SEARCH = "/crm/v3/objects/companies/search"


def _ids(rig: Any, *filters: dict[str, Any], **body: Any) -> list[str]:
    reply = rig.call("POST", SEARCH, {"filterGroups": [{"filters": list(filters)}], "limit": 200, **body})
    assert reply.status == 200, reply.body
    return [one["id"] for one in reply.body["results"]]


def _filter(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}


def _records(rig: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rig.portal.org.select("companies")
    return found


def test_numbers_compare_as_numbers(hubspot: Any) -> None:
    large = [one["_id"] for one in _records(hubspot) if one["numberofemployees"] and int(one["numberofemployees"]) > 90]
    assert sorted(_ids(hubspot, _filter("numberofemployees", "GT", "90"))) == large
    assert 0 < len(large) < 40


def test_blank_is_found_by_not_has_property_and_by_no_comparison(hubspot: Any) -> None:
    blank = [one["_id"] for one in _records(hubspot) if one["numberofemployees"] is None]
    assert sorted(_ids(hubspot, _filter("numberofemployees", "NOT_HAS_PROPERTY"))) == blank
    held = _ids(hubspot, _filter("numberofemployees", "HAS_PROPERTY"))
    assert sorted(held + blank) == hubspot.companies()
    assert not set(blank) & set(_ids(hubspot, _filter("numberofemployees", "NEQ", "1")))


def test_text_is_found_without_regard_to_case_but_in_takes_lower_case_only(hubspot: Any) -> None:
    name = next(one["name"] for one in _records(hubspot) if one["name"] != one["name"].lower())
    assert _ids(hubspot, _filter("name", "EQ", name.upper()))
    assert _ids(hubspot, _filter("name", "IN", values=[name.lower()]))
    assert not _ids(hubspot, _filter("name", "IN", values=[name]))


def test_tokens_are_whole_words_or_have_a_star(hubspot: Any) -> None:
    word = next(one["name"] for one in _records(hubspot) if one["name"].isascii()).split()[0]
    assert _ids(hubspot, _filter("name", "CONTAINS_TOKEN", word))
    assert not _ids(hubspot, _filter("name", "CONTAINS_TOKEN", word[:-1]))
    assert _ids(hubspot, _filter("name", "CONTAINS_TOKEN", f"{word[:-1]}*"))


def test_moments_are_given_in_milliseconds_or_iso(hubspot: Any) -> None:
    stamp = sorted(one["_modified"] for one in _records(hubspot))[20]
    late = [one["_id"] for one in _records(hubspot) if one["_modified"] >= stamp]
    assert sorted(_ids(hubspot, _filter("hs_lastmodifieddate", "GTE", str(stamp)))) == late
    closed = hubspot.call(
        "POST",
        "/crm/v3/objects/deals/search",
        {"filters": [_filter("closedate", "BETWEEN", "2025-01-01", highValue="2025-12-31")], "limit": 200},
    ).body
    assert {one["properties"]["closedate"][:4] for one in closed["results"]} == {"2025"}


def test_sorting_by_id_and_going_on_after_the_last_finds_everything(hubspot: Any) -> None:
    sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    seen: list[str] = []
    while page := _ids(hubspot, _filter("hs_object_id", "GT", seen[-1] if seen else "0"), sorts=sorts, limit=7):
        seen += page
    assert seen == hubspot.companies()


def test_pages_go_by_offset(hubspot: Any) -> None:
    first = hubspot.call("POST", SEARCH, {"limit": 25}).body
    assert (first["total"], first["paging"]["next"]["after"]) == (40, "25")
    second = hubspot.call("POST", SEARCH, {"limit": 25, "after": "25"}).body
    assert len(second["results"]) == 15
    assert "paging" not in second


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "10000"},
        {"filterGroups": [{"filters": [_filter("name", "EQ", "x")] * 7}]},
        {"filterGroups": [{"filters": [_filter("name", "EQ", "x")]}] * 6},
        {"filterGroups": [{"filters": [_filter("name", "EQ", "x")] * 5}] * 4},
        {"sorts": ["name", "domain"]},
        {"query": "x" * 3001},
        {"filters": [_filter("nothing", "EQ", "x")]},
        {"filters": [_filter("name", "LIKE", "x")]},
        {"filters": [_filter("name", "IN", "x")]},
        {"filters": [_filter("numberofemployees", "GT", "many")]},
        {"filters": [_filter("name", "NOT_HAS_PROPERTY", "x")]},
    ],
)
def test_what_the_documents_forbid_is_refused(hubspot: Any, body: dict[str, Any]) -> None:
    reply = hubspot.call("POST", SEARCH, body)
    assert reply.status == 400
    assert reply.body["category"] == "VALIDATION_ERROR"


def test_groups_are_joined_by_or(hubspot: Any) -> None:
    one, other = hubspot.companies()[3:5]
    groups = [{"filters": [_filter("hs_object_id", "EQ", found)]} for found in (one, other)]
    found = hubspot.call("POST", SEARCH, {"filterGroups": groups}).body
    assert [record["id"] for record in found["results"]] == [one, other] or found["total"] == 2


def test_the_index_lags_behind_writes_and_shows_the_state_before(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    before = hubspot.portal.org.get("companies", one)
    hubspot.settings(index_lag=30.0)
    hubspot.clock.sleep(3600)
    hubspot.call("PATCH", f"/crm/v3/objects/companies/{one}", {"properties": {"city": "Erewhon"}})
    made = hubspot.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "Brand new"}}).body["id"]
    assert _ids(hubspot, _filter("city", "EQ", "Erewhon")) == []
    stale = hubspot.call("POST", SEARCH, {"filters": [_filter("hs_object_id", "EQ", one)]}).body["results"]
    assert stale[0]["properties"]["hs_lastmodifieddate"] < "2026-11-21T10:30:15.120Z"
    assert made not in _ids(hubspot)
    assert (
        hubspot.call("GET", f"/crm/v3/objects/companies/{one}", properties="city").body["properties"]["city"]
        == "Erewhon"
    )
    hubspot.clock.sleep(31)
    assert _ids(hubspot, _filter("city", "EQ", "Erewhon")) == [one]
    assert made in _ids(hubspot)
    assert before["city"] != "Erewhon"
