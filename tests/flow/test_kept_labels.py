"""What is kept of the labels by runs that do not write everything; and numbers that add up."""

from pathlib import Path

import pytest
from flow.worlds import World

from crm_kare.journal import Journal
from crm_kare.sync.flow import Options, apply_saved, plan_only, sync
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.saved_plan import save

Acme = tuple[World, Runtime]
FORCE = Options(force=True)


def held(journal: Journal) -> dict[str, str]:
    rows = journal.labels.held("acme").to_pylist()
    return {row["account_id"]: row["computed_profile"] for row in rows}


def test_a_saved_plan_leaves_the_history_that_a_run_would(acme: Acme, tmp_path: Path) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.verdict |= {"a1": "Recapture", "a2": "Expand"}
    _, plan = plan_only(runtime, "acme")
    assert plan is not None
    save(plan, tmp_path / "plan", world.clock.now())
    result = apply_saved(runtime, "acme", tmp_path / "plan")
    assert held(runtime.journal) == {"a1": "Recapture", "a2": "Expand", "a3": "Keep", "a4": "Keep"}
    (newest, _) = runtime.journal.labels.of_account("acme", "a1")
    assert (newest.run_id, newest.shown_profile, newest.reason) == (
        result.run_id,
        "Recapture",
        "Recapture, because the test says so",
    )
    (after,) = sync(runtime)
    assert (after.planned.fields, after.planned.by_transition) == (0, {})


@pytest.mark.slow
def test_a_staged_run_keeps_what_it_wrote_and_the_brake_sees_the_rest(world: World) -> None:
    world.add("acme")
    for number in range(30):
        world.account("acme", f"a{number:02}")
    runtime = world.open()
    sync(runtime, [], FORCE)
    world.verdict = {f"a{number:02}": "Recapture" for number in range(30)}
    (some,) = sync(runtime, [], Options(force=True, limit=2))
    assert (some.applied.changed, some.planned.by_transition) == (2, {"Keep>Recapture": 2})
    assert sorted(held(runtime.journal).values()) == ["Keep"] * 28 + ["Recapture"] * 2
    (rest,) = sync(runtime)
    assert (rest.exit_code, rest.problems[0].code) == (6, "transition-limit")
    assert rest.problems[0].message.startswith("28 of 28 accounts")
    runtime.close()


def test_a_stopped_run_keeps_what_it_wrote(world: World) -> None:
    world.add("acme")
    for number in range(12):
        world.account("acme", f"a{number:02}")
    runtime = world.open()
    (stopped,) = sync(runtime, [], FORCE, stop=lambda: world.crms["acme"].calls.write > 1)
    labelled = {f"a{number:02}" for number in range(12) if world.labels("acme", f"a{number:02}")["Profile"]}
    assert (stopped.exit_code, 0 < len(labelled) < 12) == (143, True)
    assert set(held(runtime.journal)) == labelled
    sync(runtime)
    assert len(held(runtime.journal)) == 12
    runtime.close()


def test_the_numbers_of_a_messy_run_add_up(acme: Acme) -> None:
    world, runtime = acme
    for number in range(5, 9):
        world.account("acme", f"a{number}")
    world.verdict |= {"a7": "unknown", "a8": "retire"}
    sync(runtime, [], FORCE)
    world.edit("acme", "a1", Motion="Acquire")
    world.edit("acme", "a6", Override="Attain")
    world.crms["acme"].refuse("accounts", "a2")
    world.verdict |= {"a1": "Expand", "a2": "Expand", "a3": "Recapture"}
    (run,) = sync(runtime)
    told = run.to_json()
    kept = runtime.journal.runs.get(run.run_id)
    assert kept is not None
    changes = list(runtime.journal.changes.of_run(run.run_id))
    applied, planned = told["applied"], told["planned"]
    held_back = len({one.account_id for one in run.problems if one.code == "conflict"})
    assert dict(kept.summary) == told
    assert told["scored"] == 8
    assert sum(applied.values()) == planned["accounts"] + held_back == 4
    assert (len(changes), len({one.change.account_id for one in changes})) == (planned["fields"], planned["accounts"])
    assert (applied["changed"], applied["rejected"], applied["conflict"]) == (2, 1, 1)
    assert sum(planned["by_transition"].values()) == 3
