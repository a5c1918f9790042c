"""Writing labels: what is sent, what each answer becomes, and what happens when answers are lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import SecretStr

from crm_kare.errors import ConfigError, QuotaError, RetryError
from crm_kare.labels import BY_NAME
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, Context, LabelField, RecordWrite, WriteRequest
from crm_kare.sandbox.faults import DROP, Fault
from crm_kare.testing import steps
from crm_kare.testing.clock import FakeClock
from crm_kare_salesforce.connector import SalesforceConnector

SAME, CHANGED = OutcomeStatus.SAME, OutcomeStatus.CHANGED
CONFLICT, REJECTED, UNKNOWN = OutcomeStatus.CONFLICT, OutcomeStatus.REJECTED, OutcomeStatus.UNKNOWN
WRITES = "*/composite/sobjects"


@pytest.fixture
def org(salesforce: Any) -> Any:
    return salesforce


def ready(org: Any, count: int) -> tuple[Any, list[str]]:
    """A connector to a provisioned org with accounts that were read long after they last moved."""
    connector = steps.ready(org)
    ids = steps.seeded(org, count)
    return connector, ids


def request(org: Any, *records: RecordWrite) -> WriteRequest:
    return WriteRequest("Account", steps.ours(org), records, org.clock.now(), len(records))


def reason(key: str, text: str | None = "Hello", expected: str | None = None) -> RecordWrite:
    return RecordWrite(key, {"Reason": text}, {"Reason": expected})


def statuses(outcomes: list[Outcome]) -> list[OutcomeStatus]:
    return [one.status for one in outcomes]


def held(org: Any, key: str, field: str = "KARE_Reason__c") -> Any:
    return org.org.records.get("Account", key)[field]


def test_a_batch_costs_two_calls_and_sends_typed_values(org: Any) -> None:
    connector, ids = ready(org, 2)
    values = {"Profile": "Keep", "ICP_Score": "87", "Changed_On": "2026-11-03", "Reasons": "One\nTwo", "Rank": None}
    expected = dict.fromkeys(values)
    connector.organisation()  # the day that has passed ended the session
    before = org.calls()
    outcomes = connector.write(request(org, *(RecordWrite(key, values, expected) for key in ids)))
    assert statuses(outcomes) == [CHANGED, CHANGED]
    assert org.calls() - before == 2
    assert held(org, ids[0], "ICP_Score__c") == 87
    assert connector.read("Account", ids, steps.ours(org))[ids[1]] == {
        **dict.fromkeys(one.label.name for one in steps.ours(org)),
        **values,
    }


def test_short_ids_are_taken_and_given_back_as_they_came(org: Any) -> None:
    connector, (key,) = ready(org, 1)
    (outcome,) = connector.write(request(org, reason(key[:15])))
    assert (outcome.account_id, outcome.status) == (key[:15], CHANGED)
    assert set(connector.read("Account", [key[:15]], steps.ours(org))) == {key[:15]}


def test_a_persons_edit_since_the_reading_is_a_conflict_and_stays(org: Any) -> None:
    connector, (edited, agreed, other, free) = ready(org, 4)
    read_at = org.clock.now()
    org.clock.advance(steps.MINUTE)
    org.edit_labels(edited, {"Reason": "Mine"})
    org.edit_labels(agreed, {"Reason": "Hello"})
    org.edit("accounts", other, {"name": "Another field"})
    wanted = request(org, *(reason(key) for key in (edited, agreed, other, free)))
    outcomes = connector.write(replace(wanted, read_at=read_at))
    assert statuses(outcomes) == [CONFLICT, SAME, CHANGED, CHANGED]
    assert dict(outcomes[0].present)["Reason"] == "Mine"
    assert held(org, edited) == "Mine"


def test_without_a_moment_of_reading_every_record_is_compared(org: Any) -> None:
    connector, (edited, free) = ready(org, 2)
    org.edit_labels(edited, {"Reason": "Mine"})
    org.clock.advance(30 * steps.DAY)
    wanted = replace(request(org, reason(edited), reason(free)), read_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert statuses(connector.write(wanted)) == [CONFLICT, CHANGED]


def test_a_value_that_is_expected_already_is_not_sent(org: Any) -> None:
    connector, (key,) = ready(org, 1)
    assert statuses(connector.write(request(org, reason(key, "Held", "Held")))) == [SAME]
    assert org.running.faults.calls(WRITES, "PATCH") == []


def test_a_deleted_account_is_rejected_with_its_code(org: Any) -> None:
    connector, (gone, purged, stays) = ready(org, 3)
    org.delete("accounts", gone)
    org.org.records.purge("Account", purged)
    outcomes = connector.write(request(org, reason(gone), reason(purged), reason(stays)))
    assert statuses(outcomes) == [REJECTED, REJECTED, CHANGED]
    assert outcomes[0].code == "ENTITY_IS_DELETED"
    assert outcomes[1].code in {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"}
    assert all(one.fix for one in outcomes[:2])


def test_a_refused_row_names_code_cause_and_fix_and_spares_the_rest(org: Any) -> None:
    connector, (frozen, odd, fine) = ready(org, 3)
    org.refuse(frozen)
    wanted = RecordWrite(odd, {"Profile": "Nonsense"}, {"Profile": None})
    outcomes = connector.write(request(org, reason(frozen), wanted, reason(fine)))
    assert statuses(outcomes) == [REJECTED, REJECTED, CHANGED]
    assert outcomes[0].code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert "validation rule" in outcomes[0].fix
    assert (outcomes[1].code, outcomes[1].field) == ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "KARE_Profile__c")
    assert "Nonsense" not in outcomes[1].message


def test_a_locked_row_is_tried_again(org: Any) -> None:
    connector, (locked, free) = ready(org, 2)
    org.running.faults.order_inside(f"lock_row:{locked}", 2)
    assert statuses(connector.write(request(org, reason(locked), reason(free)))) == [CHANGED, CHANGED]
    assert org.clock.slept == [2.0, 4.0]
    assert held(org, locked) == "Hello"


def test_a_row_that_stays_locked_is_rejected_for_the_next_run(org: Any) -> None:
    connector, (locked, free) = ready(org, 2)
    org.running.faults.order_inside(f"lock_row:{locked}", 99)
    outcomes = connector.write(request(org, reason(locked), reason(free)))
    assert statuses(outcomes) == [REJECTED, CHANGED]
    assert outcomes[0].code == "UNABLE_TO_LOCK_ROW"


@pytest.mark.parametrize("kind", ["status", DROP, "truncate"])
@pytest.mark.parametrize("after", [True, False])
def test_after_a_lost_answer_the_records_are_read_back(org: Any, kind: str, *, after: bool) -> None:
    connector, ids = ready(org, 3)
    org.running.faults.order(Fault(WRITES, "PATCH", kind, after=after, body="<html>"))
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [CHANGED] * 3
    assert [held(org, key) for key in ids] == ["Hello"] * 3
    carried_out = after or kind == "truncate"
    assert len(org.running.faults.calls(WRITES, "PATCH")) == (1 if carried_out else 2)


def test_where_reading_back_fails_too_the_outcome_is_unknown(org: Any) -> None:
    connector, ids = ready(org, 2)
    connector.organisation()  # the day that has passed ended the session
    org.running.faults.order(Fault(WRITES, "PATCH", DROP, after=True), Fault("*/query*", skip=1, status=503, times=0))
    outcomes = connector.write(request(org, *(reason(key) for key in ids)))
    assert statuses(outcomes) == [UNKNOWN, UNKNOWN]
    org.mend()
    assert statuses(connector.write(request(org, *(reason(key) for key in ids)))) == [SAME, SAME]


def test_a_person_who_edits_between_a_lost_answer_and_the_next_try_wins(org: Any) -> None:
    connector, (key,) = ready(org, 1)
    org.running.faults.order(Fault(WRITES, "PATCH", DROP))
    sleep = org.clock.sleep

    def and_edit(seconds: float) -> None:
        sleep(seconds)
        org.edit_labels(key, {"Reason": "Mine"})

    org.clock.sleep = and_edit
    org.running.faults.order(Fault(WRITES, "PATCH", DROP))
    (outcome,) = connector.write(request(org, reason(key)))
    assert outcome.status is CONFLICT
    assert held(org, key) == "Mine"


def test_a_call_refused_whole_raises_and_nothing_is_written(org: Any) -> None:
    connector, (key,) = ready(org, 1)
    unknown = LabelField(BY_NAME["Reason"], "KARE_Nowhere__c")
    with pytest.raises(ConfigError, match="KARE_Nowhere__c") as caught:
        connector.write(replace(request(org, reason(key)), fields=(unknown,)))
    assert "provision" in caught.value.fix
    org.running.faults.order(Fault("*/queryAll/*", status=503, times=0))
    with pytest.raises(RetryError):
        connector.write(request(org, reason(key)))
    assert held(org, key) is None


def test_more_than_two_hundred_go_in_several_calls_and_a_quota_in_between_loses_nothing(org: Any) -> None:
    connector, ids = ready(org, 201)
    refused = '[{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]'
    org.running.faults.order(Fault(WRITES, "PATCH", skip=1, status=403, body=refused))
    outcomes = connector.write(request(org, *(reason(key) for key in ids)))
    assert statuses(outcomes) == [CHANGED] * 200 + [UNKNOWN]
    assert outcomes[200].code == NOT_SENT
    assert "REQUEST_LIMIT_EXCEEDED" in outcomes[200].message
    org.running.faults.order(Fault(WRITES, "PATCH", status=403, body=refused))
    with pytest.raises(QuotaError):
        connector.write(request(org, reason(ids[200])))


def test_no_records_cost_no_call(org: Any) -> None:
    connector = org.connector()
    assert connector.write(request(org)) == []
    assert connector.read("Account", [], steps.ours(org)) == {}
    assert org.calls() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_at_a_fifth_of_all_calls_going_wrong_everything_is_written_once(org: Any, seed: int) -> None:
    connector, ids = ready(org, 60)
    ways = [("status", False), ("status", True), (DROP, True), (DROP, False), ("truncate", False)]
    for place, (kind, after) in enumerate(ways):
        fault = Fault("/services/data/*", kind=kind, after=after, times=0, share=0.04, seed=10 * seed + place)
        org.running.faults.order(fault)
    for start in range(0, 60, 6):
        outcomes = connector.write(request(org, *(reason(key) for key in ids[start : start + 6])))
        assert set(statuses(outcomes)) == {CHANGED}
    assert {held(org, key) for key in ids} == {"Hello"}
    pulled = steps.pull(connector, org.setting.specs["accounts"])
    assert set(pulled.rows) == set(ids)


DATA = "https://acme.my.salesforce.com/services/data/v62.0"
KEYS = ("001000000000001AAA", "001000000000002AAA")


def alone(folder: Path) -> SalesforceConnector:
    given = {
        "SALESFORCE_INSTANCE_URL": SecretStr("https://acme.my.salesforce.com"),
        "SALESFORCE_ACCESS_TOKEN": SecretStr("token"),
    }
    return SalesforceConnector(Context("acme", given, FakeClock(), folder, folder))


FIELD = LabelField(BY_NAME["Reason"], "KARE_Reason__c")


def two() -> WriteRequest:
    return WriteRequest("Account", (FIELD,), tuple(reason(key, "Secret of Acme") for key in KEYS))


@responses.activate
@pytest.mark.parametrize("reply", [[], [{"success": True}], {"success": True}, ["x", "y"], "<html>"])
def test_a_reply_that_does_not_fit_the_request_is_read_back(tmp_path: Path, reply: Any) -> None:
    responses.get(f"{DATA}/queryAll/", json={"done": True, "records": []})
    responses.patch(f"{DATA}/composite/sobjects", json=reply)
    rows = [{"Id": key, "IsDeleted": False, "KARE_Reason__c": "Secret of Acme"} for key in KEYS]
    responses.get(f"{DATA}/queryAll/", json={"done": True, "records": rows})
    assert statuses(alone(tmp_path).write(two())) == [CHANGED, CHANGED]


@responses.activate
def test_rows_are_matched_by_place_and_messages_show_no_value(tmp_path: Path) -> None:
    responses.get(f"{DATA}/queryAll/", json={"done": True, "records": []})
    refused = {
        "statusCode": "STRING_TOO_LONG",
        "message": "KARE Reason: data value too large: Secret of Acme (max length=5)",
        "fields": ["KARE_Reason__c"],
    }
    reply = [{"success": False, "errors": [refused]}, {"id": KEYS[1], "success": True, "errors": []}]
    responses.patch(f"{DATA}/composite/sobjects", json=reply)
    first, second = alone(tmp_path).write(two())
    assert (first.status, first.field, second.status) == (REJECTED, "KARE_Reason__c", CHANGED)
    assert "Acme" not in first.message
    assert "max length=5" in first.message


@responses.activate
@pytest.mark.parametrize("errors", [None, [], ["text"], [{}]])
def test_a_refusal_without_reasons_is_still_a_refusal(tmp_path: Path, errors: Any) -> None:
    responses.get(f"{DATA}/queryAll/", json={"done": True, "records": []})
    responses.patch(f"{DATA}/composite/sobjects", json=[{"success": False, "errors": errors}] * 2)
    outcomes = alone(tmp_path).write(two())
    assert [(one.status, one.code) for one in outcomes] == [(REJECTED, "UNKNOWN_ERROR")] * 2
    assert all(one.fix for one in outcomes)


@responses.activate
def test_a_locked_record_is_sent_again_after_answers_were_lost_before_its_turn(tmp_path: Path) -> None:
    records = [reason(f"001{number:012d}AAA") for number in range(601)]
    locked = {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "locked", "fields": []}]}
    lost, taken, refused = (503, None), (200, {"success": True, "errors": []}), (200, locked)
    turns = iter((lost, taken, lost, refused, lost, lost))

    def answer(call: Any) -> tuple[int, dict[str, str], str]:
        status, each = next(turns, taken)
        return status, {}, json.dumps([each] * len(json.loads(call.body)["records"]))

    responses.get(f"{DATA}/queryAll/", json={"done": True, "records": [], "totalSize": 0})
    responses.add_callback(responses.PATCH, f"{DATA}/composite/sobjects", answer)
    outcomes = alone(tmp_path).write(WriteRequest("Account", (FIELD,), tuple(records)))
    assert set(statuses(outcomes)) == {CHANGED}
