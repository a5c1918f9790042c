"""HubSpot's records over HTTP: what the reference documents, line by line."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import hubspot as official
import pytest
from hubspot.crm.companies import BatchInputSimplePublicObjectBatchInput, BatchReadInputSimplePublicObjectId
from hubspot.crm.companies.exceptions import ApiException

from crm_kare.sandbox.hubspot.definitions import COMPANIES
from crm_kare.sandbox.hubspot.portal import TOKEN
from crm_kare.sandbox.hubspot.writing import write

COMPANY = "/crm/v3/objects/companies"
DATED = "/crm/objects/2026-09/companies"


def _update(rig: Any, *inputs: dict[str, Any]) -> Any:
    return rig.call("POST", f"{COMPANY}/batch/update", {"inputs": list(inputs)})


def test_a_list_pages_by_an_opaque_cursor_until_there_is_no_next(hubspot: Any) -> None:
    seen, after = [], None
    while True:
        page = hubspot.call("GET", COMPANY, limit=15, **({"after": after} if after else {})).body
        seen += [one["id"] for one in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert seen == hubspot.companies()
    assert len(seen) == 40


def test_a_list_page_is_at_most_100_and_50_with_history(hubspot: Any) -> None:
    assert hubspot.call("GET", COMPANY, limit=101).status == 400
    assert hubspot.call("GET", COMPANY, limit=100).status == 200
    assert hubspot.call("GET", COMPANY, limit=51, propertiesWithHistory="name").status == 400


def test_three_properties_always_come_and_unknown_names_are_ignored(hubspot: Any) -> None:
    plain = hubspot.call("GET", COMPANY, limit=1).body["results"][0]["properties"]
    assert set(plain) == {"createdate", "hs_lastmodifieddate", "hs_object_id", "domain", "name"}
    asked = hubspot.call("GET", COMPANY, limit=1, properties="industry,no_such_thing").body["results"][0]["properties"]
    assert set(asked) == {"createdate", "hs_lastmodifieddate", "hs_object_id", "industry"}


def test_values_are_text_or_null_and_fractions_of_a_second_come_and_go(hubspot: Any) -> None:
    deals = hubspot.call("GET", "/crm/v3/objects/deals", limit=100).body["results"]
    values = [value for one in deals for value in one["properties"].values()]
    assert {type(value) for value in values} == {str, type(None)}
    assert {len(one["createdAt"]) for one in deals} == {len("2024-01-01T00:00:00Z"), len("2024-01-01T00:00:00.120Z")}


def test_the_dated_addresses_answer_as_v3_does(hubspot: Any) -> None:
    old, new = (hubspot.call("GET", root, limit=3).body["results"] for root in (COMPANY, DATED))
    assert old == new
    assert hubspot.call("GET", "/crm/v3/objects/0-2", limit=3).body["results"] == old


def test_a_batch_read_tells_missing_ids_in_a_207_and_keeps_no_order(hubspot: Any) -> None:
    ids = hubspot.companies()[:5]
    inputs = [{"id": one} for one in [*ids, "123"]]
    reply = hubspot.call("POST", f"{COMPANY}/batch/read", {"inputs": inputs, "properties": ["name"]})
    assert reply.status == 207
    assert [one["id"] for one in reply.body["results"]] != ids
    assert sorted(one["id"] for one in reply.body["results"]) == ids
    assert reply.body["numErrors"] == 1
    assert reply.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert reply.body["errors"][0]["context"]["ids"] == ["123"]


def test_batches_take_100_inputs_and_50_with_history(hubspot: Any) -> None:
    def read(number: int, **more: Any) -> int:
        inputs = [{"id": str(one)} for one in range(number)]
        status: int = hubspot.call("POST", f"{COMPANY}/batch/read", {"inputs": inputs, **more}).status
        return status

    assert read(100) == 207
    assert read(101) == 400
    assert read(51, propertiesWithHistory=["name"]) == 400


def test_one_bad_value_refuses_the_whole_batch_and_no_record_is_named(hubspot: Any) -> None:
    good, bad = hubspot.companies()[:2]
    reply = _update(
        hubspot,
        {"id": good, "properties": {"city": "Ulm"}},
        {"id": bad, "properties": {"industry": "Nonsense", "kare_x": "1", "hs_object_id": "7", "sites": "many"}},
    )
    assert reply.status == 400
    assert reply.body["category"] == "VALIDATION_ERROR"
    assert reply.body["message"].startswith("Property values were not valid: [{")
    codes = {one["context"]["propertyName"][0]: one["code"] for one in reply.body["errors"]}
    assert codes == {
        "industry": "INVALID_OPTION",
        "kare_x": "PROPERTY_DOESNT_EXIST",
        "hs_object_id": "READ_ONLY_VALUE",
        "sites": "INVALID_DOUBLE",
    }
    assert bad not in str(reply.body)
    assert hubspot.portal.org.get("companies", good)["city"] != "Ulm"


def test_trace_ids_on_every_input_save_the_good_records(hubspot: Any) -> None:
    good, bad = hubspot.companies()[:2]
    reply = _update(
        hubspot,
        {"id": good, "properties": {"city": "Ulm"}, "objectWriteTraceId": "a"},
        {"id": bad, "properties": {"industry": "Nonsense"}, "objectWriteTraceId": "b"},
    )
    assert reply.status == 207
    assert [one["id"] for one in reply.body["results"]] == [good]
    assert reply.body["errors"][0]["context"]["objectWriteTraceId"] == ["b"]
    assert hubspot.portal.org.get("companies", good)["city"] == "Ulm"


def test_double_ids_refuse_the_batch(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    reply = _update(hubspot, {"id": one, "properties": {"city": "A"}}, {"id": one, "properties": {"city": "B"}})
    assert reply.status == 400
    assert reply.body["message"] == f"Duplicate IDs found in batch input: [{one}]. IDs must be unique"
    assert reply.body["context"] == {"ids": [one]}


def test_a_batch_without_inputs_is_a_silent_nothing(hubspot: Any) -> None:
    reply = hubspot.call("POST", f"{COMPANY}/batch/update", {"records": [{"id": "1"}]})
    assert (reply.status, reply.body["status"], reply.body["results"]) == (200, "COMPLETE", [])


def test_an_update_of_a_missing_id_is_told_and_the_rest_is_written(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    reply = _update(hubspot, {"id": one, "properties": {"city": "Ulm"}}, {"id": "99", "properties": {"city": "Ulm"}})
    assert reply.status == 207
    assert reply.body["errors"][0]["context"]["ids"] == ["99"]
    assert [found["id"] for found in reply.body["results"]] == [one]


def test_domain_is_no_unique_property(hubspot: Any) -> None:
    reply = _update(hubspot, {"id": "x.example", "idProperty": "domain", "properties": {"city": "Ulm"}})
    assert reply.status == 400
    assert "non-unique 0-2 property domain in portal ID" in reply.body["message"]


def test_values_are_cleared_with_empty_text_and_kept_by_type(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    values = {"city": "", "sites": "12.50", "contract_renewal": "1767225600000", "numberofemployees": "1E3"}
    properties = hubspot.call("PATCH", f"{COMPANY}/{one}", {"properties": values}).body["properties"]
    assert (properties["city"], properties["sites"]) == (None, "12.5")
    assert (properties["contract_renewal"], properties["numberofemployees"]) == ("2026-01-01", "1000")


def test_spaces_and_times_of_day_are_refused_where_they_do_not_belong(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    for values in ({"sites": " 12"}, {"contract_renewal": "1767225600001"}, {"industry": "RETAIL "}, {"sites": "NaN"}):
        assert hubspot.call("PATCH", f"{COMPANY}/{one}", {"properties": values}).status == 400, values
    assert hubspot.call("PATCH", f"{COMPANY}/{one}", {"properties": {}}).status == 400


def test_an_archived_record_leaves_list_and_search_and_stands_among_the_archived(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    assert hubspot.call("DELETE", f"{COMPANY}/{one}").status == 204
    assert hubspot.call("DELETE", f"{COMPANY}/{one}").status == 204
    assert hubspot.call("DELETE", f"{COMPANY}/1").status == 204
    assert hubspot.call("GET", f"{COMPANY}/{one}").status == 404
    assert one not in [found["id"] for found in hubspot.call("GET", COMPANY, limit=100).body["results"]]
    archived = hubspot.call("GET", COMPANY, limit=100, archived="true").body["results"]
    assert [(found["id"], found["archived"]) for found in archived] == [(one, True)]
    assert hubspot.call("POST", f"{COMPANY}/search", {}).body["total"] == 39


def test_a_merge_makes_a_new_record_and_the_old_ids_lead_to_it(hubspot: Any) -> None:
    first, second = hubspot.companies()[:2]
    merged = hubspot.call("POST", f"{COMPANY}/merge", {"primaryObjectId": first, "objectIdToMerge": second}).body
    assert merged["id"] not in (first, second)
    found = hubspot.call("GET", f"{COMPANY}/{second}", properties="hs_merged_object_ids").body
    assert (found["id"], found["properties"]["hs_merged_object_ids"]) == (merged["id"], f"{first};{second}")
    assert hubspot.call("GET", COMPANY, archived="true").body["results"] == []
    hubspot.settings(writes_follow_merges=True)
    reply = _update(hubspot, {"id": first, "properties": {"city": "Ulm"}})
    assert [one["id"] for one in reply.body["results"]] == [merged["id"]]
    old = hubspot.call("POST", "/crm/v4/associations/companies/deals/batch/read", {"inputs": [{"id": first}]})
    assert old.body["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"


def test_the_history_tells_a_persons_edit_from_an_apps(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    hubspot.call("PATCH", f"{COMPANY}/{one}", {"properties": {"city": "Ulm"}})
    hubspot.clock.sleep(60)
    record = hubspot.portal.org.get("companies", one)
    write(hubspot.portal, COMPANIES, record, {"city": "Jena"}, "user:61000001")
    history = hubspot.call("GET", f"{COMPANY}/{one}", propertiesWithHistory="city").body["propertiesWithHistory"][
        "city"
    ]
    assert [(entry["value"], entry["sourceType"]) for entry in history[:2]] == [
        ("Jena", "CRM_UI"),
        ("Ulm", "INTEGRATION"),
    ]
    assert (history[0]["sourceId"], history[0]["updatedByUserId"]) == ("userId:61000001", 61000001)
    assert history[0]["timestamp"] == "2026-11-21T09:31:15.120Z"


def test_a_deals_calculated_values_follow_its_stage_and_take_no_writes(hubspot: Any) -> None:
    deal = hubspot.portal.org.select("deals", "pipeline = 'default' AND hs_is_closed = 'false'")[0]
    address = f"/crm/v3/objects/deals/{deal['_id']}"
    values = {"dealstage": "closedwon", "amount": "100", "deal_currency_code": "USD"}
    assert hubspot.call("PATCH", address, {"properties": values}).status == 200
    names = "hs_is_closed,hs_is_closed_won,hs_deal_stage_probability,amount_in_home_currency"
    found = hubspot.call("GET", address, properties=names).body["properties"]
    assert [found[name] for name in names.split(",")] == ["true", "true", "1.0", "90"]
    assert hubspot.call("PATCH", address, {"properties": {"hs_is_closed_won": "false"}}).status == 400
    assert hubspot.call("PATCH", address, {"properties": {"dealstage": "71503999"}}).status == 400


def test_the_portal_holds_the_business_that_was_generated(hubspot: Any) -> None:
    business = hubspot.running.sandbox.businesses["hubspot"]
    held = hubspot.portal.org.select("deals")
    zone = ZoneInfo(hubspot.portal.settings.timezone)
    days = [datetime.fromisoformat(one["closedate"]).astimezone(zone).date() for one in held]
    assert days == [one.closed_on for one in business.deals]
    assert {one["closedate"][:10] for one in held} - {f"{day}" for day in days}  # in UTC some are the day before
    amounts = [None if one["amount"] is None else round(Decimal(one["amount"]) * 100) for one in held]
    assert amounts == [one.amount for one in business.deals]
    won = [one["hs_is_closed_won"] == "true" for one in held]
    assert won == [one.stage.is_won for one in business.deals]
    ids = hubspot.companies()
    owners = [one["hs_primary_associated_company"] for one in held]
    assert owners == [None if one.company is None else ids[one.company] for one in business.deals]


def test_records_are_created_with_their_associations(hubspot: Any) -> None:
    company = hubspot.companies()[0]
    before = int(hubspot.portal.org.get("companies", company)["num_associated_deals"] or 0)
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]
    body = {"properties": {"dealname": "New", "pipeline": "default", "dealstage": "closedwon"}}
    made = hubspot.call(
        "POST", "/crm/v3/objects/deals", {**body, "associations": [{"to": {"id": company}, "types": types}]}
    )
    assert made.status == 201
    found = hubspot.portal.org.get("deals", made.body["id"])
    assert found["hs_primary_associated_company"] == company
    assert hubspot.portal.org.get("companies", company)["num_associated_deals"] == str(before + 1)


def test_the_official_client_reads_and_writes(hubspot: Any) -> None:
    client = official.HubSpot(access_token=TOKEN, host=hubspot.running.url)
    batch, basic = client.crm.companies.batch_api, client.crm.companies.basic_api
    page = basic.get_page(limit=5, properties=["name"], associations=["deals"])
    assert [one.id for one in page.results] == hubspot.companies()[:5]
    inputs = [{"id": page.results[0].id, "properties": {"city": "Ulm"}}]
    written = batch.update(BatchInputSimplePublicObjectBatchInput(inputs=inputs))
    assert written.results[0].properties["city"] == "Ulm"
    read = batch.read(
        BatchReadInputSimplePublicObjectId(inputs=[{"id": "5"}], properties=["name"], properties_with_history=[])
    )
    assert (type(read).__name__, read.num_errors) == ("BatchResponseSimplePublicObjectWithErrors", 1)
    with pytest.raises(ApiException) as refused:
        basic.get_by_id("5")
    assert refused.value.status == 404
