"""HubSpot's exports API over HTTP: asked for, made one at a time, fetched as a file."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from crm_kare.sandbox.hubspot.links import untie
from crm_kare.sandbox.hubspot.portal import EXPORT, moment

pytestmark = pytest.mark.slow

ASK = "/crm/v3/exports/export/async"
DEALS: dict[str, Any] = {
    "exportType": "VIEW",
    "exportName": "All deals",
    "format": "CSV",
    "language": "EN",
    "objectType": "DEAL",
    "objectProperties": ["dealname", "dealstage", "closedate"],
    "associatedObjectType": "COMPANY",
    "exportInternalValuesOptions": ["NAMES", "VALUES"],
    "includeLabeledAssociations": True,
}


@pytest.fixture
def exporting(hubspot: Any) -> Any:
    """A portal whose super administrator granted exports."""
    hubspot.settings(scopes=hubspot.portal.settings.scopes | {EXPORT})
    return hubspot


def _start(rig: Any, **changes: Any) -> str:
    asked = rig.call("POST", ASK, {**DEALS, **changes})
    assert asked.status == 202, asked.body
    return str(asked.body["id"])


def _status(rig: Any, task: str) -> Any:
    return rig.call("GET", f"{ASK}/tasks/{task}/status").body


def _fetch(address: str) -> requests.Response:
    return requests.get(address, headers={"Connection": "close"}, timeout=60)


def _finished(rig: Any, task: str) -> requests.Response:
    for _ in range(20):
        told = _status(rig, task)
        if told["status"] == "COMPLETE":
            return _fetch(told["result"])
    raise AssertionError(told)


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_an_export_is_pending_then_worked_on_then_complete(exporting: Any) -> None:
    task = _start(exporting)
    assert exporting.call("GET", f"/crm/v3/exports/export/{task}").body["exportState"] == "PENDING"
    assert [_status(exporting, task)["status"] for _ in range(3)] == ["PROCESSING", "COMPLETE", "COMPLETE"]
    told = exporting.call("GET", f"/crm/v3/exports/export/{task}").body
    assert (told["exportName"], told["recordCount"]) == ("All deals", exporting.portal.org.count("deals"))


def test_a_view_holds_every_record_with_the_ids_of_its_companies(exporting: Any) -> None:
    org, held = exporting.portal.org, exporting.portal.org.select("deals")
    untie(exporting.portal, "deals", "companies", org.links("deals", "companies", [held[0]["_id"]]))
    two = held[97]["_id"]  # has a second company beside its primary one
    rows = {one["hs_object_id"]: one for one in _rows(_finished(exporting, _start(exporting)).content)}
    assert sorted(rows) == [one["_id"] for one in held]
    companies = sorted({there for _, there, _ in org.links("deals", "companies", [two])})
    assert rows[two]["Associated Company IDs"].split(";") == companies
    assert rows[two]["Associated Company IDs (Primary)"] == org.get("deals", two)["hs_primary_associated_company"]
    assert rows[held[0]["_id"]]["Associated Company IDs"] == ""


def test_times_are_minutes_in_the_portals_time_zone(exporting: Any) -> None:
    first = _rows(_finished(exporting, _start(exporting, objectProperties=["createdate"])).content)[0]
    made = moment(exporting.portal.org.get("deals", first["hs_object_id"])["_created"])
    assert first["createdate"] == f"{made.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}"


def test_headers_and_values_are_labels_unless_internal_ones_are_asked_for(exporting: Any) -> None:
    task = _start(exporting, exportInternalValuesOptions=[], includePrimaryDisplayPropertyForAssociatedObjects=True)
    rows = _rows(_finished(exporting, task).content)
    assert list(rows[0]) == [
        "Record ID", "Deal Name", "Deal Stage", "Close Date",
        "Associated Company", "Associated Company IDs", "Associated Company IDs (Primary)",
    ]  # fmt: skip
    assert {"Closed Won", "Closed Lost"} <= {one["Deal Stage"] for one in rows}
    names = {one["name"] for one in exporting.portal.org.select("companies")}
    assert {name for one in rows for name in one["Associated Company"].split(";") if name} <= names


def test_a_view_may_be_filtered_and_sorted(exporting: Any) -> None:
    won = {"filters": [{"propertyName": "dealstage", "operator": "EQ", "value": "closedwon"}]}
    sort = {"sorts": [{"propertyName": "dealname", "order": "DES"}]}
    rows = _rows(_finished(exporting, _start(exporting, publicCrmSearchRequest=won | sort)).content)
    names = [one["dealname"].lower() for one in rows]
    assert {one["dealstage"] for one in rows} == {"closedwon"}
    assert names == sorted(names, reverse=True)
    many = {"filters": won["filters"] * 4}
    assert exporting.call("POST", ASK, DEALS | {"publicCrmSearchRequest": many}).status == 400


def test_a_large_file_is_zipped_and_a_long_one_comes_in_parts(exporting: Any) -> None:
    settings = exporting.portal.settings.exports
    number = exporting.portal.org.count("deals")
    exporting.settings(exports=replace(settings, plain=1000))
    whole = _finished(exporting, _start(exporting))
    exporting.settings(exports=replace(settings, part=number // 2))
    parts = _finished(exporting, _start(exporting))
    for reply, files in ((whole, 1), (parts, 2 + number % 2)):
        assert reply.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            held = [_rows(archive.read(name)) for name in archive.namelist()]
        assert len(held) == files
        assert sum(map(len, held)) == number


def test_exports_wait_for_each_other(exporting: Any) -> None:
    first, second = _start(exporting), _start(exporting)
    assert [_status(exporting, second)["status"] for _ in range(2)] == ["PENDING", "PENDING"]
    assert _status(exporting, first)["status"] == "COMPLETE"
    assert [_status(exporting, second)["status"] for _ in range(2)] == ["COMPLETE", "COMPLETE"]


def test_an_address_lasts_five_minutes_and_the_next_look_gives_another(exporting: Any) -> None:
    task = _start(exporting)
    _finished(exporting, task)
    old = _status(exporting, task)["result"]
    exporting.clock.sleep(301)
    assert _fetch(old).status_code == 403
    assert _fetch(_status(exporting, task)["result"]).status_code == 200
    exporting.running.faults.order_inside("expire_export")
    assert _fetch(_status(exporting, task)["result"]).status_code == 403


def test_a_task_may_be_canceled(exporting: Any) -> None:
    exporting.running.faults.order_inside("cancel_export")
    task = _start(exporting)
    _status(exporting, task)
    told = _status(exporting, task)
    assert (told["status"], told["numErrors"], "result" in told) == ("CANCELED", 1, False)


def test_thirty_exports_a_day(exporting: Any) -> None:
    for _ in range(30):
        _start(exporting)
    assert exporting.call("POST", ASK, DEALS).status == 429
    exporting.clock.sleep(24 * 3600)
    assert exporting.call("POST", ASK, DEALS).status == 202


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("exportName"),
        lambda body: body.pop("objectProperties"),
        lambda body: body.update(objectType="ROCKET"),
        lambda body: body.update(language="XX"),
        lambda body: body.update(exportInternalValuesOptions=["KEYS"]),
    ],
)
def test_what_is_asked_for_is_checked(exporting: Any, change: Callable[[dict[str, Any]], Any]) -> None:
    body = dict(DEALS)
    change(body)
    assert exporting.call("POST", ASK, body).status == 400


def test_exports_need_their_own_scope(hubspot: Any) -> None:
    refused = hubspot.call("POST", ASK, DEALS)
    assert (refused.status, refused.body["category"]) == (403, "MISSING_SCOPES")
    assert refused.body["errors"][0]["context"]["requiredGranularScopes"] == ["crm.export"]


def test_an_address_of_a_file_is_no_place_for_a_login(exporting: Any) -> None:
    task = _start(exporting)
    address = next(told["result"] for _ in range(9) if "result" in (told := _status(exporting, task)))
    headers = {"Connection": "close", "Authorization": "Bearer anything"}
    assert requests.get(address, headers=headers, timeout=10).status_code == 400
    assert _fetch(address).status_code == 200


def test_an_export_may_fail(exporting: Any) -> None:
    exporting.running.faults.order_inside("fail_export")
    task = _start(exporting)
    told = [_status(exporting, task) for _ in range(2)][-1]
    assert (told["status"], told["numErrors"], "result" in told) == ("COMPLETE", 1, False)


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        ("zoned", "2026-03-01T10:30:05.000-05:00"),
        ("milliseconds", "1772379005000"),
        ("american", "03/01/2026 10:30 AM"),
    ],
)
def test_times_may_have_other_forms(exporting: Any, times: str, shown: str) -> None:
    deal = exporting.portal.org.select("deals")[0]["_id"]
    exporting.portal.org.update("deals", deal, {"closedate": "2026-03-01T15:30:05Z"}, "user:1")
    settings = exporting.portal.settings.exports
    exporting.settings(exports=replace(settings, times=times, zone="America/New_York"))
    rows = {one["hs_object_id"]: one for one in _rows(_finished(exporting, _start(exporting)).content)}
    assert rows[deal]["closedate"] == shown


def test_a_file_may_lack_what_was_asked_for(exporting: Any) -> None:
    settings = exporting.portal.settings.exports
    exporting.settings(exports=replace(settings, heedless=frozenset({"NAMES", "VALUES", "labels"}), hidden=5))
    rows = _rows(_finished(exporting, _start(exporting)).content)
    assert list(rows[0]) == ["Record ID", "Deal Name", "Deal Stage", "Close Date", "Associated Company IDs"]
    assert len(rows) == exporting.portal.org.count("deals") - 5
    exporting.settings(exports=replace(settings, plain=1000, cut=20))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(_finished(exporting, _start(exporting)).content))
