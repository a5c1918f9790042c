"""Whole runs against a CRM in memory that refuses records, loses answers, or goes away."""

import pytest
from flow.worlds import World

from crm_kare.http import Trouble
from crm_kare.model import Outcome, OutcomeStatus, RunStatus
from crm_kare.ports import Connector, WriteRequest
from crm_kare.sync.flow import Options, plan_only, sync
from crm_kare.sync.runtime import Runtime
from crm_kare.testing.memory import Fault

Acme = tuple[World, Runtime]
FORCE = Options(force=True)


def test_rejected_accounts_are_told_and_wait_before_they_are_tried_again(acme: Acme) -> None:
    world, runtime = acme
    world.crms["acme"].refuse("accounts", "a2")
    (first,) = sync(runtime, [], FORCE)
    assert (first.status, first.exit_code) == (RunStatus.PARTIAL, 5)
    assert (first.applied.changed, first.applied.rejected) == (3, 1)
    (problem,) = first.problems
    assert (problem.code, problem.account_id) == ("VALIDATION_FAILED", "a2")
    assert problem.fix
    (soon,) = sync(runtime)
    assert (soon.planned.accounts, soon.calls.write, soon.exit_code) == (0, 0, 0)
    assert [one.code for one in soon.problems] == ["waiting"]
    world.clock.advance(3700)
    (later,) = sync(runtime)
    assert later.applied.rejected == 1


def test_an_answer_that_was_lost_is_read_back_at_once(acme: Acme) -> None:
    world, runtime = acme
    world.crms["acme"].fail(Fault(Trouble("network", applied=True), 1, "write"))
    (result,) = sync(runtime, [], FORCE)
    assert (result.applied.changed, result.applied.unknown, result.exit_code) == (4, 0, 0)
    assert runtime.journal.changes.unsettled("acme") == []


def _nobody_knows(_self: Connector, request: WriteRequest) -> list[Outcome]:
    return [Outcome(one.account_id, OutcomeStatus.UNKNOWN) for one in request.records]


def test_what_stays_unknown_is_settled_by_the_next_run(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    world, runtime = acme
    memory = type(runtime.connector("acme"))
    with monkeypatch.context() as broken:
        broken.setattr(memory, "write", _nobody_knows)
        (result,) = sync(runtime, [], FORCE)
    assert (result.status, result.exit_code, result.applied.unknown) == (RunStatus.PARTIAL, 5, 4)
    (after,) = sync(runtime)
    assert after.applied.changed == 4
    assert runtime.journal.changes.unsettled("acme") == []
    assert world.labels("acme", "a1")["Profile"] == "Keep"


def test_a_run_that_dies_after_the_call_and_before_its_record_converges(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, runtime = acme
    memory = type(runtime.connector("acme"))
    real = memory.write

    def dies(self: Connector, request: WriteRequest) -> list[Outcome]:
        real(self, request)
        raise RuntimeError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(memory, "write", dies)
        with pytest.raises(RuntimeError, match="power cut"):
            sync(runtime, [], FORCE)
    (after,) = sync(runtime)
    assert (after.exit_code, after.planned.fields, after.calls.write) == (0, 0, 0)
    assert [run.status for run in runtime.journal.runs.newest("acme")] == [RunStatus.DONE, RunStatus.FAILED]
    world.edit("acme", "a1", Motion="Grow")
    (edited,) = sync(runtime)
    assert edited.applied.conflict == 1


def test_a_crm_that_goes_away_in_mid_run_is_resumed(world: World) -> None:
    world.add("acme")
    for number in range(12):
        world.account("acme", f"a{number:02}")
    runtime = world.open()

    def cut(_crm: str, step: str, _done: int, _total: int | None) -> None:
        if step == "apply":
            world.crms["acme"].fail(Fault(Trouble("server", 500), 0, "write"))

    (broken,) = sync(runtime, [], FORCE, progress=cut)
    assert broken.exit_code in {5, 7}
    world.crms["acme"].mend()
    (rest,) = sync(runtime)
    assert rest.exit_code == 0
    assert all(row["kare_profile"] == "Keep" for row in world.crms["acme"].records("accounts").values())
    runtime.close()


def test_a_lost_journal_overwrites_nothing_without_showing_it(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.edit("acme", "a1", Motion="Grow")
    runtime.close()
    for path in (world.folder / ".crm-kare").glob("state.db*"):
        path.unlink()
    runtime = world.open()
    (result,) = sync(runtime)
    assert (result.exit_code, result.problems[0].code) == (6, "first-run")
    assert world.labels("acme", "a1")["Motion"] == "Grow"
    _, plan = plan_only(runtime, "acme")
    assert plan is not None
    assert [(one.account_id, one.label, one.old, one.new) for one in plan] == [("a1", "Motion", "Grow", "Retain")]
    runtime.close()
