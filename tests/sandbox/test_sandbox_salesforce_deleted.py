"""Deletion and its way back, merges, the end of the recycle bin; and the lists of what was deleted and changed."""
# ruff: noqa: S608  queries with the test's own ids

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.slow

LOG = "/sobjects/Account/deleted/"
NEWS = "/sobjects/Account/updated/"


def _at(rig: Any, **back: float) -> str:
    return str((rig.clock.now() - timedelta(**back)).strftime("%Y-%m-%dT%H:%M:%S+00:00"))


def _log(rig: Any, path: str = LOG, minutes: float = 30) -> Any:
    rig.clock.sleep(60)  # the present minute is not covered yet
    answer = rig.call("GET", path, start=_at(rig, minutes=minutes), end=_at(rig))
    assert answer.status == 200, answer.body
    return answer.body


def _family(rig: Any) -> tuple[str, dict[str, list[str]]]:
    """An account with contacts, opportunities and lines, and the ids of all of these."""
    records = rig.org.records
    owned = Counter(one["AccountId"] for one in records.select("Opportunity", "HasOpportunityLineItem = 1"))
    account = owned.most_common(1)[0][0]
    deals = [one["_id"] for one in records.select("Opportunity", "AccountId = ?", (account,))]
    lines = [one["_id"] for one in records.select("OpportunityLineItem") if one["OpportunityId"] in deals]
    contacts = [one["_id"] for one in records.select("Contact", "AccountId = ?", (account,))]
    return account, {"Opportunity": deals, "OpportunityLineItem": lines, "Contact": contacts}


def _live(rig: Any, held: dict[str, list[str]]) -> set[bool]:
    return {not rig.org.records.get(name, one)["_deleted"] for name, ids in held.items() for one in ids}


def test_an_account_takes_all_that_hangs_on_it_along_and_brings_it_back(salesforce: Any) -> None:
    account, held = _family(salesforce)
    child = next(one["_id"] for one in salesforce.org.records.select("Account") if one["_id"] != account)
    salesforce.org.records.update("Account", child, {"ParentId": account}, "rig")
    other = held["Opportunity"].pop()
    lines = {one["_id"] for one in salesforce.org.records.select("OpportunityLineItem", "OpportunityId = ?", (other,))}
    held["OpportunityLineItem"] = [one for one in held["OpportunityLineItem"] if one not in lines]
    assert salesforce.call("DELETE", f"/sobjects/Opportunity/{other}").status == 204
    salesforce.clock.sleep(60)
    assert salesforce.call("DELETE", f"/sobjects/Account/{account}").status == 204
    assert _live(salesforce, held) == {False}
    assert salesforce.org.records.get("Account", child)["ParentId"] is None
    salesforce.clock.sleep(60)
    salesforce.org.undelete("Account", account, salesforce.org.integration_user)
    assert _live(salesforce, held) == {True}
    assert salesforce.org.records.get("Account", child)["ParentId"] == account
    assert salesforce.org.records.get("Opportunity", other)["_deleted"] == 1  # it was deleted by itself before
    stamp = salesforce.query(f"SELECT SystemModstamp FROM Opportunity WHERE Id = '{held['Opportunity'][0]}'")
    assert stamp[0]["SystemModstamp"] == "2026-11-21T09:32:15.000+0000"


def test_the_log_tells_what_was_deleted_and_not_what_came_back(salesforce: Any) -> None:
    one, two, three = [row["_id"] for row in salesforce.org.records.select("Account", limit=3)]
    for record in (one, two, three):
        salesforce.call("DELETE", f"/sobjects/Account/{record}")
    salesforce.org.undelete("Account", two, "rig")
    told = _log(salesforce)
    date = "2026-11-21T09:30:15.000+0000"
    assert told["deletedRecords"] == [{"id": key, "deletedDate": date} for key in sorted((one, three))]
    assert told["latestDateCovered"] == "2026-11-21T09:31:00.000+0000"
    assert told["earliestDateAvailable"] == "2026-11-06T09:31:00.000+0000"


def test_the_log_keeps_what_left_the_bin(salesforce: Any) -> None:
    one, two = [row["_id"] for row in salesforce.org.records.select("Account", limit=2)]
    salesforce.org.merge("Account", one, two, "rig")
    salesforce.org.empty_bin()
    assert salesforce.query(f"SELECT Id FROM Account WHERE Id = '{two}'", "/queryAll") == []
    assert [row["id"] for row in _log(salesforce)["deletedRecords"]] == [two]
    assert _log(salesforce, "/sobjects/Contact/deleted")["deletedRecords"] == []


def test_the_log_ends_where_it_was_purged(salesforce: Any) -> None:
    salesforce.call("DELETE", f"/sobjects/Account/{salesforce.account()}")
    salesforce.clock.sleep(120)
    begin = _at(salesforce, minutes=5)
    salesforce.org.bin.forget_log()
    salesforce.clock.sleep(120)
    refused = salesforce.call("GET", LOG, start=begin, end=_at(salesforce))
    assert (refused.status, refused.body[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")
    assert salesforce.call("GET", LOG, start=_at(salesforce, minutes=1), end=_at(salesforce)).status == 200


def test_updated_records_are_told_without_the_deleted_ones(salesforce: Any) -> None:
    salesforce.clock.sleep(3600)
    one, two = [row["_id"] for row in salesforce.org.records.select("Account", limit=2)]
    salesforce.call("PATCH", f"/sobjects/Account/{one}", {"Phone": "+1"})
    salesforce.call("PATCH", f"/sobjects/Account/{two}", {"Phone": "+2"})
    salesforce.call("DELETE", f"/sobjects/Account/{two}")
    made = salesforce.call("POST", "/sobjects/Account", {"Name": "New"}).body["id"]
    told = _log(salesforce, NEWS)
    assert told == {"ids": sorted([one, made]), "latestDateCovered": "2026-11-21T10:31:00.000+0000"}


def test_seconds_do_not_count(salesforce: Any) -> None:
    salesforce.call("DELETE", f"/sobjects/Account/{salesforce.account()}")  # at 09:30:15
    salesforce.clock.sleep(180)
    spans = {
        ("09:30:59", "09:31:01"): 1,  # 09:30:00 to 09:31:00
        ("09:31:00", "09:32:00"): 0,
        ("09:29:00", "09:30:40"): 0,  # ends at 09:30:00
    }
    for (start, end), number in spans.items():
        told = salesforce.call("GET", LOG, start=f"2026-11-21T{start}Z", end=f"2026-11-21T{end}Z").body
        assert len(told["deletedRecords"]) == number


@pytest.mark.parametrize("path", [LOG, NEWS])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-21T09:20:00Z", "2026-11-21T09:20:59Z"),
        ("2026-11-21T09:20:00Z", "2026-11-21T09:10:00Z"),
        ("2026-11-21T10:20:00Z", "2026-11-21T10:30:00Z"),
        ("2026-10-20T09:20:00Z", "2026-11-21T09:20:00Z"),
        ("yesterday", "2026-11-21T09:20:00Z"),
        ("2026-11-21T09:20:00Z", ""),
    ],
)
def test_a_span_that_cannot_be_is_refused(library: Any, path: str, start: str, end: str) -> None:
    answer = library.call("GET", path, start=start, end=end)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_more_than_six_hundred_thousand_are_too_many(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_kare.sandbox.salesforce.replication.MOST_IDS", 2)
    start = datetime(2026, 10, 23, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = library.call("GET", "/sobjects/Opportunity/updated/", start=start, end="2026-11-21T09:20:00Z")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_objects_without_a_bin_have_no_log(library: Any) -> None:
    span = {"start": "2026-11-21T09:00:00Z", "end": "2026-11-21T09:20:00Z"}
    assert (
        library.call("GET", "/sobjects/UserRole/deleted/", **span).body[0]["errorCode"] == "INVALID_TYPE_FOR_OPERATION"
    )
    assert library.call("GET", "/sobjects/Nope/deleted/", **span).status == 404


def test_children_of_a_merged_account_move_with_their_stamps(salesforce: Any) -> None:
    loser, held = _family(salesforce)
    winner = next(one["_id"] for one in salesforce.org.records.select("Account") if one["_id"] != loser)
    salesforce.org.records.update("Account", winner, {"ParentId": loser}, "rig")
    salesforce.clock.sleep(60)
    salesforce.org.merge("Account", winner, loser, salesforce.org.integration_user)
    rows = salesforce.query(f"SELECT AccountId, SystemModstamp FROM Opportunity WHERE Id = '{held['Opportunity'][0]}'")
    assert (rows[0]["AccountId"], rows[0]["SystemModstamp"]) == (winner, "2026-11-21T09:31:15.000+0000")
    assert salesforce.org.records.get("Account", winner)["ParentId"] is None
    gone = salesforce.query(f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'", "/queryAll")
    assert (gone[0]["IsDeleted"], gone[0]["MasterRecordId"]) == (True, winner)
