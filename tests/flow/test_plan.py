"""The planner on hand-made tables: what is written, what is left, what is held back."""

from datetime import date, timedelta

import pytest
from flow.tables import DAY, after, changed, plan_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm_kare.labels import BY_NAME
from crm_kare.sync.plan import plan_hash
from crm_kare.sync.policy import Scope
from crm_kare.sync.wanted import cut

KEEP = {"profile": "Keep", "motion": "Retain", "reason": "why", "icp_score": 87}
HOLDS = {"Profile": "Keep", "Computed_Profile": "Keep", "Changed_On": "2026-01-05", "Motion": "Retain", "Reason": "why"}


def test_a_first_label_has_no_previous_profile_and_is_dated_today() -> None:
    plan = plan_of({"a": KEEP}, {"a": {}})
    assert changed(plan) == {
        ("a", "Profile"): (None, "Keep"),
        ("a", "Computed_Profile"): (None, "Keep"),
        ("a", "Changed_On"): (None, "2026-11-03"),
        ("a", "Motion"): (None, "Retain"),
        ("a", "Reason"): (None, "why"),
        ("a", "ICP_Score"): (None, "87"),
    }
    assert plan.by_transition() == {"none>Keep": 1}


def test_an_account_that_never_had_a_profile_gets_no_date() -> None:
    plan = plan_of({"a": {"reason": "not enough known"}}, {"a": {}})
    assert changed(plan) == {("a", "Reason"): (None, "not enough known")}


def test_a_change_keeps_where_it_came_from() -> None:
    plan = plan_of(
        {"a": KEEP | {"profile": "Recapture"}}, {"a": HOLDS | {"ICP_Score": "87"}}, {"a": {"Profile": "Keep"}}
    )
    assert changed(plan)["a", "Previous_Profile"] == (None, "Keep")
    assert changed(plan)["a", "Changed_On"] == ("2026-01-05", "2026-11-03")
    assert plan.by_transition() == {"Keep>Recapture": 1}


@pytest.mark.parametrize("held", ["87", "87.0", "87.0000", "8.7E1"])
def test_numbers_are_compared_as_numbers(held: str) -> None:
    assert plan_of({"a": KEEP}, {"a": HOLDS | {"ICP_Score": held}}).empty()


def test_line_ends_and_blanks_at_the_ends_are_no_difference() -> None:
    want = {"a": KEEP | {"reasons": ["one", "two"]}}
    names = ("Profile", "Reasons")
    assert plan_of(want, {"a": {"Profile": "Keep", "Reasons": "one\r\ntwo "}}, names=names).empty()


def test_a_value_that_becomes_blank_is_blanked() -> None:
    plan = plan_of({"a": KEEP | {"reason": None}}, {"a": HOLDS | {"ICP_Score": "87"}})
    assert changed(plan) == {("a", "Reason"): ("why", None)}


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("Last order 18 Jun", 17, "Last order 18 Jun"),
        ("Last order 18 June", 17, "Last order 18…"),
        ("Last order, 18 June", 12, "Last order…"),
        ("Incomprehensibilities", 10, "Incompreh…"),
    ],
)
def test_texts_are_cut_at_whole_words(text: str, length: int, shown: str) -> None:
    assert cut(text, length) == shown
    assert len(shown) <= length


def test_a_long_reason_fits_its_field() -> None:
    (change,) = [one for one in plan_of({"a": KEEP | {"reason": "word " * 80}}, {"a": {}}) if one.label == "Reason"]
    assert change.new is not None
    assert len(change.new) <= BY_NAME["Reason"].length
    assert change.new.endswith("word…")


def test_a_hand_edit_holds_back_every_judgement_of_the_account() -> None:
    names = (*("Profile", "Motion", "Reason"), "Rules_Version")
    crm = {
        "a": {"Profile": "Keep", "Motion": "Grow", "Reason": "old"},
        "b": {"Profile": "Keep", "Motion": "Retain", "Reason": "old"},
    }
    own = {one: {"Profile": "Keep", "Motion": "Retain", "Reason": "old"} for one in crm}
    want = {one: KEEP | {"rules_version": "2"} for one in crm}
    plan = plan_of(want, crm, own, names=names)
    assert changed(plan) == {
        ("a", "Rules_Version"): (None, "2"),
        ("b", "Reason"): ("old", "why"),
        ("b", "Rules_Version"): (None, "2"),
    }
    assert plan.conflicts.to_pylist() == [
        {"account_id": "a", "label": "Motion", "ours": "Retain", "present": "Grow", "new": "Retain"}
    ]


@pytest.mark.parametrize("present", ["Retain", None])
def test_a_conflict_ends_when_the_field_equals_ours_or_is_emptied(present: str | None) -> None:
    own = {"a": {"Profile": "Keep", "Motion": "Grow"}}
    plan = plan_of({"a": KEEP}, {"a": HOLDS | {"Motion": present, "Reason": "old"}}, own)
    assert plan.conflict_accounts() == 0
    assert ("a", "Reason") in changed(plan)


def test_the_policy_restore_writes_over_hand_edits() -> None:
    plan = plan_of(
        {"a": KEEP}, {"a": HOLDS | {"Motion": "Grow", "ICP_Score": "87"}}, {"a": {"Motion": "Retain"}}, restore=True
    )
    assert changed(plan) == {("a", "Motion"): ("Grow", "Retain")}


def test_without_a_journalled_value_there_is_no_conflict_and_the_plan_shows_it() -> None:
    plan = plan_of({"a": KEEP}, {"a": HOLDS | {"Motion": "Grow", "ICP_Score": "87"}})
    assert plan.conflict_accounts() == 0
    assert changed(plan) == {("a", "Motion"): ("Grow", "Retain")}


def test_a_value_typed_into_a_field_that_we_left_blank_is_a_hand_edit_too() -> None:
    crm, own = after(plan_of({"a": KEEP | {"reason": None}}, {"a": {}}), {"a": {}}, {})
    crm["a"]["Reason"] = "typed by a rep"
    plan = plan_of({"a": KEEP | {"reason": None}}, crm, own)
    assert plan.empty()
    assert [cell["label"] for cell in plan.conflicts.to_pylist()] == ["Reason"]


def test_a_lost_journal_learns_again_what_is_ours() -> None:
    crm = {"a": HOLDS | {"ICP_Score": "87"}}
    plan = plan_of({"a": KEEP}, crm)
    assert plan.empty()
    _, own = after(plan, crm, {})
    crm["a"]["Motion"] = "Grow"
    assert plan_of({"a": KEEP}, crm, own).conflict_accounts() == 1


def test_a_person_who_types_what_we_then_compute_is_no_conflict_later() -> None:
    own = {"a": {"Profile": "Keep", "Motion": "Retain"}}
    crm = {"a": HOLDS | {"Motion": "Grow", "ICP_Score": "87"}}
    crm_now, own_now = after(plan_of({"a": KEEP | {"motion": "Grow"}}, crm, own), crm, own)
    assert plan_of({"a": KEEP}, crm_now, own_now).conflict_accounts() == 0


def test_a_restored_profile_is_not_a_change_of_profile() -> None:
    own = {"a": {"Profile": "Keep", "Previous_Profile": None, "Changed_On": "2026-01-05"}}
    plan = plan_of({"a": KEEP}, {"a": HOLDS | {"Profile": "Expand", "ICP_Score": "87"}}, own, restore=True)
    assert changed(plan) == {("a", "Profile"): ("Expand", "Keep")}


def test_the_shown_profile_moves_the_date_and_the_computed_one_the_transition() -> None:
    want = {"a": KEEP | {"profile": "Expand", "computed_profile": "Keep"}}
    plan = plan_of(want, {"a": HOLDS}, {"a": {"Profile": "Keep"}}, before={"a": "Keep"})
    assert changed(plan)["a", "Profile"] == ("Keep", "Expand")
    assert changed(plan)["a", "Changed_On"] == ("2026-01-05", "2026-11-03")
    assert ("a", "Computed_Profile") not in changed(plan)
    assert plan.by_transition() == {}


def test_accounts_that_leave_the_filter_are_cleared_once() -> None:
    crm, own = after(plan_of({"a": KEEP, "b": KEEP}, {"a": {}, "b": {}}), {"a": {}, "b": {}}, {})
    plan = plan_of({"a": KEEP}, crm, own)
    assert plan.cleared == ("b",)
    assert set(changed(plan)) == {
        ("b", label) for label in ("Profile", "Computed_Profile", "Changed_On", "Motion", "Reason", "ICP_Score")
    }
    crm, own = after(plan, crm, own)
    assert not any(crm["b"].values())
    crm["b"]["Reason"] = "typed afterwards"
    assert plan_of({"a": KEEP}, crm, own).empty()


def test_leavers_are_kept_where_the_mapping_says_so() -> None:
    crm, own = after(plan_of({"a": KEEP}, {"a": {}}), {"a": {}}, {})
    assert plan_of({}, crm, own, clear_leavers=False).empty()


def test_what_others_wrote_outside_the_filter_is_left_alone() -> None:
    assert plan_of({}, {"a": HOLDS}).empty()


def test_a_scope_limits_what_is_written_and_counted() -> None:
    want = {one: KEEP | {"owner": owner} for one, owner in (("a", "Ann"), ("b", "Bob"), ("c", "Bob"))}
    crm: dict[str, dict[str, str]] = {one: {} for one in want}
    assert {one.account_id for one in plan_of(want, crm, scope=Scope(owner="Bob"))} == {"b", "c"}
    first = plan_of(want, crm, scope=Scope(limit=2))
    assert {one.account_id for one in first} == {"a", "b"}
    assert first.by_transition() == {"none>Keep": 2}
    assert not first.whole
    waiting = plan_of(want, crm, scope=Scope(waiting=frozenset({"a"})))
    assert {one.account_id for one in waiting} == {"b", "c"}
    assert waiting.waiting == 1


def test_a_staged_run_clears_nobody() -> None:
    own = {"b": {"Profile": "Keep"}}
    assert plan_of({"a": KEEP}, {"a": {}, "b": HOLDS}, own, scope=Scope(limit=5)).cleared == ()


def test_rank_moves_on_the_measuring_day_or_with_the_profile() -> None:
    names, own = ("Profile", "Rank"), {"a": {"Profile": "Keep", "Rank": "3"}}
    crm = {"a": {"Profile": "Keep", "Rank": "3"}}
    assert plan_of({"a": {"profile": "Keep", "rank": 1}}, crm, own, names=names, ranked=False).empty()
    assert changed(plan_of({"a": {"profile": "Keep", "rank": 1}}, crm, own, names=names)) == {("a", "Rank"): ("3", "1")}
    moved = plan_of({"a": {"profile": "Expand", "rank": 1}}, crm, own, names=names, ranked=False)
    assert changed(moved)["a", "Rank"] == ("3", None)
    first = plan_of({"a": {"profile": "Keep", "rank": 1}}, {"a": {}}, names=names, ranked=False)
    assert changed(first)["a", "Rank"] == (None, "1")


def test_class_moves_on_the_measuring_day_or_where_a_person_chose_it() -> None:
    names, own = ("Profile", "Class"), {"a": {"Profile": "Keep", "Class": "Key"}}
    crm = {"a": {"Profile": "Keep", "Class": "Key"}}
    smb = {"a": {"profile": "Keep", "class": "SMB"}}
    assert plan_of(smb, crm, own, names=names, ranked=False).empty()
    assert changed(plan_of(smb, crm, own, names=names)) == {("a", "Class"): ("Key", "SMB")}
    chosen = {"a": {"profile": "Keep", "class": "SMB", "class_chosen": True}}
    assert changed(plan_of(chosen, crm, own, names=names, ranked=False)) == {("a", "Class"): ("Key", "SMB")}
    first = plan_of({"a": {"profile": "Keep", "class": "SMB"}}, {"a": {}}, {}, names=names, ranked=False)
    assert changed(first)["a", "Class"] == (None, "SMB")


def test_labels_that_the_mapping_does_not_name_are_never_planned() -> None:
    plan = plan_of({"a": KEEP}, {"a": {}}, names=("Profile", "Override"))
    assert {one.label for one in plan} == {"Profile"}
    assert [one.label.name for one in plan.fields] == ["Profile"]
    assert plan_of({"a": KEEP}, {"a": {}}, names=("Override",)).empty()


def test_changed_on_stays_alone_where_the_profile_is_not_written() -> None:
    assert changed(plan_of({"a": KEEP}, {"a": {}}, names=("Changed_On", "Motion"))) == {
        ("a", "Motion"): (None, "Retain")
    }


def test_changes_name_the_field_and_the_reason_and_hold_both_values() -> None:
    plan = plan_of({"a": KEEP}, {"a": {"Reason": "old"}}, names=("Reason",))
    (change,) = plan
    assert (change.account_id, change.field, change.why) == ("a", "KARE_Reason__c", "why")
    assert (change.old, change.new) == ("old", "why")


def test_the_hash_tells_plans_apart_and_the_order_of_rows_does_not_matter() -> None:
    crm: dict[str, dict[str, str]] = {"a": {}, "b": {}}
    one = plan_of({"a": KEEP, "b": KEEP}, crm)
    other = plan_of({"b": KEEP, "a": KEEP}, {"b": {}, "a": {}})
    assert plan_hash(one) == plan_hash(other)
    assert plan_hash(one) != plan_hash(plan_of({"a": KEEP}, crm))
    assert plan_hash(one) != plan_hash(plan_of({"a": KEEP, "b": KEEP}, crm, day=DAY + timedelta(days=1)))


PROFILES = st.sampled_from(["Keep", "Attain", "Recapture", "Expand", None])
TEXTS = st.one_of(st.none(), st.text(max_size=300))
WANTED = st.fixed_dictionaries(
    {"profile": PROFILES, "motion": st.sampled_from(["Retain", "Grow", None]), "reason": TEXTS}
)
HELD = st.fixed_dictionaries(
    {
        "Profile": PROFILES,
        "Motion": st.sampled_from(["Retain", None]),
        "Reason": TEXTS,
        "Changed_On": st.just("2026-01-05"),
    }
)
OWN = st.dictionaries(st.sampled_from(["Profile", "Motion", "Reason", "Changed_On"]), PROFILES, max_size=3)
ACCOUNTS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(WANTED, HELD, OWN, st.booleans()), max_size=6)


@pytest.mark.parametrize("examples", [8, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.long])])
def test_planning_again_after_a_plan_was_written_plans_nothing(examples: int) -> None:
    once = given(accounts=ACCOUNTS, restore=st.booleans())(_require_quiet_after_a_plan)
    few = settings(max_examples=examples, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    few(once)()


def _require_quiet_after_a_plan(
    accounts: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str], bool]], *, restore: bool
) -> None:
    want = {one: row[0] for one, row in accounts.items() if row[3]}
    crm = {one: row[1] for one, row in accounts.items()}
    own = {one: row[2] for one, row in accounts.items()}
    plan = plan_of(want, crm, own, restore=restore)
    keys = [(one.account_id, one.label) for one in plan]
    assert len(keys) == len(set(keys))
    assert all(one.old != one.new for one in plan)
    held_back = {cell["account_id"] for cell in plan.conflicts.to_pylist()}
    assert not held_back & {account for account, _ in keys}
    now, ours = after(plan, crm, own)
    again = plan_of(want, now, ours, restore=restore, day=DAY + timedelta(days=40))
    assert again.empty()
    assert again.agreed.num_rows == 0 or held_back
    assert {cell["account_id"] for cell in again.conflicts.to_pylist()} <= held_back


def test_an_account_that_holds_all_we_want_is_ours_at_once_blank_fields_too() -> None:
    want = {"a": {"profile": None, "motion": "Retain"}}
    crm = {"a": {"Motion": "Retain", "Changed_On": "2026-01-05"}}
    plan = plan_of(want, crm)
    _, own = after(plan, crm, {})
    assert plan.empty()
    assert plan_of(want, crm, own).agreed.num_rows == 0


def test_a_plan_is_dated_by_the_day_it_is_given() -> None:
    plan = plan_of({"a": KEEP}, {"a": {}}, day=date(2025, 3, 1))
    assert changed(plan)["a", "Changed_On"] == (None, "2025-03-01")
