"""HubSpot's properties API, associations, pipelines, owners, login and limits over HTTP."""

from typing import Any

import hubspot as official
import pytest
import requests

from crm_kare.sandbox.hubspot import Limits

pytestmark = pytest.mark.slow

PROPERTIES = "/crm/v3/properties/companies"
PROFILE = {
    "name": "kare_profile",
    "label": "KARE Profile",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "companyinformation",
    "options": [{"label": "Keep", "value": "Keep"}, {"label": "Attain", "value": "Attain"}],
}
DEALS_OF = "/crm/v4/associations/deals/companies/batch/read"


def test_a_property_is_made_once(hubspot: Any) -> None:
    made = hubspot.call("POST", PROPERTIES, PROFILE)
    assert made.status == 201
    assert made.body["modificationMetadata"]["readOnlyValue"] is False
    assert hubspot.call("POST", PROPERTIES, PROFILE).status == 409
    assert hubspot.call("GET", f"{PROPERTIES}/kare_profile").body["options"][0]["value"] == "Keep"
    company = hubspot.companies()[0]
    address = f"/crm/v3/objects/companies/{company}"
    assert hubspot.call("PATCH", address, {"properties": {"kare_profile": "Keep"}}).status == 200
    assert hubspot.call("PATCH", address, {"properties": {"kare_profile": "Expand"}}).status == 400


def test_patching_options_replaces_the_list(hubspot: Any) -> None:
    hubspot.call("POST", PROPERTIES, PROFILE)
    changed = hubspot.call("PATCH", f"{PROPERTIES}/kare_profile", {"options": [{"label": "Expand", "value": "Expand"}]})
    assert [one["value"] for one in changed.body["options"]] == ["Expand"]


def test_an_archived_property_is_gone_from_reads_and_refused_in_writes(hubspot: Any) -> None:
    hubspot.call("POST", PROPERTIES, PROFILE)
    assert hubspot.call("DELETE", f"{PROPERTIES}/kare_profile").status == 204
    assert hubspot.call("GET", f"{PROPERTIES}/kare_profile").status == 404
    assert hubspot.call("GET", f"{PROPERTIES}/kare_profile", archived="true").body["archived"] is True
    company = f"/crm/v3/objects/companies/{hubspot.companies()[0]}"
    refused = hubspot.call("PATCH", company, {"properties": {"kare_profile": "Keep"}})
    assert refused.body["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
    assert "kare_profile" not in hubspot.call("GET", company, properties="kare_profile").body["properties"]
    assert hubspot.call("POST", PROPERTIES, PROFILE).status == 201


@pytest.mark.parametrize(
    "change",
    [
        {"name": "KARE_Profile"},
        {"name": "hs_profile"},
        {"name": "kare profile"},
        {"type": "picklist"},
        {"fieldType": "text"},
        {"groupName": "nowhere"},
        {"options": []},
        {"options": [{"label": "Keep", "value": "a"}, {"label": "Keep", "value": "b"}]},
        {"label": ""},
    ],
)
def test_definitions_are_checked(hubspot: Any, change: dict[str, Any]) -> None:
    assert hubspot.call("POST", PROPERTIES, PROFILE | change).status == 400


def test_hubspots_own_properties_stay(hubspot: Any) -> None:
    assert hubspot.call("DELETE", f"{PROPERTIES}/name").status == 400
    assert hubspot.call("PATCH", f"{PROPERTIES}/industry", {"options": []}).status == 400
    owner = hubspot.call("GET", f"{PROPERTIES}/hubspot_owner_id").body
    assert (owner["externalOptions"], owner["options"]) == (True, [])


def test_groups_are_made_once_and_leave_when_empty(hubspot: Any) -> None:
    group = {"name": "kare", "label": "KARE"}
    assert hubspot.call("POST", f"{PROPERTIES}/groups", group).status == 201
    assert hubspot.call("POST", f"{PROPERTIES}/groups", group).status == 409
    hubspot.call("POST", PROPERTIES, PROFILE | {"groupName": "kare"})
    assert hubspot.call("DELETE", f"{PROPERTIES}/groups/kare").status == 400
    hubspot.call("DELETE", f"{PROPERTIES}/kare_profile")
    assert hubspot.call("DELETE", f"{PROPERTIES}/groups/kare").status == 204


def test_a_company_stands_once_per_type_in_v3_and_with_its_types_in_v4(hubspot: Any) -> None:
    deal = hubspot.portal.org.select("deals", "hs_primary_associated_company IS NOT NULL")[1]
    listed = hubspot.call("GET", f"/crm/v3/objects/deals/{deal['_id']}", associations="companies").body
    company = deal["hs_primary_associated_company"]
    assert [one for one in listed["associations"]["companies"]["results"] if one["id"] == company] == [
        {"id": company, "type": "deal_to_company_unlabeled"},
        {"id": company, "type": "deal_to_company"},
    ]
    (found,) = hubspot.call("POST", DEALS_OF, {"inputs": [{"id": deal["_id"]}]}).body["results"]
    assert found["to"][0]["toObjectId"] == int(company)
    assert {one["typeId"] for one in found["to"][0]["associationTypes"]} == {5, 341}
    dated = hubspot.call(
        "POST", "/crm/associations/2026-09/deals/companies/batch/read", {"inputs": [{"id": deal["_id"]}]}
    )
    assert dated.body["results"][0]["to"][0]["toObjectId"] == company
    back = hubspot.call("GET", f"/crm/v4/objects/companies/{company}/associations/deals").body["results"]
    assert {6, 342} == {one["typeId"] for one in back[0]["associationTypes"]}


def test_no_association_is_a_207_and_a_thousand_is_the_most(hubspot: Any) -> None:
    reply = hubspot.call("POST", DEALS_OF, {"inputs": [{"id": "5"}]})
    assert reply.status == 207
    assert reply.body["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert hubspot.call("POST", DEALS_OF, {"inputs": [{"id": str(one)} for one in range(1001)]}).status == 400


def test_parents_and_daughters_are_types_of_their_own(hubspot: Any) -> None:
    mother, child = hubspot.companies()[:2]
    body = {"inputs": [{"from": {"id": child}, "to": {"id": mother}, "types": [
        {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 14}]}]}  # fmt: skip
    assert hubspot.call("POST", "/crm/v4/associations/companies/companies/batch/create", body).status == 201
    found = hubspot.call("GET", f"/crm/v3/objects/companies/{child}", properties="hs_parent_company_id").body
    assert found["properties"]["hs_parent_company_id"] == mother
    assert hubspot.portal.org.get("companies", mother)["hs_num_child_companies"] == "1"
    gone = {"inputs": [{"from": {"id": child}, "to": [{"id": mother}]}]}
    assert hubspot.call("POST", "/crm/v4/associations/companies/companies/batch/archive", gone).status == 204
    assert hubspot.portal.org.get("companies", child)["hs_parent_company_id"] is None


def test_stages_say_in_text_whether_they_are_closed(hubspot: Any) -> None:
    pipelines = hubspot.call("GET", "/crm/v3/pipelines/deals").body["results"]
    assert [one["id"] for one in pipelines] == ["default", "71503201", "71503202", "71503203"]
    stages = {one["id"]: one["metadata"] for one in pipelines[0]["stages"]}
    assert stages["closedwon"] == {"isClosed": "true", "probability": "1.0"}
    assert stages["qualifiedtobuy"]["isClosed"] == "false"
    assert all(one["id"].isdecimal() for pipeline in pipelines[1:] for one in pipeline["stages"])


def test_owners_page_and_leavers_are_archived(hubspot: Any) -> None:
    rep = hubspot.portal.org.select("owners")[1]
    hubspot.portal.org.delete("owners", rep["_id"], "admin")
    first = hubspot.call("GET", "/crm/v3/owners", limit=1).body
    rest = hubspot.call("GET", "/crm/v3/owners", limit=500, after=first["paging"]["next"]["after"]).body
    ids = [one["id"] for one in [*first["results"], *rest["results"]]]
    assert ids == [one["_id"] for one in hubspot.portal.org.select("owners")]
    archived = hubspot.call("GET", "/crm/v3/owners", archived="true").body["results"]
    assert rep["_id"] in [one["id"] for one in archived]
    assert archived[0]["userId"] is None


def test_account_details_and_usage(hubspot: Any) -> None:
    details = hubspot.call("GET", "/account-info/v3/details").body
    assert (details["portalId"], details["timeZone"], details["companyCurrency"]) == (48151623, "Europe/Berlin", "EUR")
    usage = hubspot.call("GET", "/account-info/v3/api-usage/daily/private-apps").body["results"][0]
    assert (usage["usageLimit"], usage["currentUsage"]) == (650_000, 2)


def test_a_refreshed_token_lives_half_an_hour(hubspot: Any) -> None:
    url = hubspot.running.url
    client = official.HubSpot(host=url)
    asked: dict[str, str] = {
        "grant_type": "refresh_token",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
    }
    granted = client.oauth.tokens_api.create(**asked)
    assert granted.expires_in == 1800
    assert hubspot.call("GET", "/crm/v3/owners", token=granted.access_token).status == 200
    hubspot.clock.sleep(1807)
    late = hubspot.call("GET", "/crm/v3/owners", token=granted.access_token)
    assert (late.status, late.body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert late.body["message"] == "The OAuth token used to make this call expired 7 second(s) ago."
    bad = requests.post(f"{url}/oauth/v1/token", data=asked | {"refresh_token": "x"}, timeout=60)
    assert (bad.status_code, bad.json()["status"]) == (400, "BAD_REFRESH_TOKEN")


def test_unknown_tokens_and_missing_scopes_are_refused(hubspot: Any) -> None:
    for token in (None, "pat-eu1-wrong"):
        refused = hubspot.call("GET", "/crm/v3/owners", token=token)
        assert (refused.status, refused.body["category"]) == (401, "INVALID_AUTHENTICATION")
    hubspot.settings(scopes=hubspot.portal.settings.scopes - {"crm.schemas.companies.write"})
    refused = hubspot.call("POST", PROPERTIES, PROFILE)
    assert (refused.status, refused.body["category"]) == (403, "MISSING_SCOPES")
    assert refused.body["errors"][0]["context"]["requiredGranularScopes"] == ["crm.schemas.companies.write"]


def test_the_ten_second_window_rolls(hubspot: Any) -> None:
    hubspot.settings(limits=Limits(burst=3))
    left = [hubspot.call("GET", "/crm/v3/owners").headers["X-HubSpot-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = hubspot.call("GET", "/crm/v3/owners")
    assert (refused.status, refused.body["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert refused.body["message"] == "You have reached your ten_secondly_rolling limit."
    assert "category" not in refused.body
    assert "Retry-After" not in refused.headers
    hubspot.clock.sleep(10)
    assert hubspot.call("GET", "/crm/v3/owners").status == 200


def test_the_day_and_the_search_second_have_limits_of_their_own(hubspot: Any) -> None:
    hubspot.settings(limits=Limits(daily=8, search=5))
    found = [hubspot.call("POST", "/crm/v3/objects/companies/search", {}) for _ in range(6)]
    assert [one.status for one in found] == [200] * 5 + [429]
    assert found[5].body["message"] == "You have reached your secondly limit."
    assert not [name for one in found for name in one.headers if "RateLimit" in name]
    assert [hubspot.call("GET", "/crm/v3/owners").status for _ in range(4)] == [200, 200, 200, 429]
    assert hubspot.call("GET", "/crm/v3/owners").body["policyName"] == "DAILY"
    hubspot.clock.sleep(24 * 3600)
    assert hubspot.call("GET", "/crm/v3/owners").status == 200


def test_a_long_address_gets_the_gateways_page(hubspot: Any) -> None:
    reply = hubspot.call(
        "GET", "/crm/v3/objects/companies", properties=",".join(f"property_{one}" for one in range(900))
    )
    assert reply.status == 414
    assert reply.body.startswith("<html>")


def test_bodies_must_be_json_objects(hubspot: Any) -> None:
    root, headers = hubspot.running.url, {"Authorization": f"Bearer {hubspot.portal.settings.token}"}
    address = f"{root}/crm/v3/objects/companies/search"
    assert (
        requests.post(address, data="{", headers=headers | {"Content-Type": "application/json"}, timeout=60).status_code
        == 400
    )
    assert requests.post(address, data="a=b", headers=headers, timeout=60).status_code == 415
    assert hubspot.call("POST", "/crm/v3/objects/companies/search", [1]).status == 400
    assert hubspot.call("GET", "/crm/v3/objects/rockets").status == 400
    assert hubspot.call("GET", "/crm/v9/objects").status == 404
