"""People win: what a person edited since the plan is never overwritten."""

from crm_kare.model import OutcomeStatus
from crm_kare.testing import steps
from crm_kare.testing.rig import Rig, Row

CHANGED, SAME, CONFLICT = OutcomeStatus.CHANGED, OutcomeStatus.SAME, OutcomeStatus.CONFLICT


def a_persons_edit_since_is_a_conflict(rig: Rig) -> None:
    """The person's value stands, no field of that account is written, the outcome tells what the CRM holds."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    first: dict[str, Row] = {key: {"Profile": "Keep", "Reason": "One"} for key in ids}
    steps.write(rig, connector, first)
    rig.clock.advance(steps.HOUR)
    rig.edit_labels(ids[1], {"Profile": "Attain"})
    rig.clock.advance(steps.MINUTE)
    outcomes = steps.write(rig, connector, {key: {"Profile": "Expand", "Reason": "Two"} for key in ids}, first)
    assert steps.statuses(outcomes) == [CHANGED, CONFLICT, CHANGED]
    held = steps.read(rig, connector, ids)[ids[1]]
    assert (held["Profile"], held["Reason"]) == ("Attain", "One")
    assert dict(outcomes[1].present)["Profile"] == "Attain"


def an_edit_by_a_person_in_a_blank_field_is_a_conflict(rig: Rig) -> None:
    """Blank was expected, a person typed something."""
    connector, (key,) = steps.ready(rig), steps.seeded(rig, 1)
    rig.edit_labels(key, {"Reason": "Call her on Monday"})
    outcomes = steps.write(rig, connector, {key: {"Reason": "Ours"}}, {key: {"Reason": None}})
    assert steps.statuses(outcomes) == [CONFLICT]
    assert steps.read(rig, connector, [key])[key]["Reason"] == "Call her on Monday"


def a_value_cleared_by_a_person_is_a_conflict(rig: Rig) -> None:
    """A value was expected, a person emptied the field."""
    connector, (key,) = steps.ready(rig), steps.seeded(rig, 1)
    steps.write(rig, connector, {key: {"Reason": "Ours"}})
    rig.edit_labels(key, {"Reason": None})
    outcomes = steps.write(rig, connector, {key: {"Reason": "Ours again"}}, {key: {"Reason": "Ours"}})
    assert steps.statuses(outcomes) == [CONFLICT]
    assert steps.read(rig, connector, [key])[key]["Reason"] is None


def a_person_who_typed_what_we_wanted_is_no_conflict(rig: Rig) -> None:
    """The record holds the values already: `same`."""
    connector, (key,) = steps.ready(rig), steps.seeded(rig, 1)
    rig.edit_labels(key, {"Profile": "Keep"})
    outcomes = steps.write(rig, connector, {key: {"Profile": "Keep"}}, {key: {"Profile": None}})
    assert steps.statuses(outcomes) == [SAME]


def an_edit_of_another_field_is_no_conflict(rig: Rig) -> None:
    """People work on the account all day; only the labels written are compared, and their edit stands."""
    connector, (key,) = steps.ready(rig), steps.seeded(rig, 1)
    rig.edit("accounts", key, {"name": "New name"})
    rig.edit_labels(key, {"Override": "Attain"})
    assert steps.statuses(steps.write(rig, connector, {key: {"Profile": "Keep"}})) == [CHANGED]
    assert steps.read(rig, connector, [key])[key]["Override"] == "Attain"
    assert steps.pull(connector, steps.accounts(rig)).rows[key]["name"] == "New name"
