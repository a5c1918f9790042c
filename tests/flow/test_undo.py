"""Undoing a run: what it changed is taken back where the CRM still holds it, and the next run waits for approval."""

from pathlib import Path

import pytest
from flow.worlds import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_kare.errors import UsageError
from crm_kare.model import RunStatus
from crm_kare.sync.flow import Options, apply_saved, plan_only, sync, undo, undo_plan
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.saved_plan import save

Acme = tuple[World, Runtime]
FORCE = Options(force=True)
IDS = ("a1", "a2", "a3", "a4")


def shown(world: World) -> dict[str, dict[str, str | None]]:
    return {name: world.labels("acme", name) for name in IDS}


def held(runtime: Runtime) -> dict[str, tuple[str | None, str]]:
    """The label history's last word: computed profile and since when."""
    table = runtime.journal.labels.held("acme")
    return {row["account_id"]: (row["computed_profile"], str(row["since"])) for row in table.to_pylist()}


def wrongly(world: World, runtime: Runtime) -> str:
    """A day after a good first run, a run that writes Recapture to a1 and a2."""
    sync(runtime, [], FORCE)
    world.clock.advance(86_400)
    world.verdict |= {"a1": "Recapture", "a2": "Recapture"}
    (wrong,) = sync(runtime)
    assert wrong.applied.changed == 2
    return wrong.run_id


def test_an_undone_run_leaves_the_crm_and_the_held_labels_as_they_were(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    before, labels = shown(world), held(runtime)
    world.clock.advance(86_400)
    world.verdict["a1"] = "Recapture"
    (wrong,) = sync(runtime)
    undone, _ = undo(runtime, wrong.run_id)
    assert (undone.status, undone.exit_code, undone.applied.changed) == (RunStatus.DONE, 0, 1)
    assert undone.planned.by_transition == {"Recapture>Keep": 1}
    assert (shown(world), held(runtime)) == (before, labels)
    kept = runtime.journal.runs.get(undone.run_id)
    assert kept is not None
    assert kept.verb == "undo"
    assert {one.change.why for one in runtime.journal.changes.of_run(undone.run_id)} == {f"Undo of {wrong.run_id}"}


def test_a_first_run_is_undone_to_blank(acme: Acme) -> None:
    world, runtime = acme
    before = shown(world)
    (first,) = sync(runtime, [], FORCE)
    undo(runtime, first.run_id)
    assert shown(world) == before
    assert {profile for profile, _ in held(runtime).values()} == {None}


@pytest.mark.slow
def test_what_moved_or_went_meanwhile_is_listed_and_left(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.clock.advance(86_400)
    world.verdict |= {"a1": "Recapture", "a2": "Recapture", "a3": "Recapture"}
    (wrong,) = sync(runtime)
    world.edit("acme", "a1", Motion="Grow")
    world.edit("acme", "a3", Profile="Keep")
    world.crms["acme"].delete("accounts", "a2")
    found, undoing = undo_plan(runtime, wrong.run_id)
    assert undoing is not None
    left = [
        (row["account_id"], row["label"], row["ours"], row["present"], row["why"]) for row in undoing.left.to_pylist()
    ]
    assert left[0] == ("a1", "Motion", "Reactivate", "Grow", "moved")
    assert {(row[0], row[4]) for row in left[1:]} == {("a2", "gone")}
    assert [(one.code, one.account_id) for one in found.problems] == [("undo-left", "a1"), ("undo-left", "a2")]
    undone, _ = undo(runtime, wrong.run_id)
    assert (undone.exit_code, undone.applied.changed) == (0, 2)
    assert (world.labels("acme", "a1")["Profile"], world.labels("acme", "a1")["Motion"]) == ("Keep", "Grow")
    assert world.labels("acme", "a3")["Motion"] == "Retain"


@pytest.mark.slow
def test_what_a_later_run_wrote_stays(acme: Acme) -> None:
    world, runtime = acme
    first = wrongly(world, runtime)
    world.verdict["a1"] = "Expand"
    sync(runtime)
    undo(runtime, first)
    assert (world.labels("acme", "a1")["Profile"], world.labels("acme", "a2")["Profile"]) == ("Expand", "Keep")
    assert held(runtime)["a1"][0] == "Expand"
    assert held(runtime)["a2"][0] == "Keep"


@pytest.mark.slow
def test_the_plan_alone_writes_nothing_and_holds_nothing(acme: Acme) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    before = shown(world)
    found, undoing = undo_plan(runtime, wrong)
    assert undoing is not None
    assert (found.planned.accounts, undoing.plan.accounts.num_rows, shown(world)) == (2, 2, before)
    (next_one,) = sync(runtime)
    assert next_one.exit_code == 0


@pytest.mark.slow
def test_a_plan_that_was_looked_at_is_refused_where_the_crm_moved_since(acme: Acme) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    _, undoing = undo_plan(runtime, wrong)
    assert undoing is not None
    world.edit("acme", "a2", Motion="Grow")
    refused, _ = undo(runtime, wrong, undoing.plan)
    assert (refused.status, refused.exit_code, refused.problems[0].code) == (RunStatus.REFUSED, 6, "plan-stale")
    assert world.labels("acme", "a1")["Profile"] == "Recapture"
    assert runtime.journal.undos.holding("acme") is None


@pytest.mark.slow
def test_a_saved_undo_is_applied_as_an_undo(acme: Acme, tmp_path: Path) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    _, undoing = undo_plan(runtime, wrong)
    assert undoing is not None
    save(undoing.plan, tmp_path / "undo.plan", world.clock.now())
    applied = apply_saved(runtime, "acme", tmp_path / "undo.plan")
    assert (applied.exit_code, applied.applied.changed) == (0, 2)
    kept = runtime.journal.runs.get(applied.run_id)
    assert kept is not None
    assert kept.verb == "undo"
    assert held(runtime)["a1"][0] == "Keep"
    (again,) = sync(runtime)
    assert again.problems[0].code == "undone"


@pytest.mark.slow
def test_after_an_undo_a_run_that_would_write_waits_for_approval(acme: Acme, tmp_path: Path) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    undo(runtime, wrong)
    for _ in range(2):
        (again,) = sync(runtime)
        assert (again.status, again.exit_code, again.problems[0].code) == (RunStatus.REFUSED, 6, "undone")
        assert wrong in again.problems[0].message
    assert world.labels("acme", "a1")["Profile"] == "Keep"
    _, plan = plan_only(runtime, "acme")
    assert plan is not None
    save(plan, tmp_path / "plan", world.clock.now())
    assert apply_saved(runtime, "acme", tmp_path / "plan").applied.changed == 2
    world.verdict["a4"] = "Expand"
    assert sync(runtime)[0].applied.changed == 1


@pytest.mark.slow
def test_once_the_rules_are_mended_nothing_waits(acme: Acme) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    undo(runtime, wrong)
    world.verdict.clear()
    (quiet,) = sync(runtime)
    assert (quiet.exit_code, quiet.planned.accounts, quiet.problems) == (0, 0, ())
    world.verdict["a4"] = "Expand"
    assert sync(runtime)[0].applied.changed == 1


@pytest.mark.slow
def test_an_undo_is_undone_like_any_run(acme: Acme) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    after, labels = shown(world), {name: profile for name, (profile, _) in held(runtime).items()}
    undone, _ = undo(runtime, wrong)
    back, _ = undo(runtime, undone.run_id)
    assert (back.applied.changed, shown(world)) == (2, after)
    assert {name: profile for name, (profile, _) in held(runtime).items()} == labels
    (quiet,) = sync(runtime)
    assert (quiet.exit_code, quiet.planned.accounts) == (0, 0)


@pytest.mark.slow
def test_undoing_twice_or_undoing_a_plan_writes_nothing(acme: Acme) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    undo(runtime, wrong)
    again, _ = undo(runtime, wrong)
    assert (again.exit_code, again.planned.accounts, again.calls.write) == (0, 0, 0)
    planned, _ = plan_only(runtime, "acme")
    assert undo(runtime, planned.run_id)[0].planned.accounts == 0


def test_a_run_that_is_not_there_cannot_be_undone(acme: Acme) -> None:
    with pytest.raises(UsageError, match="no run"):
        undo(acme[1], "20260101T000000Z-acme-001")


PROFILES = st.dictionaries(
    st.sampled_from(IDS), st.sampled_from(["Keep", "Attain", "Recapture", "Expand", "retire", "unknown"])
)
PEOPLE = st.dictionaries(st.sampled_from(IDS), st.sampled_from(["Keep", "Expand", "None"]), max_size=2)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=PROFILES, two=PROFILES, overrides=PEOPLE)
def test_a_sync_and_its_undo_leave_everything_as_it_was(
    acme: Acme, one: dict[str, str], two: dict[str, str], overrides: dict[str, str]
) -> None:
    """From whatever state the examples before left, too."""
    world, runtime = acme
    world.verdict = dict(one)
    sync(runtime, [], FORCE)
    for account_id, profile in overrides.items():
        world.edit("acme", account_id, Override=profile)
    world.clock.advance(86_400)
    before, labels = shown(world), {name: profile for name, (profile, _) in held(runtime).items()}
    world.verdict = dict(two)
    (written,) = sync(runtime, [], FORCE)
    undone, _ = undo(runtime, written.run_id)
    assert undone.problems == ()
    assert shown(world) == before
    assert {name: profile for name, (profile, _) in held(runtime).items()} == labels


@pytest.mark.slow
def test_runs_forget_what_is_older_than_the_project_keeps(acme: Acme) -> None:
    world, runtime = acme
    wrong = wrongly(world, runtime)
    (world.folder / "crm-kare.yaml").write_text(
        (world.folder / "crm-kare.yaml").read_text() + "retention: {runs_days: 30, labels_days: 30}\n"
    )
    again = world.open()
    world.clock.advance(31 * 86_400)
    sync(again)
    sync(again)
    assert list(again.journal.changes.of_run(wrong)) == []
    undone, _ = undo(again, wrong)
    assert (undone.exit_code, undone.planned.accounts) == (0, 0)
    assert held(again)["a1"][0] == "Recapture"
    again.close()
