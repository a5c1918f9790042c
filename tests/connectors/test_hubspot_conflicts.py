"""Conflicts: a person's edit of a minute ago survives and is told with its hand; what our own app wrote is no edit."""

from collections.abc import Mapping
from typing import Any

import pytest

from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import RecordWrite, WriteRequest
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot.portal import APP
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)

CHANGED, CONFLICT = OutcomeStatus.CHANGED, OutcomeStatus.CONFLICT
READ = "/crm/v3/objects/companies/batch/read"
PERSON, OTHER_APP = "user:61000000", "app:99"


def write(rig: Any, connector: Any, wanted: Mapping[str, str], expected: str | None = None) -> list[Outcome]:
    records = tuple(RecordWrite(key, {"Profile": value}, {"Profile": expected}) for key, value in wanted.items())
    outcomes: list[Outcome] = connector.write(WriteRequest("companies", steps.ours(rig), records))
    return outcomes


def edited(rig: Any, key: str, value: str, who: str) -> None:
    rig.clock.advance(steps.MINUTE)
    rig.portal.org.update("companies", key, {"kare_profile": value}, who)


def profiles(rig: Any) -> dict[str, str | None]:
    return {key: one["kare_profile"] for key, one in rig.records("accounts").items()}


def test_a_clean_plan_costs_two_calls_for_each_hundred(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 250)
    before = rig.calls()
    assert {one.status for one in write(rig, connector, dict.fromkeys(ids, "Keep"))} == {CHANGED}
    assert rig.calls() - before == 6


def test_a_persons_edit_survives_and_is_told_with_who_and_when_for_one_call_more(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 250)
    edited(rig, ids[120], "Attain", PERSON)
    before = rig.calls()
    outcomes = write(rig, connector, dict.fromkeys(ids, "Keep"))
    assert [one.account_id for one in outcomes if one.status is not CHANGED] == [ids[120]]
    assert outcomes[120].status is CONFLICT
    assert (
        outcomes[120].message
        == "A person (user 61000000) edited it on 2026-11-04 at 08:01 UTC, since the plan was made."
    )
    assert dict(outcomes[120].present) == {"Profile": "Attain"}
    assert profiles(rig)[ids[120]] == "Attain"
    assert rig.calls() - before == 7


def test_another_app_is_told_as_one(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    edited(rig, ids[0], "Attain", OTHER_APP)
    outcomes = write(rig, connector, dict.fromkeys(ids, "Keep"))
    assert [one.status for one in outcomes] == [CONFLICT, CHANGED]
    assert outcomes[0].message.startswith("Another app (99) edited it on")


def test_what_our_own_app_wrote_since_is_nobodys_edit(rig: Any) -> None:
    """A run that was killed left it, and the plan was made before the mirror saw it."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    edited(rig, ids[0], "Attain", APP)
    outcomes = write(rig, connector, dict.fromkeys(ids, "Keep"))
    assert [one.status for one in outcomes] == [CHANGED] * 3
    assert set(profiles(rig).values()) == {"Keep"}


def test_a_person_who_edited_after_our_own_app_wins(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    edited(rig, ids[0], "Attain", APP)
    edited(rig, ids[0], "Expand", PERSON)
    assert [one.status for one in write(rig, connector, dict.fromkeys(ids, "Keep"))] == [CONFLICT, CHANGED]
    assert profiles(rig)[ids[0]] == "Expand"


def test_where_nothing_tells_which_app_is_ours_it_stays_a_conflict(rig: Any) -> None:
    connector, (key,) = steps.ready(rig), steps.seeded(rig, 1)
    edited(rig, key, "Attain", APP)
    assert [one.status for one in write(rig, connector, {key: "Keep"})] == [CONFLICT]
    assert profiles(rig)[key] == "Attain"


def test_a_history_that_cannot_be_read_leaves_a_conflict_without_a_name(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    edited(rig, ids[0], "Attain", PERSON)
    rig.running.faults.order(Fault(READ, "POST", skip=1, times=0))
    outcomes = write(rig, connector, dict.fromkeys(ids, "Keep"))
    assert [one.status for one in outcomes] == [CONFLICT, CHANGED]
    assert outcomes[0].message == "A person edited it since the plan was made."


def test_edits_of_every_record_stay_within_two_calls_a_batch(rig: Any) -> None:
    connector, ids = steps.ready(rig), steps.seeded(rig, 400)
    for key in ids:
        rig.portal.org.update("companies", key, {"kare_profile": "Attain"}, PERSON)
    before = rig.calls()
    outcomes = write(rig, connector, dict.fromkeys(ids, "Keep"))
    assert {one.status for one in outcomes} == {CONFLICT}
    assert rig.calls() - before <= 8
    assert sum("61000000" in one.message for one in outcomes) >= 190
