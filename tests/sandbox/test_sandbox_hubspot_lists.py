"""HubSpot's lists API, and what a list in use does to its property, over HTTP."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

LISTS = "/crm/v3/lists"
PROPERTIES = "/crm/v3/properties/companies"
PROFILE = {
    "name": "profile",
    "label": "Profile",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "companyinformation",
    "options": [{"label": "Keep", "value": "Keep"}, {"label": "Expand", "value": "Expand"}],
}


def wanted(name: str = "All Expand", value: str = "Expand", **more: Any) -> dict[str, Any]:
    """The request for an active list of companies, as HubSpot's guide on filters has it."""
    operation = {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": [value]}
    filters = [{"filterType": "PROPERTY", "property": "profile", "operation": operation}]
    branches = [{"filterBranchType": "AND", "filterBranches": [], "filters": filters}]
    return {
        "name": name,
        "objectTypeId": "0-2",
        "processingType": "DYNAMIC",
        "filterBranch": {"filterBranchType": "OR", "filterBranches": branches, "filters": []},
    } | more


@pytest.fixture
def portal(hubspot: Any) -> Any:
    hubspot.call("POST", PROPERTIES, PROFILE)
    return hubspot


@pytest.mark.parametrize("root", [LISTS, f"{LISTS}/", "/crm/lists/2026-09"])
def test_an_active_list_is_made_and_found_by_name(portal: Any, root: str) -> None:
    made = portal.call("POST", root, wanted())
    assert (made.status, made.body["list"]["processingType"]) == (200, "DYNAMIC")
    address = f"{root.rstrip('/')}/object-type-id/0-2/name/All%20Expand"
    found = portal.call("GET", address, includeFilters="true").body["list"]
    assert (found["listId"], found["objectTypeId"]) == (made.body["list"]["listId"], "0-2")
    told = found["filterBranch"]["filterBranches"][0]["filters"][0]
    assert (told["property"], told["operation"]["values"]) == ("profile", ["Expand"])
    assert "filterBranch" not in portal.call("GET", address).body["list"]
    assert portal.call("GET", f"{LISTS}/object-type-id/0-1/name/All%20Expand").status == 404


def test_a_name_is_free_once(portal: Any) -> None:
    portal.call("POST", LISTS, wanted())
    again = portal.call("POST", LISTS, wanted(value="Keep"))
    assert (again.status, again.body["subCategory"]) == (400, "ILS.DUPLICATE_LIST_NAMES")


def test_search_tells_how_many_records_fit(portal: Any) -> None:
    for company in portal.companies()[:3]:
        portal.call("PATCH", f"/crm/v3/objects/companies/{company}", {"properties": {"profile": "Expand"}})
    portal.call("POST", LISTS, wanted())
    portal.call("POST", LISTS, wanted("All Keep", "Keep"))
    found = portal.call("POST", f"{LISTS}/search", {"query": "expand", "processingTypes": ["DYNAMIC"]}).body
    assert (found["total"], found["hasMore"]) == (1, False)
    assert found["lists"][0]["additionalProperties"]["hs_list_size"] == "3"
    first = portal.call("POST", f"{LISTS}/search", {"count": 1}).body
    assert (len(first["lists"]), first["hasMore"], first["offset"]) == (1, True, 1)


def test_name_and_filters_are_changed(portal: Any) -> None:
    key = portal.call("POST", LISTS, wanted()).body["list"]["listId"]
    changed = portal.call(
        "PUT", f"{LISTS}/{key}/update-list-filters", {"filterBranch": wanted(value="Keep")["filterBranch"]}
    )
    assert changed.body["updatedList"]["listVersion"] == 2
    assert portal.call("PUT", f"{LISTS}/{key}/update-list-name", listName="All Keep").status == 200
    now = portal.call("GET", f"{LISTS}/{key}", includeFilters="true").body["list"]
    operation = now["filterBranch"]["filterBranches"][0]["filters"][0]["operation"]
    assert (now["name"], operation["values"]) == ("All Keep", ["Keep"])


def test_a_deleted_list_is_gone_and_comes_back(portal: Any) -> None:
    key = portal.call("POST", LISTS, wanted()).body["list"]["listId"]
    assert portal.call("DELETE", f"{LISTS}/{key}").status == 204
    assert portal.call("GET", f"{LISTS}/{key}").status == 404
    assert portal.call("PUT", f"{LISTS}/{key}/restore").status == 204
    assert portal.call("GET", f"{LISTS}/{key}").status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"objectTypeId": "companies"},
        {"processingType": "ACTIVE"},
        {"filterBranch": None},
        {"filterBranch": {"filterBranchType": "AND", "filters": []}},
    ],
)
def test_what_a_list_must_have(portal: Any, change: dict[str, Any]) -> None:
    assert portal.call("POST", LISTS, wanted(**change)).status == 400


def test_a_filter_by_an_unknown_property_is_refused(hubspot: Any) -> None:
    assert hubspot.call("POST", LISTS, wanted()).status == 400


def test_lists_have_scopes_of_their_own(portal: Any) -> None:
    portal.settings(scopes=portal.portal.settings.scopes - {"crm.lists.write"})
    refused = portal.call("POST", LISTS, wanted())
    assert refused.status == 403
    assert "crm.lists.write" in str(refused.body)
    assert portal.call("POST", f"{LISTS}/search", {}).status == 200


def test_a_property_in_use_cannot_be_archived(portal: Any) -> None:
    key = portal.call("POST", LISTS, wanted()).body["list"]["listId"]
    refused = portal.call("DELETE", f"{PROPERTIES}/profile")
    assert refused.body["subCategory"] == "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE"
    portal.call("DELETE", f"{LISTS}/{key}")
    assert portal.call("DELETE", f"{PROPERTIES}/profile").status == 204


def test_an_archived_property_comes_back_with_its_name(portal: Any) -> None:
    born = portal.call("GET", f"{PROPERTIES}/profile").body["createdAt"]
    portal.call("DELETE", f"{PROPERTIES}/profile")
    portal.clock.sleep(60)
    assert portal.call("POST", PROPERTIES, PROFILE).body["createdAt"] == born


def test_the_room_for_properties_is_told_and_kept(portal: Any) -> None:
    told = {
        one["objectTypeId"]: one for one in portal.call("GET", "/crm/v3/limits/custom-properties").body["byObjectType"]
    }
    portal.settings(most_properties=told["0-2"]["usage"])
    assert told["0-2"]["limit"] == 1000
    assert portal.call("POST", PROPERTIES, PROFILE | {"name": "another"}).status == 400
