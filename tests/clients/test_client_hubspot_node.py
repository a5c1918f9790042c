"""@hubspot/api-client 13, unchanged, over HTTP against the sandbox's HubSpot. One Node runs for the whole file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clients.hubspot_target import KEY, HubSpotTarget, hubspot_target
from clients.node_tools import NodeError, NodeSession, session

from crm_kare.sandbox.faults import Fault

pytestmark = pytest.mark.slow

TOO_MANY = (
    '{"status": "error", "message": "You have reached your ten_secondly_rolling limit.", "errorType": "RATE_LIMIT", '
    '"policyName": "TEN_SECONDLY_ROLLING"}'
)
TOO_MANY_SEARCHES = '{"status": "error", "message": "You have reached your secondly limit.", "errorType": "RATE_LIMIT"}'
JSON = (("content-type", "application/json"),)


@pytest.fixture(scope="module")
def target() -> Iterator[HubSpotTarget]:
    with hubspot_target() as made:
        yield made


@pytest.fixture(scope="module")
def node_client(target: HubSpotTarget, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeSession]:
    home: Path = tmp_path_factory.mktemp("home")
    with session("@hubspot/api-client", "hubspot_session.cjs", home, target.url, target.token) as running:
        yield running


def test_nothing_but_loopback_is_reached(node_client: NodeSession) -> None:
    with pytest.raises(NodeError, match=r"the tests stay on loopback; asked for 192\.0\.2\.1"):
        node_client('require("node:net").connect(80, "192.0.2.1")')


@pytest.mark.parametrize("kind", ["companies", "deals", "contacts", "products", "lineItems"])
def test_pages_and_searches_tell_the_same_records(target: HubSpotTarget, node_client: NodeSession, kind: str) -> None:
    code = """
        const api = client.crm[given.kind];
        const all = await api.getAll();
        const page = await api.basicApi.getPage(5, undefined, ["hs_object_id"]);
        const next = await api.basicApi.getPage(5, page.paging.next.after);
        const ids = all.map((one) => one.id).slice(0, 3);
        const filters = [{ propertyName: "hs_object_id", operator: "IN", values: ids }];
        const found = await api.searchApi.doSearch({
            filterGroups: [{ filters }], sorts: ["-hs_object_id"], properties: [], limit: 2, after: "0",
        });
        const read = await api.batchApi.read({ inputs: ids.map((id) => ({ id })), properties: [], propertiesWithHistory: [] });
        const made = all.every((one) => one.createdAt instanceof Date && one.updatedAt instanceof Date);
        return { all: all.map((one) => one.id), pages: [...page.results, ...next.results].map((one) => one.id), found, read, made };
    """
    told = node_client(code, kind=kind)
    ids = target.ids("line_items" if kind == "lineItems" else kind)
    assert (told["all"], told["pages"], told["made"]) == (ids, ids[:10], True)
    assert (told["found"]["total"], [one["id"] for one in told["found"]["results"]]) == (3, ids[2:0:-1])
    assert (sorted(one["id"] for one in told["read"]["results"]), told["read"]["status"]) == (ids[:3], "COMPLETE")


def test_a_record_lives_from_create_to_archive(target: HubSpotTarget, node_client: NodeSession) -> None:
    code = """
        const { basicApi } = client.crm.companies;
        const made = await basicApi.create({ properties: { name: "Ada Ltd", numberofemployees: "12" }, associations: [] });
        const written = await basicApi.update(made.id, { properties: { name: "Ada & Co", numberofemployees: "" } });
        const shown = await basicApi.getById(made.id, ["name", "numberofemployees"], ["name"], ["deals"]);
        await basicApi.archive(made.id);
        const gone = await basicApi.getById(made.id, undefined, undefined, undefined, true);
        return { made, written, shown, gone };
    """
    told = node_client(code)
    assert told["made"]["properties"]["numberofemployees"] == "12"
    assert told["written"]["properties"]["name"] == "Ada & Co"
    assert told["shown"]["properties"]["numberofemployees"] is None
    assert [one["value"] for one in told["shown"]["propertiesWithHistory"]["name"]] == ["Ada & Co", "Ada Ltd"]
    assert (told["gone"]["archived"], told["gone"]["id"]) == (True, told["made"]["id"])
    assert target.record("companies", told["made"]["id"])["_deleted"]


def test_batches_tell_what_failed(target: HubSpotTarget, node_client: NodeSession) -> None:
    code = """
        const { batchApi } = client.crm.companies;
        const inputs = given.names.map((name, place) => ({
            properties: { name, annualrevenue: place ? "1" : "much" }, associations: [], objectWriteTraceId: name,
        }));
        const made = await batchApi.create({ inputs });
        const ids = made.results.map((one) => one.id);
        const read = await batchApi.read({ inputs: [...ids, "5"].map((id) => ({ id })), properties: ["name"], propertiesWithHistory: [] });
        const written = await batchApi.update({ inputs: ids.map((id) => ({ id, properties: { city: "Ulm" } })) });
        await batchApi.archive({ inputs: ids.map((id) => ({ id })) });
        return { made, read, written, ids };
    """
    told = node_client(code, names=["a", "b", "c"])
    assert [one["properties"]["name"] for one in told["made"]["results"]] == ["b", "c"]
    assert [one["context"] for one in told["made"]["errors"]] == [{"objectWriteTraceId": ["a"]}]
    assert (told["read"]["numErrors"], told["read"]["errors"][0]["context"]) == (1, {"ids": ["5"]})
    assert {one["properties"]["city"] for one in told["written"]["results"]} == {"Ulm"}
    assert all(target.record("companies", one)["_deleted"] for one in told["ids"])


def test_a_unique_property_makes_upserts(target: HubSpotTarget, node_client: NodeSession) -> None:
    code = """
        await client.crm.properties.coreApi.create("companies", {
            name: given.key, label: "Key", type: "string", fieldType: "text", groupName: "companyinformation", hasUniqueValue: true,
        });
        const put = (name) => client.crm.companies.batchApi.upsert({
            inputs: [{ id: "n-1", idProperty: given.key, properties: { name } }],
        });
        const first = await put("One");
        return { first: first.results[0], second: (await put("Uno")).results[0] };
    """
    told = node_client(code, key=KEY)
    assert (told["first"]["_new"], told["second"]["_new"]) == (True, False)
    assert told["first"]["id"] == told["second"]["id"]
    assert target.record("companies", told["first"]["id"])["name"] == "Uno"


def test_merges_associations_and_labels(target: HubSpotTarget, node_client: NodeSession) -> None:
    code = """
        const { basicApi, batchApi, schema } = client.crm.associations.v4;
        const made = [];
        for (const name of ["One", "Other"]) {
            made.push((await client.crm.companies.basicApi.create({ properties: { name }, associations: [] })).id);
        }
        const spec = [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 6 }];
        const tied = await basicApi.create("companies", made[0], "deals", given.deal, spec);
        const merged = await client.crm.companies.basicApi.merge({ primaryObjectId: made[0], objectIdToMerge: made[1] });
        const page = await basicApi.getPage("deals", given.deal, "companies");
        const read = await batchApi.getPage("companies", "deals", { inputs: [{ id: merged.id }] });
        await basicApi.archive("companies", merged.id, "deals", given.deal);
        const after = await batchApi.getPage("companies", "deals", { inputs: [{ id: merged.id }] });
        const labels = await schema.definitionsApi.getAll("deals", "companies");
        return { made, tied, merged, page, read, after, labels };
    """
    told = node_client(code, deal=target.ids("deals", 1)[0])
    merged = told["merged"]["id"]
    assert told["tied"]["labels"] == ["Primary"]
    assert merged not in told["made"]
    assert int(merged) in [int(one["toObjectId"]) for one in told["page"]["results"]]
    assert [one["_from"]["id"] for one in told["read"]["results"]] == [merged]
    assert told["after"]["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"} in told["labels"]["results"]


def test_what_the_account_is_set_up_with(target: HubSpotTarget, node_client: NodeSession) -> None:
    code = """
        const { crm } = client;
        const group = await crm.properties.groupsApi.create("deals", { name: "ours", label: "Ours", displayOrder: 1 });
        const options = [{ label: "One", value: "1", hidden: false, displayOrder: 0 }];
        const property = await crm.properties.coreApi.create("deals", {
            name: "tier", label: "Tier", type: "enumeration", fieldType: "select", groupName: "ours", options,
        });
        const line = await crm.pipelines.pipelinesApi.create("deals", {
            label: "Rentals", displayOrder: 0, stages: [{ label: "Won", displayOrder: 0, metadata: { probability: "1.0" } }],
        });
        await crm.pipelines.pipelinesApi.archive("deals", line.id);
        const owners = await crm.owners.ownersApi.getPage();
        const details = await (await client.apiRequest({ path: "/account-info/v3/details" })).json();
        const lines = await crm.pipelines.pipelinesApi.getAll("deals");
        return { group, property, line, owners, details, lines };
    """
    told = node_client(code)
    assert (told["group"]["label"], told["property"]["options"][0]["value"]) == ("Ours", "1")
    assert told["line"]["stages"][0]["metadata"] == {"isClosed": "true", "probability": "1.0"}
    assert [one["id"] for one in told["owners"]["results"]] == target.ids("owners")
    assert told["details"]["portalId"] == target.portal.settings.portal_id
    assert [one["id"] for one in told["lines"]["results"]] == [one.id for one in target.portal.pipelines]


def test_a_refresh_token_opens_the_account(target: HubSpotTarget, node_client: NodeSession) -> None:
    code = """
        const { id, secret, refresh } = given;
        const login = fresh({}).oauth;
        const given_ = await login.tokensApi.create("refresh_token", undefined, undefined, id, secret, refresh);
        const info = await login.accessTokensApi.get(given_.accessToken);
        const page = await fresh({ accessToken: given_.accessToken }).crm.companies.basicApi.getPage(1);
        return { given: given_, info, page };
    """
    settings = target.portal.settings
    told = node_client(code, id=settings.client_id, secret=settings.client_secret, refresh=settings.refresh_token)
    assert (told["given"]["expiresIn"], told["info"]["hubId"]) == (1800, settings.portal_id)
    assert [one["id"] for one in told["page"]["results"]] == target.ids("companies", 1)


def test_a_refusal_carries_hubspots_body(target: HubSpotTarget, node_client: NodeSession) -> None:
    with pytest.raises(NodeError) as missing:
        node_client("return client.crm.companies.basicApi.getById('5')")
    assert (missing.value.code, missing.value.data["message"]) == (404, "resource not found")
    with pytest.raises(NodeError) as wrong:
        node_client(
            "return client.crm.deals.basicApi.update(given.id, { properties: { nope: '1' } })",
            id=target.ids("deals", 1)[0],
        )
    assert (wrong.value.code, wrong.value.data["category"]) == (400, "VALIDATION_ERROR")
    assert wrong.value.data["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


WAITING = """
    const waits = [];
    const real = globalThis.setTimeout;
    globalThis.setTimeout = (step, wait, ...more) => { if (wait >= 200) waits.push(wait); return real(step, wait >= 200 ? 0 : wait, ...more); };
    try {
        const patient = fresh({ accessToken: given.token, numberOfApiCallRetries: 3 });
        const { results } = await given.search
            ? await patient.crm.companies.searchApi.doSearch({ filterGroups: [], sorts: [], properties: [], limit: 1, after: "0" })
            : await patient.crm.companies.basicApi.getPage(1);
        return { waits, ids: results.map((one) => one.id) };
    } finally {
        globalThis.setTimeout = real;
    }
"""
"""Keeps account of the pauses that the client makes, and makes none."""


@pytest.mark.parametrize(
    ("search", "fault", "waits"),
    [
        (False, Fault(status=429, headers=JSON, body=TOO_MANY, times=2), [10_000, 20_000]),
        (True, Fault(status=429, headers=JSON, body=TOO_MANY_SEARCHES, times=2), [1000, 2000]),
        (False, Fault(status=502, headers=JSON, body="{}"), [200]),
    ],
)
def test_a_limit_that_was_reached_is_waited_for(
    target: HubSpotTarget, node_client: NodeSession, *, search: bool, fault: Fault, waits: list[int]
) -> None:
    target.running.sandbox.faults.order(fault)
    told: dict[str, Any] = node_client(WAITING, token=target.token, search=search)
    assert (told["waits"], len(told["ids"])) == (waits, 1)
