"""Bad records among good ones: every good one written, every bad one named, nobody blamed for another, at few calls."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.labels import BY_NAME
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import LabelField, RecordWrite, WriteRequest
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot import writing
from crm_kare.sandbox.hubspot.errors import invalid_properties
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

CHANGED, REJECTED = OutcomeStatus.CHANGED, OutcomeStatus.REJECTED
UPDATE = "/crm/v3/objects/companies/batch/update"
CLEAN = 2 * 5
"""Calls for 500 records: five batches, each read and written."""

Values = Mapping[str, Mapping[str, str | None]]


def request(rig: Any, values: Values) -> WriteRequest:
    records = tuple(RecordWrite(key, one, dict.fromkeys(one)) for key, one in values.items())
    return WriteRequest("companies", steps.ours(rig), records)


def written(rig: Any, values: Values, bad: set[str]) -> tuple[dict[str, Outcome], int]:
    """Outcomes, and the calls it took; asserts that exactly the bad ones were rejected and all others hold the value."""
    connector = rig.connector()
    connector.organisation()
    before = rig.calls()
    outcomes = connector.write(request(rig, values))
    made = rig.calls() - before
    assert [one.account_id for one in outcomes] == list(values)
    assert {one.account_id for one in outcomes if one.status is REJECTED} == bad
    assert {one.status for one in outcomes if one.account_id not in bad} <= {CHANGED}
    held = {key: one["kare_profile"] for key, one in rig.records("accounts").items()}
    assert {key: held.get(key) for key in values if key not in bad} == {
        key: one["Profile"] for key, one in values.items() if key not in bad
    }
    assert all(held.get(key) is None for key in bad)
    found = {one.account_id: one for one in outcomes}
    assert all(found[key].code and found[key].message and found[key].fix for key in bad)
    return found, made


def keeps(ids: list[str]) -> dict[str, dict[str, str | None]]:
    return {key: {"Profile": "Keep"} for key in ids}


@pytest.fixture
def untraced(rig: Any) -> None:
    """A portal that pays no heed to trace ids: one bad value refuses the whole batch and names no record."""
    rig.portal.settings = replace(rig.portal.settings, traced_updates=False)


def test_one_bad_record_in_five_hundred_costs_no_call_more_where_trace_ids_are_heeded(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 500)
    bad = ids[250]
    found, made = written(rig, keeps(ids) | {bad: {"Profile": "Nonsense"}}, {bad})
    assert (found[bad].code, found[bad].field) == ("INVALID_OPTION", "kare_profile")
    assert found[bad].message.startswith("Nonsense was not one of the allowed options")
    assert made == CLEAN


@pytest.mark.usefixtures("untraced")
def test_one_bad_record_in_five_hundred_is_found_by_the_value_that_is_quoted(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 500)
    bad = ids[250]
    found, made = written(rig, keeps(ids) | {bad: {"Profile": "Nonsense"}}, {bad})
    assert found[bad].message.startswith("Nonsense was not one of the allowed options")
    assert made <= 1.5 * CLEAN


def silent(monkeypatch: pytest.MonkeyPatch, field: str = "") -> None:
    """Refusals of whole batches that quote no value, and name a property at most."""

    def refusal(_problems: list[dict[str, Any]]) -> Exception:
        from crm_kare.sandbox.hubspot.errors import validation  # noqa: PLC0415  beside what it stands in for

        told = [{"message": "A value was not valid.", "code": "INVALID", "context": {"propertyName": [field]}}]
        return validation("Property values were not valid.", errors=told if field else [])

    monkeypatch.setattr("crm_kare.sandbox.hubspot.writing.invalid_properties", refusal)


@pytest.mark.usefixtures("untraced")
def test_a_message_that_quotes_nothing_leads_by_the_propertys_definition(
    rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 500)
    bad = ids[7]
    silent(monkeypatch, "kare_changed_on")
    values: dict[str, dict[str, str | None]] = keeps(ids)
    values[bad] = {"Profile": "Keep", "Changed_On": "not a day"}
    _, made = written(rig, values, {bad})
    assert made <= 1.5 * CLEAN


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("places", [(0,), (99,), (3, 4), (0, 50, 99)])
def test_without_any_hint_halves_find_each_bad_one(
    rig: Any, monkeypatch: pytest.MonkeyPatch, places: tuple[int, ...]
) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 100)
    silent(monkeypatch)
    monkeypatch.setattr("crm_kare_hubspot.write_blame.fits", lambda *_: True)
    bad = {ids[place] for place in places}
    _, made = written(rig, keeps(ids) | {key: {"Profile": "Nonsense"} for key in bad}, bad)
    assert made <= 2 + 10 * len(bad)


@pytest.mark.usefixtures("untraced")
def test_all_bad_ones_of_one_value_are_told_by_one_of_them(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 100)
    bad = set(ids[::2])
    found, made = written(rig, keeps(ids) | {key: {"Profile": "Nonsense"} for key in bad}, bad)
    assert {found[key].code for key in bad} == {"INVALID_OPTION"}
    assert made <= 5


def unlucky(monkeypatch: pytest.MonkeyPatch, bad: set[str]) -> None:
    """Records for which HubSpot refuses a value that it takes for others, and quotes it."""
    usual = writing.checked_values

    def checked(portal: Any, kind: Any, record: Mapping[str, Any], *rest: Any, **more: Any) -> dict[str, Any]:
        if record.get("_id") not in bad:
            return usual(portal, kind, record, *rest, **more)
        told = {"isValid": False, "error": "INVALID_OPTION", "name": "kare_profile"}
        raise invalid_properties([told | {"message": "Keep was not one of the allowed options: [a, b]"}])

    monkeypatch.setattr(writing, "checked_values", checked)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("place", [0, 50, 99, 250, 499])
def test_a_value_refused_for_one_record_is_written_for_all_others(
    rig: Any, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 500)
    unlucky(monkeypatch, {ids[place]})
    _, made = written(rig, keeps(ids), {ids[place]})
    assert made <= CLEAN + 12


@pytest.mark.usefixtures("untraced")
def test_bad_values_of_several_kinds_in_one_batch_are_each_told_in_hubspots_words(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 100)
    values: dict[str, dict[str, str | None]] = dict(keeps(ids))
    values[ids[1]] = {"Profile": "Nonsense"}
    values[ids[2]] = {"Profile": "Keep", "Changed_On": "2026-13-01"}
    values[ids[3]] = {"Profile": "Keep", "ICP_Score": "many"}
    values[ids[4]] = {"Profile": "Keep", "Reasons": "x" * 70_000}
    found, _ = written(rig, values, set(ids[1:5]))
    assert [found[key].code for key in ids[1:5]] == [
        "INVALID_OPTION",
        "INVALID_DATE",
        "INVALID_DOUBLE",
        "PROPERTY_VALUE_TOO_LONG",
    ]


@pytest.mark.usefixtures("untraced")
def test_a_value_that_is_part_of_the_quoted_one_makes_nobody_suspect(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 50)
    bad = ids[20]
    _, made = written(rig, keeps(ids) | {bad: {"Profile": "Keeper"}}, {bad})
    assert made <= 4


@pytest.mark.usefixtures("untraced")
def test_an_innocent_with_the_quoted_value_in_another_record_is_written(rig: Any) -> None:
    """The score 5 is good, the rank "5 or 6" is not: both are quoted by the message in part."""
    steps.ready(rig)
    ids = steps.seeded(rig, 30)
    values: dict[str, dict[str, str | None]] = {key: {"Profile": "Keep", "Rank": "5"} for key in ids}
    values[ids[9]] = {"Profile": "Keep", "Rank": "5 or 6"}
    written(rig, values, {ids[9]})


def test_a_read_only_property_is_told_and_the_others_are_written(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 4)
    fields = (*steps.ours(rig), LabelField(BY_NAME["Target"], "hs_num_child_companies"))
    records = [RecordWrite(key, {"Profile": "Keep"}, {"Profile": None}) for key in ids]
    records[2] = RecordWrite(ids[2], {"Target": "true"}, {"Target": None})
    outcomes = rig.connector().write(WriteRequest("companies", fields, tuple(records)))
    assert [one.status for one in outcomes] == [CHANGED, CHANGED, REJECTED, CHANGED]
    assert outcomes[2].code == "READ_ONLY_VALUE"


def test_a_200_that_names_fewer_records_than_were_sent_is_no_success_for_the_others(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 5)
    told = json.dumps({"status": "COMPLETE", "results": [{"id": ids[1]}]})
    rig.running.faults.order(Fault(UPDATE, "POST", status=200, body=told, after=True))
    outcomes = connector.write(request(rig, keeps(ids)))
    assert [one.status for one in outcomes] == [CHANGED] * 5
    assert len(rig.running.faults.calls("*/batch/read")) == 2, "the others were looked up, not guessed"


def test_a_207_whose_error_names_no_record_is_sorted_out_by_what_it_leaves_out(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 3)
    error = {"status": "error", "category": "VALIDATION_ERROR", "message": "Rule 7 says no."}
    told = {"status": "COMPLETE", "results": [{"id": ids[0]}, {"id": ids[2]}], "numErrors": 1, "errors": [error]}
    rig.running.faults.order(Fault(UPDATE, "POST", status=207, body=json.dumps(told)))
    outcomes = rig.connector().write(request(rig, keeps(ids)))
    assert [one.status for one in outcomes] == [CHANGED, REJECTED, CHANGED]
    assert outcomes[1].message == "Rule 7 says no."


def test_a_text_that_hubspot_quotes_is_not_told_even_where_it_is_cut(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 2)
    secret = "Brandt owes 41,000 since May; " * 20
    texts = {ids[0]: secret, ids[1]: "Brandt owes"}
    values: Values = {key: {"Profile": "Keep", "Reason": text} for key, text in texts.items()}
    errors = [
        {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": f"Rule 7 refuses {text}",
            "context": {"objectWriteTraceId": [key]},
        }
        for key, text in texts.items()
    ]
    told = json.dumps({"status": "COMPLETE", "results": [], "numErrors": 2, "errors": errors})
    rig.running.faults.order(Fault(UPDATE, "POST", status=207, body=told))
    outcomes = rig.connector().write(request(rig, values))
    assert [one.message for one in outcomes] == ["Rule 7 refuses …"] * 2


def test_the_fault_of_an_archived_one_is_nobody_elses(rig: Any) -> None:
    steps.ready(rig)
    ids = steps.seeded(rig, 250)
    gone = {ids[0], ids[120], ids[249]}
    for key in gone:
        rig.delete("accounts", key)
    outcomes = rig.connector().write(request(rig, keeps(ids)))
    assert {one.account_id for one in outcomes if one.code == "OBJECT_NOT_FOUND"} == gone
    assert {one.status for one in outcomes if one.account_id not in gone} == {CHANGED}
