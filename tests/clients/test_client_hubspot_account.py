"""hubspot-api-client 12, unchanged, against the sandbox's HubSpot: what an account is set up with, and who is let in."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import requests
from clients.hubspot_target import HubSpotTarget, hubspot_target
from hubspot import HubSpot
from hubspot.crm.associations.v4.exceptions import ApiException as AssociationsError
from hubspot.crm.pipelines.exceptions import ApiException as PipelinesError
from hubspot.crm.properties.exceptions import ApiException as PropertiesError
from hubspot.oauth.exceptions import ApiException as OauthError

from crm_kare.sandbox.hubspot.portal import EXPORT

pytestmark = pytest.mark.slow

SPEC = "associationCategory", "associationTypeId"


@pytest.fixture(scope="module")
def target() -> Iterator[HubSpotTarget]:
    with hubspot_target() as made:
        yield made


@pytest.fixture(scope="module")
def client(target: HubSpotTarget) -> HubSpot:
    return _client(target)


def _client(target: HubSpotTarget, **more: Any) -> HubSpot:
    return HubSpot(**({"access_token": target.token, "host": target.url, "client_side_validation": True} | more))


def test_a_property_lives_from_create_to_archive_and_back(client: HubSpot) -> None:
    core = client.crm.properties.core_api
    options = [{"label": "One", "value": "1", "hidden": False, "displayOrder": 0}]
    body = {"name": "tier", "label": "Tier", "type": "enumeration", "fieldType": "select", "options": options}
    made = core.create("companies", body | {"groupName": "companyinformation"})
    assert (made.name, made.options[0].label, made.modification_metadata.read_only_value) == ("tier", "One", False)
    with pytest.raises(PropertiesError) as taken:
        core.create("companies", body | {"groupName": "companyinformation"})
    assert taken.value.status == 409
    more = [*options, {"label": "Two", "value": "2", "hidden": False, "displayOrder": 1}]
    assert [one.value for one in core.update("companies", "tier", {"options": more}).options] == ["1", "2"]
    assert "tier" in [one.name for one in core.get_all("companies").results]
    core.archive("companies", "tier")
    assert core.get_by_name("companies", "tier", archived=True).archived
    with pytest.raises(PropertiesError) as gone:
        core.get_by_name("companies", "tier")
    assert gone.value.status == 404


def test_groups_hold_properties(client: HubSpot) -> None:
    groups = client.crm.properties.groups_api
    made = groups.create("deals", {"name": "ours", "label": "Ours", "displayOrder": 3})
    assert (made.name, made.display_order, made.archived) == ("ours", 3, False)
    assert groups.update("deals", "ours", {"label": "Mine"}).label == "Mine"
    assert groups.get_by_name("deals", "ours").label == "Mine"
    assert "ours" in [one.name for one in groups.get_all("deals").results]
    groups.archive("deals", "ours")
    with pytest.raises(PropertiesError) as gone:
        groups.get_by_name("deals", "ours")
    assert gone.value.status == 404


def test_properties_go_in_batches(target: HubSpotTarget, client: HubSpot) -> None:
    batch = client.crm.properties.batch_api
    common = {"label": "Many", "type": "number", "fieldType": "number", "groupName": "dealinformation"}
    names = ["many_a", "many_b"]
    made = batch.create("deals", {"inputs": [{"name": one, **common} for one in names]})
    assert [one.name for one in made.results] == names
    asked = {"archived": False, "inputs": [{"name": one} for one in names]}
    assert [one.name for one in batch.read("deals", asked).results] == names
    batch.archive("deals", {"inputs": asked["inputs"]})
    read = _client(target, client_side_validation=False).crm.properties.batch_api.read("deals", asked)
    assert (type(read).__name__, read.errors[0].context) == ("BatchResponsePropertyWithErrors", {"name": names})
    assert len(batch.read("deals", asked | {"archived": True}).results) == 2


def test_owners_are_listed_by_page_by_address_and_one_by_one(target: HubSpotTarget, client: HubSpot) -> None:
    api, ids = client.crm.owners.owners_api, target.ids("owners")
    assert [one.id for one in client.crm.owners.get_all()] == ids
    page = api.get_page(limit=2)
    assert [one.id for one in page.results + api.get_page(limit=2, after=page.paging.next.after).results] == ids[:4]
    one = page.results[0]
    assert [held.id for held in api.get_page(email=one.email).results] == [one.id]
    assert api.get_by_id(one.id).email == api.get_by_id(one.user_id, id_property="userId").email == one.email
    assert {held.archived for held in api.get_page(archived=True).results} <= {True}


def test_pipelines_and_stages_are_made_changed_and_taken_away(client: HubSpot) -> None:
    lines, stages = client.crm.pipelines.pipelines_api, client.crm.pipelines.pipeline_stages_api
    won = {"label": "Won", "displayOrder": 1, "metadata": {"probability": "1.0"}}
    body = {"label": "Rentals", "displayOrder": 0, "stages": [won, _stage("Asked", 0, "0.1")]}
    made = lines.create("deals", body)
    assert [(one.label, one.metadata["isClosed"]) for one in made.stages] == [("Asked", "false"), ("Won", "true")]
    assert lines.get_all("deals").results[0].id == made.id
    assert lines.update("deals", made.id, {"label": "Lets", "displayOrder": 4}).label == "Lets"
    stage = stages.create("deals", made.id, _stage("Lost", 2, "0.0"))
    assert stages.get_by_id("deals", made.id, stage.id).metadata == {"isClosed": "true", "probability": "0.0"}
    assert (
        stages.update("deals", made.id, stage.id, {"metadata": {"probability": "0.5"}}).metadata["isClosed"] == "false"
    )
    assert stages.replace("deals", made.id, stage.id, _stage("Gone", 0, "0.0")).display_order == 0
    stages.archive("deals", made.id, stage.id)
    assert [one.label for one in stages.get_all("deals", made.id).results] == ["Asked", "Won"]
    assert [one.action for one in client.crm.pipelines.pipeline_audits_api.get_audit("deals", made.id).results]
    kept = lines.replace("deals", made.id, body | {"stages": [won]})
    assert [one.id for one in kept.stages] == [made.stages[1].id]
    lines.archive("deals", made.id)
    with pytest.raises(PipelinesError) as gone:
        lines.get_by_id("deals", made.id)
    assert gone.value.status == 404


def _stage(label: str, place: int, probability: str) -> dict[str, Any]:
    return {"label": label, "displayOrder": place, "metadata": {"probability": probability}}


def test_a_stage_makes_its_deals_won(target: HubSpotTarget, client: HubSpot) -> None:
    deal = target.portal.org.select("deals", "hs_is_closed = 'false'", limit=1)[0]
    stages = client.crm.pipelines.pipeline_stages_api
    with pytest.raises(PipelinesError) as used:
        stages.archive("deals", deal["pipeline"], deal["dealstage"])
    assert (used.value.status, "STAGE_ID_IN_USE" in used.value.body) == (400, True)
    before = stages.get_by_id("deals", deal["pipeline"], deal["dealstage"]).metadata["probability"]
    stages.update("deals", deal["pipeline"], deal["dealstage"], {"metadata": {"probability": "1.0"}})
    assert target.record("deals", deal["_id"])["hs_is_closed_won"] == "true"
    stages.update("deals", deal["pipeline"], deal["dealstage"], {"metadata": {"probability": before}})
    assert target.record("deals", deal["_id"])["hs_is_closed_won"] == "false"


def test_associations_of_one_pair(target: HubSpotTarget, client: HubSpot) -> None:
    api, deal = client.crm.associations.v4.basic_api, _new_deal(client)
    first, second = target.ids("companies", 2)
    made = api.create("deals", deal, "companies", first, [_spec(5)])
    assert (made.from_object_type_id, made.to_object_type_id, made.labels) == ("0-3", "0-2", ["Primary"])
    assert _companies(client, deal) == {first: {5, 341}}
    default = api.create_default("deals", deal, "companies", second)
    assert {one.association_spec.association_type_id for one in default.results} == {341, 342}
    assert _companies(client, deal) == {first: {5, 341}, second: {341}}
    api.create("deals", deal, "companies", second, [_spec(5)])
    assert _companies(client, deal) == {first: {341}, second: {5, 341}}
    assert target.record("deals", deal)["hs_primary_associated_company"] == second
    api.archive("deals", deal, "companies", second)
    assert _companies(client, deal) == {first: {341}}
    with pytest.raises(AssociationsError) as unknown:
        api.create("deals", deal, "companies", first, [_spec(999)])
    assert unknown.value.status == 400


def _new_deal(client: HubSpot) -> str:
    values = {"dealname": "New", "dealstage": "appointmentscheduled", "pipeline": "default"}
    return str(client.crm.deals.basic_api.create({"properties": values, "associations": []}).id)


def _spec(type_id: int, category: str = "HUBSPOT_DEFINED") -> dict[str, Any]:
    return dict(zip(SPEC, (category, type_id), strict=True))


def _companies(client: HubSpot, deal: str) -> dict[str, set[int]]:
    found = client.crm.associations.v4.basic_api.get_page("deals", deal, "companies").results
    return {str(one.to_object_id): {kind.type_id for kind in one.association_types} for one in found}


def test_a_record_is_made_with_its_associations(target: HubSpotTarget, client: HubSpot) -> None:
    company = target.ids("companies", 1)[0]
    tied = {"to": {"id": company}, "types": [_spec(5)]}
    values = {"dealname": "Tied", "dealstage": "appointmentscheduled", "pipeline": "default"}
    deal = client.crm.deals.basic_api.create({"properties": values, "associations": [tied]})
    assert _companies(client, deal.id) == {company: {5, 341}}


def test_associations_go_in_batches(target: HubSpotTarget, client: HubSpot) -> None:
    batch, company = client.crm.associations.v4.batch_api, target.ids("companies", 1)[0]
    deals = [_new_deal(client), _new_deal(client)]
    pairs = [{"from": {"id": one}, "to": {"id": company}} for one in deals]
    made = batch.create("deals", "companies", {"inputs": [one | {"types": [_spec(5)]} for one in pairs]})
    assert [(str(one.from_object_id), one.labels) for one in made.results] == [(one, ["Primary"]) for one in deals]
    read = batch.get_page("deals", "companies", {"inputs": [{"id": one} for one in deals]})
    assert {one._from.id: str(one.to[0].to_object_id) for one in read.results} == dict.fromkeys(deals, company)
    batch.archive_labels("deals", "companies", {"inputs": [one | {"types": [_spec(5)]} for one in pairs]})
    assert _companies(client, deals[0]) == {company: {341}}
    batch.archive("deals", "companies", {"inputs": [{"from": one["from"], "to": [one["to"]]} for one in pairs]})
    assert _companies(client, deals[1]) == {}
    assert batch.create_default("deals", "companies", {"inputs": pairs}).status == "COMPLETE"
    empty = _client(target, client_side_validation=False).crm.associations.v4.batch_api
    none = empty.get_page("companies", "deals", {"inputs": [{"id": "5"}]})
    assert none.errors[0].sub_category == "crm.associations.NO_ASSOCIATIONS_FOUND"


def test_labels_are_types_that_the_account_makes(target: HubSpotTarget, client: HubSpot) -> None:
    api, company = client.crm.associations.v4.schema.definitions_api, target.ids("companies", 1)[0]
    body = {"label": "Advises", "name": "adviser", "inverseLabel": "Advised by"}
    there, back = api.create("deals", "companies", body).results
    assert (there.category, there.label, back.label) == ("USER_DEFINED", "Advises", "Advised by")
    deal = _new_deal(client)
    spec = _spec(there.type_id, "USER_DEFINED")
    assert client.crm.associations.v4.basic_api.create("deals", deal, "companies", company, [spec]).labels == [
        "Advises"
    ]
    assert back.type_id in [
        kind.type_id
        for one in client.crm.associations.v4.basic_api.get_page("companies", company, "deals").results
        for kind in one.association_types
    ]
    api.update("deals", "companies", {"associationTypeId": there.type_id, "label": "Helps"})
    assert "Helps" in [one.label for one in api.get_all("deals", "companies").results]
    api.remove("deals", "companies", there.type_id)
    assert _companies(client, deal) == {company: {341}}


def test_the_older_associations_name_their_types(target: HubSpotTarget, client: HubSpot) -> None:
    old, company, deal = client.crm.associations, target.ids("companies", 1)[0], _new_deal(client)
    assert {"id": "5", "name": "deal_to_company"} in [
        one.to_dict() for one in old.schema.types_api.get_all("deals", "companies").results
    ]
    tie = {"from": {"id": deal}, "to": {"id": company}, "type": "deal_to_company"}
    assert [one.type for one in old.batch_api.create("deals", "companies", {"inputs": [tie]}).results] == [tie["type"]]
    (read,) = old.batch_api.read("deals", "companies", {"inputs": [{"id": deal}]}).results
    assert {one.type for one in read.to} == {"deal_to_company", "deal_to_company_unlabeled"}
    old.batch_api.archive("deals", "companies", {"inputs": [tie]})
    assert _companies(client, deal) == {company: {341}}


def _secrets(target: HubSpotTarget) -> dict[str, str]:
    settings = target.portal.settings
    return {"client_id": settings.client_id, "client_secret": settings.client_secret}


def test_a_code_then_a_refresh_token_open_the_account(target: HubSpotTarget) -> None:
    login = _client(target, access_token=None).oauth.tokens_api
    uri = "https://kare.example/back"
    code = target.portal.authorise(uri)
    given = login.create(grant_type="authorization_code", code=code, redirect_uri=uri, **_secrets(target))
    with pytest.raises(OauthError) as spent:
        login.create(grant_type="authorization_code", code=code, redirect_uri=uri, **_secrets(target))
    assert "BAD_AUTH_CODE" in spent.value.body
    renewed = login.create(grant_type="refresh_token", refresh_token=given.refresh_token, **_secrets(target))
    assert (renewed.expires_in, renewed.token_type) == (1800, "bearer")
    client = _client(target, access_token=renewed.access_token)
    assert len(client.crm.owners.get_all()) == len(target.ids("owners"))


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
        ({"grant_type": "x"}, "BAD_GRANT_TYPE"),
    ],
)
def test_a_wrong_login_is_told_apart(target: HubSpotTarget, wrong: dict[str, str], status: str) -> None:
    right = {"grant_type": "refresh_token", "refresh_token": target.portal.settings.refresh_token, **_secrets(target)}
    with pytest.raises(OauthError) as refused:
        _client(target).oauth.tokens_api.create(**(right | wrong))
    assert (refused.value.status, status in refused.value.body) == (400, True)


def test_tokens_tell_whose_they_are(target: HubSpotTarget, client: HubSpot) -> None:
    token = target.portal.grant()
    told = client.oauth.access_tokens_api.get(token)
    assert (told.hub_id, told.token, told.token_type) == (target.portal.settings.portal_id, token, "access")
    assert 0 < told.expires_in <= 1800
    assert set(told.scopes) == target.portal.settings.scopes
    refresh = target.portal.settings.refresh_token
    assert client.oauth.refresh_tokens_api.get(refresh).client_id == target.portal.settings.client_id
    with pytest.raises(OauthError) as unknown:
        client.oauth.access_tokens_api.get("nobody's")
    assert unknown.value.status == 404


def test_lists_live_from_create_to_remove(target: HubSpotTarget) -> None:
    # The client's one class for all kinds of filters asks for what only some of them have.
    api = _client(target, client_side_validation=False).crm.lists.lists_api
    operation = {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["customer"]}
    chosen = {"filterType": "PROPERTY", "property": "lifecyclestage", "operation": operation}
    branch = {"filterBranchType": "AND", "filterBranches": [], "filters": [chosen]}
    root = {"filterBranchType": "OR", "filterBranches": [branch], "filters": []}
    body = {"name": "Customers", "objectTypeId": "0-2", "processingType": "DYNAMIC", "filterBranch": root}
    made = api.create(body).list
    assert (made.name, made.object_type_id, made.processing_status) == ("Customers", "0-2", "COMPLETE")
    assert api.get_by_name("Customers", "0-2").list.list_id == api.get_by_id(made.list_id).list.list_id == made.list_id
    assert api.update_name(made.list_id, list_name="Clients").updated_list.name == "Clients"
    asked = {"listIds": [], "offset": 0, "query": "Cli", "count": 5, "processingTypes": [], "additionalProperties": []}
    assert [one.name for one in api.do_search(asked).lists] == ["Clients"]
    api.remove(made.list_id)
    assert api.do_search(asked).total == 0
    api.restore(made.list_id)
    assert api.do_search(asked).total == 1


def test_schemas_tell_of_standard_objects_by_name(target: HubSpotTarget, client: HubSpot) -> None:
    assert client.crm.schemas.core_api.get_all().results == []
    told = client.crm.schemas.core_api.get_by_id("companies")
    assert (told.object_type_id, told.labels.plural) == ("0-2", "Companies")
    assert len(told.properties) == len(target.portal.org.fields("companies"))
    assert ("company_to_deal", "0-3") in [(one.name, one.to_object_type_id) for one in told.associations]


def test_an_export_is_asked_for_looked_at_and_fetched(target: HubSpotTarget, client: HubSpot) -> None:
    api = client.crm.exports.public_exports_api
    body = {
        "exportType": "VIEW",
        "exportName": "All",
        "format": "CSV",
        "language": "EN",
        "objectType": "COMPANY",
        "objectProperties": ["name", "hs_object_id"],
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "overrideAssociatedObjectsPerDefinitionPerRowLimit": True,
    }
    with target.settings(scopes=target.portal.settings.scopes | {EXPORT}):
        task = api.start(body)
        told = next(one for one in iter(lambda: api.get_status(task.id), None) if one.status == "COMPLETE")
        file = requests.get(told.result, headers={"Connection": "close"}, timeout=60)
    rows = list(csv.DictReader(StringIO(file.content.decode("utf-8-sig"))))
    assert sorted(one["hs_object_id"] for one in rows) == target.ids("companies")
