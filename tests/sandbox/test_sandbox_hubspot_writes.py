"""Who wrote last, what became of each record of a batch, and calls that take their time, over HTTP."""

import json
import socket
import time
from typing import Any

import pytest

from crm_kare.sandbox.hubspot import Limits
from crm_kare.sandbox.hubspot.definitions import COMPANIES
from crm_kare.sandbox.hubspot.writing import write

COMPANY = "/crm/v3/objects/companies"
OTHER = "pat-eu1-other-0000"


def _update(rig: Any, *inputs: dict[str, Any]) -> Any:
    return rig.call("POST", f"{COMPANY}/batch/update", {"inputs": list(inputs)})


def _write(rig: Any, company: str, values: dict[str, Any], who: str) -> None:
    write(rig.portal, COMPANIES, rig.portal.org.get("companies", company), values, who)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("user:61000001", {"sourceType": "CRM_UI", "sourceId": "userId:61000001", "updatedByUserId": 61000001}),
        ("bulk:61000001", {"sourceType": "CRM_UI_BULK_ACTION", "sourceId": "userId:61000001", "updatedByUserId": 61000001}),
        ("app:77", {"sourceType": "INTEGRATION", "sourceId": "77"}),
        ("workflow:9", {"sourceType": "AUTOMATION_PLATFORM", "sourceId": "enrollmentId:9;actionExecutionIndex:0"}),
    ],
)  # fmt: skip
def test_the_newest_entry_of_a_history_tells_who_wrote(hubspot: Any, who: str, told: dict[str, Any]) -> None:
    one = hubspot.companies()[0]
    hubspot.clock.sleep(60)
    _write(hubspot, one, {"city": "Jena"}, who)
    inputs = {"inputs": [{"id": one}], "properties": ["city"], "propertiesWithHistory": ["city"]}
    single = hubspot.call("GET", f"{COMPANY}/{one}", propertiesWithHistory="city").body
    listed = hubspot.call("GET", COMPANY, propertiesWithHistory="city", limit=1).body["results"][0]
    (batched,) = hubspot.call("POST", f"{COMPANY}/batch/read", inputs).body["results"]
    for record in (single, listed, batched):
        newest = record["propertiesWithHistory"]["city"][0]
        assert newest == {"value": "Jena", "timestamp": "2026-11-21T09:31:15.120Z", **told}


def test_another_app_of_the_account_has_its_own_name_and_its_own_window(hubspot: Any) -> None:
    hubspot.settings(others={OTHER: 99}, limits=Limits(burst=2, daily=5, search=1))
    one = hubspot.companies()[0]
    body = {"properties": {"city": "Ulm"}}
    assert hubspot.call("PATCH", f"{COMPANY}/{one}", body, token=OTHER).status == 200
    history = hubspot.call("GET", f"{COMPANY}/{one}", propertiesWithHistory="city").body["propertiesWithHistory"]
    assert history["city"][0]["sourceId"] == "99"
    assert hubspot.call("GET", COMPANY).status == 200
    assert hubspot.call("GET", COMPANY).body["groupName"].endswith(f":4711001:{hubspot.portal.settings.portal_id}")
    assert hubspot.call("GET", COMPANY, token=OTHER).status == 200
    assert hubspot.call("POST", f"{COMPANY}/search", {}, token=OTHER).status == 200
    assert hubspot.call("POST", f"{COMPANY}/search", {}).status == 429  # of the account, and so is the day
    hubspot.clock.sleep(10)
    assert hubspot.call("GET", COMPANY).body["policyName"] == "DAILY"


def test_a_portal_that_heeds_no_trace_ids_refuses_the_whole_update(hubspot: Any) -> None:
    hubspot.settings(traced_updates=False)
    good, bad = hubspot.companies()[:2]
    reply = _update(
        hubspot,
        {"id": good, "properties": {"city": "Ulm"}, "objectWriteTraceId": "a"},
        {"id": bad, "properties": {"industry": "Nonsense"}, "objectWriteTraceId": "b"},
    )
    assert reply.status == 400
    assert bad not in str(reply.body)
    assert "objectWriteTraceId" not in str(reply.body)
    assert hubspot.portal.org.get("companies", good)["city"] != "Ulm"


def test_traced_results_carry_their_trace(hubspot: Any) -> None:
    first, second = hubspot.companies()[:2]
    marked = [{"id": one, "properties": {"city": "Ulm"}, "objectWriteTraceId": f"t{one}"} for one in (first, second)]
    reply = _update(hubspot, *marked)
    assert reply.status == 200
    assert {one["id"]: one["objectWriteTraceId"] for one in reply.body["results"]} == {
        first: f"t{first}",
        second: f"t{second}",
    }


def test_archived_and_merged_ids_are_told_and_the_rest_is_written(hubspot: Any) -> None:
    good, archived, first, second = hubspot.companies()[:4]
    hubspot.call("DELETE", f"{COMPANY}/{archived}")
    hubspot.call("POST", f"{COMPANY}/merge", {"primaryObjectId": first, "objectIdToMerge": second})
    reply = _update(hubspot, *({"id": one, "properties": {"city": "Ulm"}} for one in (archived, first, good)))
    assert reply.status == 207
    assert [one["id"] for one in reply.body["results"]] == [good]
    assert reply.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert sorted(reply.body["errors"][0]["context"]["ids"]) == sorted([archived, first])
    assert hubspot.call("PATCH", f"{COMPANY}/{first}", {"properties": {"city": "Ulm"}}).status == 404


def test_a_merged_record_has_the_histories_of_both(hubspot: Any) -> None:
    first, second = hubspot.companies()[:2]
    _write(hubspot, first, {"city": "Ulm"}, "user:61000001")
    hubspot.clock.sleep(60)
    _write(hubspot, second, {"city": "Jena"}, "app:99")
    merged = hubspot.call("POST", f"{COMPANY}/merge", {"primaryObjectId": first, "objectIdToMerge": second}).body["id"]
    found = hubspot.call("GET", f"{COMPANY}/{merged}", propertiesWithHistory="city").body
    values = [(one["value"], one.get("sourceId")) for one in found["propertiesWithHistory"]["city"]]
    assert values[0][0] == "Ulm"
    assert ("Ulm", "userId:61000001") in values
    assert ("Jena", "99") in values


@pytest.mark.slow
def test_a_call_that_waits_for_its_answer_holds_no_other(hubspot: Any) -> None:
    one = hubspot.companies()[0]
    hubspot.settings(latency=600)
    body = json.dumps({"properties": {"city": "Ulm"}})
    head = f"PATCH {COMPANY}/{one} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hubspot.portal.settings.token}\r\n"
    with socket.create_connection(("127.0.0.1", hubspot.running.port)) as slow:
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        while hubspot.portal.org.get("companies", one)["city"] != "Ulm":
            time.sleep(0.01)
        hubspot.settings(latency=0.0)
        assert hubspot.call("GET", f"{COMPANY}/{one}", properties="city").body["properties"]["city"] == "Ulm"


def test_every_answer_is_late_by_the_latency(hubspot: Any) -> None:
    hubspot.settings(latency=0.2)
    began = time.perf_counter()
    assert hubspot.call("GET", COMPANY).status == 200
    assert time.perf_counter() - began >= 0.2
