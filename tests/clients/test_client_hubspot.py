"""hubspot-api-client 12, unchanged, over HTTP against the sandbox's HubSpot: records of every kind.

The client checks what it is told against HubSpot's OpenAPI documents here (`client_side_validation`): a field that is
required there, or a word that is none of an enumeration, fails the test. The errors inside a 207 are read without it,
for HubSpot documents every field of them as optional and leaves most of them out.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from clients.hubspot_target import KEY, HubSpotTarget, hubspot_target
from hubspot import HubSpot
from hubspot.crm.companies.exceptions import ApiException as CompaniesError
from hubspot.crm.contacts.exceptions import ApiException as ContactsError
from hubspot.crm.deals.exceptions import ApiException as DealsError
from hubspot.crm.objects.tasks.exceptions import ApiException as TasksError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def target() -> Iterator[HubSpotTarget]:
    with hubspot_target() as made:
        client = _client(made)
        client.crm.properties.core_api.create(
            "companies",
            {
                "name": KEY,
                "label": "Foreign key",
                "type": "string",
                "fieldType": "text",
                "groupName": "companyinformation",
                "hasUniqueValue": True,
            },
        )
        yield made


def _client(target: HubSpotTarget, **more: Any) -> HubSpot:
    given = {"access_token": target.token, "host": target.url, "base_url": target.url, "client_side_validation": True}
    return HubSpot(**(given | more))


@pytest.fixture(scope="module")
def client(target: HubSpotTarget) -> HubSpot:
    return _client(target)


@pytest.fixture(scope="module")
def lenient(target: HubSpotTarget) -> HubSpot:
    """As the client is by default."""
    return _client(target, client_side_validation=False)


KINDS = {
    "companies": {"name": "Ada Ltd"},
    "deals": {"dealname": "Ada", "dealstage": "appointmentscheduled", "pipeline": "default", "amount": "12.5"},
    "contacts": {"email": "ada@example.com", "firstname": "Ada"},
    "products": {"name": "Engine", "price": "100"},
    "line_items": {"name": "Engine", "quantity": "2", "price": "10"},
    "tasks": {"hs_task_subject": "Call", "hs_timestamp": "2026-11-30T09:00:00Z", "hs_task_status": "NOT_STARTED"},
}


def _api(client: HubSpot, kind: str) -> Any:
    return getattr(client.crm.objects if kind == "tasks" else client.crm, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_lives_from_create_to_archive(target: HubSpotTarget, client: HubSpot, kind: str) -> None:
    basic = _api(client, kind).basic_api
    made = basic.create({"properties": KINDS[kind], "associations": []})
    assert {name: made.properties[name] for name in KINDS[kind]} == KINDS[kind]
    assert made.properties["hs_object_id"] == made.id
    assert basic.get_by_id(made.id, properties=[*KINDS[kind]]).properties.items() <= made.properties.items()
    name, value = next(iter(KINDS[kind].items()))
    written = basic.update(made.id, {"properties": {name: f"new{value}"}})
    assert written.properties[name] == f"new{value}"
    assert written.updated_at >= made.updated_at
    shown = basic.get_by_id(made.id, properties_with_history=[name])
    assert [one.value for one in shown.properties_with_history[name]] == [f"new{value}", value]
    basic.archive(made.id)
    assert target.record(kind, made.id)["_deleted"]
    gone = basic.get_by_id(made.id, archived=True)
    assert gone.archived
    assert gone.archived_at is not None
    assert made.id in [one.id for one in basic.get_page(archived=True).results]


@pytest.mark.parametrize("kind", [one for one in KINDS if one != "tasks"])
def test_pages_searches_and_batches_tell_the_same_records(target: HubSpotTarget, client: HubSpot, kind: str) -> None:
    api, ids = _api(client, kind), target.ids(kind)
    assert [one.id for one in api.get_all()] == ids
    assert [one.id for one in api.get_all(limit=7)] == ids[:7]
    page = api.basic_api.get_page(limit=5, properties=["hs_object_id"])
    assert page.paging.next.link.startswith(target.url)
    onward = api.basic_api.get_page(limit=5, after=page.paging.next.after)
    assert [one.id for one in page.results + onward.results] == ids[:10]
    read = api.batch_api.read(
        {"inputs": [{"id": one} for one in ids[:3]], "properties": ["hs_object_id"], "propertiesWithHistory": []}
    )
    assert (type(read).__name__, read.status) == ("BatchResponseSimplePublicObject", "COMPLETE")
    assert sorted(one.id for one in read.results) == ids[:3]
    found = api.search_api.do_search(
        {
            "filterGroups": [{"filters": [{"propertyName": "hs_object_id", "operator": "IN", "values": ids[:3]}]}],
            "sorts": ["-hs_object_id"],
            "properties": ["hs_object_id"],
            "limit": 2,
            "after": "0",
        }
    )
    assert (found.total, [one.id for one in found.results]) == (3, ids[2:0:-1])
    assert found.paging.next.after == "2"


def test_associations_come_with_records(target: HubSpotTarget, client: HubSpot) -> None:
    deal = next(one for one in target.portal.org.select("deals") if one["hs_primary_associated_company"])
    shown = client.crm.deals.basic_api.get_by_id(deal["_id"], associations=["companies", "line_items"])
    companies = shown.associations["companies"].results
    assert {"deal_to_company", "deal_to_company_unlabeled"} == {one.type for one in companies}
    assert deal["hs_primary_associated_company"] in {one.id for one in companies}


def test_a_task_needs_its_day_and_is_made_with_its_company(target: HubSpotTarget, client: HubSpot) -> None:
    basic, company = client.crm.objects.tasks.basic_api, target.ids("companies", 1)[0]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]
    tied = [{"to": {"id": company}, "types": types}]
    with pytest.raises(TasksError) as dayless:
        basic.create({"properties": {"hs_task_subject": "Call"}, "associations": tied})
    assert "Error creating TASK. Some required properties were not set." in dayless.value.body
    made = basic.create({"properties": KINDS["tasks"], "associations": tied})
    shown = basic.get_by_id(made.id, associations=["companies"])
    assert [(one.id, one.type) for one in shown.associations["companies"].results] == [(company, "task_to_company")]
    scopes = target.portal.settings.scopes - {"crm.objects.contacts.read"}
    with target.settings(scopes=scopes), pytest.raises(TasksError) as scopeless:
        basic.get_page()
    assert (scopeless.value.status, "crm.objects.contacts.read" in scopeless.value.body) == (403, True)


def test_batches_create_update_and_archive(target: HubSpotTarget, client: HubSpot) -> None:
    batch = client.crm.companies.batch_api
    made = batch.create({"inputs": [{"properties": {"name": f"Many {one}"}, "associations": []} for one in range(3)]})
    ids = [one.id for one in made.results]
    assert (made.status, len(ids)) == ("COMPLETE", 3)
    written = batch.update({"inputs": [{"id": one, "properties": {"city": "Ulm"}} for one in ids]})
    assert {one.properties["city"] for one in written.results} == {"Ulm"}
    batch.archive({"inputs": [{"id": one} for one in ids]})
    assert all(target.record("companies", one)["_deleted"] for one in ids)


def test_what_a_batch_cannot_find_is_a_207(target: HubSpotTarget, lenient: HubSpot) -> None:
    one = target.ids("companies", 1)[0]
    asked = {"inputs": [{"id": one}, {"id": "5"}], "properties": ["name"], "propertiesWithHistory": []}
    read = lenient.crm.companies.batch_api.read(asked)
    assert (type(read).__name__, read.num_errors) == ("BatchResponseSimplePublicObjectWithErrors", 1)
    assert ([held.id for held in read.results], read.errors[0].context) == ([one], {"ids": ["5"]})
    assert read.errors[0].category == "OBJECT_NOT_FOUND"


def test_trace_ids_name_the_bad_ones_and_save_the_good(lenient: HubSpot) -> None:
    batch = lenient.crm.companies.batch_api
    inputs = [
        {"properties": {"name": "Good"}, "associations": [], "objectWriteTraceId": "a"},
        {"properties": {"numberofemployees": "many"}, "associations": [], "objectWriteTraceId": "b"},
    ]
    made = batch.create({"inputs": inputs})
    assert [(one.object_write_trace_id, one.properties["name"]) for one in made.results] == [("a", "Good")]
    assert [one.context for one in made.errors] == [{"objectWriteTraceId": ["b"]}]
    assert made.errors[0].errors[0].code == "INVALID_DOUBLE"
    with pytest.raises(CompaniesError) as refused:
        batch.create({"inputs": [{key: one[key] for key in ("properties", "associations")} for one in inputs]})
    assert refused.value.status == 400
    assert "INVALID_DOUBLE" in refused.value.body


def test_an_upsert_makes_then_writes_by_a_unique_property(target: HubSpotTarget, client: HubSpot) -> None:
    batch = client.crm.companies.batch_api

    def put(key: str, **values: str) -> Any:
        return {"inputs": [{"id": key, "idProperty": KEY, "properties": values}]}

    (made,) = batch.upsert(put("k-1", name="First")).results
    assert (made.new, made.properties["name"]) == (True, "First")
    (written,) = batch.upsert(put("k-1", name="Second")).results
    assert (written.new, written.id, written.properties["name"]) == (False, made.id, "Second")
    assert target.record("companies", made.id)[KEY] == "k-1"
    assert client.crm.companies.basic_api.get_by_id("k-1", id_property=KEY).id == made.id
    with pytest.raises(CompaniesError) as refused:
        batch.upsert({"inputs": [{"id": "ada.example", "idProperty": "domain", "properties": {}}]})
    assert "by non-unique 0-2 property domain" in refused.value.body


def test_a_unique_value_belongs_to_one(target: HubSpotTarget, client: HubSpot) -> None:
    basic = client.crm.companies.basic_api
    holder = basic.create({"properties": {"name": "Holder", KEY: "mine"}, "associations": []})
    with pytest.raises(CompaniesError) as refused:
        basic.create({"properties": {"name": "Thief", KEY: "MINE"}, "associations": []})
    assert refused.value.status == 400
    assert "CONFLICTING_UNIQUE_VALUE" in refused.value.body
    assert holder.id in refused.value.body
    basic.update(holder.id, {"properties": {KEY: "mine"}})
    email = target.portal.org.select("contacts", "email IS NOT NULL", limit=1)[0]
    with pytest.raises(ContactsError) as known:
        client.crm.contacts.basic_api.create({"properties": {"email": email["email"]}, "associations": []})
    assert known.value.status == 409
    assert f"Contact already exists. Existing ID: {email['_id']}" in known.value.body


def test_a_merge_gives_a_third_record(client: HubSpot) -> None:
    basic = client.crm.companies.basic_api
    one, other = (basic.create({"properties": {"name": name}, "associations": []}).id for name in ("One", "Other"))
    merged = basic.merge({"primaryObjectId": one, "objectIdToMerge": other})
    assert merged.id not in (one, other)
    assert basic.get_by_id(other).id == merged.id
    assert basic.get_by_id(merged.id, properties=["hs_merged_object_ids"]).properties["hs_merged_object_ids"] == (
        f"{one};{other}"
    )


def test_errors_are_told_with_status_body_and_headers(target: HubSpotTarget, client: HubSpot) -> None:
    basic = client.crm.deals.basic_api
    with pytest.raises(DealsError) as missing:
        basic.get_by_id("5")
    assert (missing.value.status, missing.value.reason) == (404, "Not Found")
    assert missing.value.headers["Content-Type"].startswith("application/json")
    with pytest.raises(DealsError) as wrong:
        basic.update(target.ids("deals", 1)[0], {"properties": {"nope": "1", "hs_is_closed": "true"}})
    assert wrong.value.status == 400
    assert all(code in wrong.value.body for code in ("PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "correlationId"))
    with pytest.raises(DealsError) as nobody:
        _client(target, access_token="nobody").crm.deals.basic_api.get_page()
    assert (nobody.value.status, "INVALID_AUTHENTICATION" in nobody.value.body) == (401, True)
    scopes = target.portal.settings.scopes - {"crm.objects.deals.read"}
    with target.settings(scopes=scopes), pytest.raises(DealsError) as scopeless:
        basic.get_page()
    assert (scopeless.value.status, "crm.objects.deals.read" in scopeless.value.body) == (403, True)


def test_calls_the_client_has_no_name_for_go_by_their_path(target: HubSpotTarget, client: HubSpot) -> None:
    details = client.api_request({"path": "/account-info/v3/details"}).json()
    assert (details["portalId"], details["companyCurrency"]) == (target.portal.settings.portal_id, "EUR")
    (usage,) = client.api_request({"path": "/account-info/v3/api-usage/daily/private-apps"}).json()["results"]
    assert (usage["name"], usage["fetchStatus"]) == ("private-apps-api-calls-daily", "SUCCESS")
    body = {"inputs": [{"id": target.ids("companies", 1)[0]}], "properties": ["name"]}
    read = client.api_request({"path": "/crm/objects/2026-09/companies/batch/read", "method": "POST", "body": body})
    assert (read.status_code, read.json()["status"]) == (200, "COMPLETE")
