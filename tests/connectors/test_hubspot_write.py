"""HubSpot's quirks in writing: batches with bad records, merges, lost answers, a person in between."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from crm_kare.errors import AccessError, RetryError
from crm_kare.model import OutcomeStatus
from crm_kare.ports import RecordWrite, WriteRequest
from crm_kare.sandbox.faults import DROP, TRUNCATE, Fault
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

CHANGED, SAME, REJECTED = OutcomeStatus.CHANGED, OutcomeStatus.SAME, OutcomeStatus.REJECTED
CONFLICT, UNKNOWN = OutcomeStatus.CONFLICT, OutcomeStatus.UNKNOWN
UPDATE = "/crm/v3/objects/companies/batch/update"
READ = "/crm/v3/objects/companies/batch/read"


def request(rig: Any, values: Mapping[str, Mapping[str, str | None]]) -> WriteRequest:
    records = tuple(RecordWrite(key, one, dict.fromkeys(one)) for key, one in values.items())
    return WriteRequest("companies", steps.ours(rig), records)


def held(rig: Any, name: str) -> dict[str, str | None]:
    return {key: one[name] for key, one in rig.records("accounts").items()}


def test_one_bad_record_in_five_hundred_costs_little_and_is_named(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 500)
    values = {key: {"Profile": "Keep"} for key in ids} | {ids[250]: {"Profile": "Nonsense"}}
    before = rig.calls()
    outcomes = [
        outcome
        for start in range(0, 500, 100)
        for outcome in connector.write(request(rig, {key: values[key] for key in ids[start : start + 100]}))
    ]
    assert [one.account_id for one in outcomes if one.status is not CHANGED] == [ids[250]]
    bad = outcomes[250]
    assert (bad.status, bad.code, bad.field) == (REJECTED, "INVALID_OPTION", "kare_profile")
    assert "provision portal" in bad.fix
    assert rig.calls() - before <= 15
    assert [key for key, value in held(rig, "kare_profile").items() if value != "Keep"] == [ids[250]]


@pytest.fixture
def untraced(rig: Any) -> None:
    """A portal that pays no heed to trace ids: one bad value refuses the whole batch and names no record."""
    rig.portal.settings = replace(rig.portal.settings, traced_updates=False)


@pytest.mark.usefixtures("untraced")
def test_a_batch_refused_as_a_whole_is_parted_by_the_value_it_names(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 100)
    values = {key: {"Profile": "Keep"} for key in ids} | {ids[7]: {"Profile": "Nonsense"}}
    before = rig.calls()
    outcomes = connector.write(request(rig, values))
    assert [one.account_id for one in outcomes if one.status is not CHANGED] == [ids[7]]
    assert outcomes[7].code == "INVALID_OPTION"
    assert rig.calls() - before <= 4


@pytest.mark.usefixtures("untraced")
def test_a_batch_refused_without_a_hint_is_halved(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 16)
    values: dict[str, dict[str, str | None]] = {key: {"Profile": "Keep"} for key in ids}
    for bad in (ids[3], ids[12]):
        values[bad] = {"Profile": "Keep", "Changed_On": "not a day"}
    outcomes = connector.write(request(rig, values))
    assert [one.account_id for one in outcomes if one.status is not CHANGED] == [ids[3], ids[12]]
    assert all(one.code and one.fix for one in outcomes if one.status is REJECTED)


@pytest.mark.usefixtures("untraced")
def test_a_property_that_is_not_there_rejects_those_who_carry_it_and_no_other(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 20)
    rig.portal.org.drop_field("companies", "kare_reason")
    values: dict[str, dict[str, str | None]] = {
        key: {"Profile": "Keep", "Reason": "x"} if place % 2 else {"Profile": "Keep"} for place, key in enumerate(ids)
    }
    before = rig.calls()
    outcomes = connector.write(request(rig, values))
    assert [one.status for one in outcomes] == [CHANGED, REJECTED] * 10
    assert outcomes[1].code == "PROPERTY_DOESNT_EXIST"
    assert rig.calls() - before <= 3


def test_merged_and_archived_accounts_are_told_apart(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 4)
    kind = next(one for one in OBJECT_TYPES if one.name == "companies")
    pair = rig.portal.org.get_many("companies", ids[:2])
    survivor = merge(rig.portal, kind, pair[ids[0]], pair[ids[1]], "user:61000000")
    rig.delete("accounts", ids[2])
    outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert [(one.status, one.code) for one in outcomes] == [
        (REJECTED, "MERGED"),
        (REJECTED, "MERGED"),
        (REJECTED, "OBJECT_NOT_FOUND"),
        (CHANGED, ""),
    ]
    assert held(rig, "kare_profile")[survivor["_id"]] is None
    assert set(connector.read("companies", ids, rig.setting.fields)) == {ids[3]}


def test_a_record_that_vanishes_between_read_and_write_is_rejected(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    _between(rig, monkeypatch, lambda: rig.delete("accounts", ids[0]))
    outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert [(one.status, one.code) for one in outcomes] == [(REJECTED, "OBJECT_NOT_FOUND"), (CHANGED, "")]


def _between(rig: Any, monkeypatch: pytest.MonkeyPatch, step: Callable[[], None]) -> None:
    """Do something when the first batch/update arrives, before the sandbox looks at it."""
    faults = rig.running.faults
    done: list[str] = []
    usual = faults.next_for

    def next_for(method: str, path: str) -> Fault | None:
        if path == UPDATE and not done:
            done.append(path)
            step()
        found: Fault | None = usual(method, path)
        return found

    monkeypatch.setattr(faults, "next_for", next_for)


def test_a_write_lost_before_it_was_applied_is_sent_again(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 3)
    rig.running.faults.order(Fault(UPDATE, "POST", DROP))
    outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert [one.status for one in outcomes] == [CHANGED] * 3
    assert set(held(rig, "kare_profile").values()) == {"Keep"}


def test_a_write_applied_whose_answer_was_lost_is_written_once(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 3)
    rig.running.faults.order(Fault(UPDATE, "POST", status=502, body="<html>bad gateway</html>", after=True))
    outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert [one.status for one in outcomes] == [CHANGED] * 3
    assert len(rig.running.faults.calls(UPDATE)) == 1


def test_so_is_a_write_whose_answer_broke_off_in_tls(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = steps.ready(rig)
    (one,) = steps.seeded(rig, 1)
    usual, broken = urllib3.PoolManager.request, list[str]()

    def breaking(self: urllib3.PoolManager, method: str, url: str, **more: Any) -> Any:
        answer = usual(self, method, url, **more)
        if url.endswith(UPDATE) and not broken:
            broken.append(url)
            answer.close()
            raise urllib3.exceptions.SSLError("EOF occurred in violation of protocol")
        return answer

    monkeypatch.setattr(urllib3.PoolManager, "request", breaking)
    (outcome,) = connector.write(request(rig, {one: {"Profile": "Keep"}}))
    assert outcome.status is CHANGED
    assert len(rig.running.faults.calls(UPDATE)) == 1


def test_a_person_who_edits_after_the_lost_write_wins(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    _between(rig, monkeypatch, lambda: rig.edit_labels(ids[0], {"Profile": "Attain"}))
    rig.running.faults.order(Fault(UPDATE, "POST", DROP))
    outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert [one.status for one in outcomes] == [CONFLICT, CHANGED]
    assert held(rig, "kare_profile")[ids[0]] == "Attain"


def test_writes_that_never_arrive_end_the_call_as_unavailable(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    rig.running.faults.order(Fault(UPDATE, "POST", DROP, times=0))
    slept = len(rig.clock.slept)
    with pytest.raises(RetryError):
        connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert rig.clock.slept[slept:] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert set(held(rig, "kare_profile").values()) == {None}


def test_writes_whose_fate_cannot_be_asked_are_unknown(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    rig.running.faults.order(Fault(UPDATE, "POST", DROP), Fault(READ, "POST", skip=1, times=0))
    outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))
    assert [(one.status, one.code) for one in outcomes] == [(UNKNOWN, "ANSWER_LOST")] * 2


def test_an_answer_that_names_nothing_is_not_taken_for_success(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 2)
    empty = json.dumps({"status": "COMPLETE", "results": []})
    rig.running.faults.order(Fault(UPDATE, "POST", status=200, body=empty, times=0))
    with pytest.raises(RetryError, match="did not take the records"):
        connector.write(request(rig, {key: {"Profile": "Keep"} for key in ids}))


def test_numbers_that_hubspot_writes_otherwise_are_the_same(rig: Any) -> None:
    connector = steps.ready(rig)
    (key,) = steps.seeded(rig, 1)
    rig.edit_labels(key, {"ICP_Score": "62.0"})
    assert [one.status for one in connector.write(request(rig, {key: {"ICP_Score": "62"}}))] == [SAME]


def test_a_write_without_the_scope_raises_and_names_it(rig: Any) -> None:
    connector = steps.ready(rig)
    (key,) = steps.seeded(rig, 1)
    settings = rig.portal.settings
    rig.portal.settings = replace(settings, scopes=settings.scopes - {"crm.objects.companies.write"})
    with pytest.raises(AccessError, match=r"crm\.objects\.companies\.write"):
        connector.write(request(rig, {key: {"Profile": "Keep"}}))


def test_under_random_faults_every_record_is_written_and_no_more(rig: Any) -> None:
    connector = steps.ready(rig)
    ids = steps.seeded(rig, 300)
    faults = (
        Fault("/crm/*", status=502, share=0.05, seed=1, times=0),
        Fault("/crm/*", kind=DROP, share=0.05, seed=2, times=0),
        Fault("/crm/*", kind=DROP, after=True, share=0.1, seed=3, times=0),
        Fault("/crm/*", kind=TRUNCATE, share=0.05, seed=4, times=0),
    )
    rig.running.faults.order(*faults)
    assert set(steps.pull(connector, steps.accounts(rig)).rows) == set(ids)
    for start in range(0, 300, 20):
        part = ids[start : start + 20]
        outcomes = connector.write(request(rig, {key: {"Profile": "Keep"} for key in part}))
        assert {one.status for one in outcomes} <= {CHANGED}
    rig.running.faults.clear()
    assert {one.status for one in rig.running.faults.calls()} >= {0, 502}
    changes = rig.portal.org.history("companies", ids, "kare_profile")
    assert sorted(one.record_id for one in changes) == sorted(ids)
