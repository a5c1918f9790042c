"""Whole runs over real HTTP while the CRM is in trouble: faults, refusals, revoked logins, used-up allowances, a field gone.

Who gets which profile is what the test says; the rules have tests of their own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, Verdict, sandbox_project

from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import DROP, STATUS, TRUNCATE
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.lease import Lease
from crm_kare.sync.result import RunResult, exit_code
from crm_kare.sync.setup import provision

FORCE = Options(force=True)
PROFILES = ("Keep", "Attain", "Recapture", "Expand")
QUICK, MORE = range(1), range(1, 12)


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles by account id; who is not in it gets Keep."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture(params=["salesforce", pytest.param("hubspot", marks=pytest.mark.slow)])
def fresh(request: pytest.FixtureRequest, verdict: dict[str, str], tmp_path: Path) -> Iterator[SandboxProject]:
    """A provisioned CRM of thirty accounts without labels; a quarter of them shall have each profile."""
    with sandbox_project(tmp_path, crms=(request.param,), accounts=30) as project:
        ids = project.ids(request.param)
        verdict |= {one: PROFILES[place % 4] for place, one in enumerate(ids)}
        project.running.faults.forget_calls()
        yield project


def _only(project: SandboxProject) -> str:
    (name,) = project.crms
    return name


def _shown(project: SandboxProject, crm: str) -> dict[str, str | None]:
    return {account_id: held["Profile"] for account_id, held in project.labels(crm).items()}


def _until_quiet(project: SandboxProject, runs: int) -> RunResult:
    """Run again and again, at most so often, until nothing is left to write."""
    for _ in range(runs):
        project.clock.sleep(4 * 3600)
        (result,) = sync(project.runtime, (), FORCE)
        if (result.status, result.planned.fields) == (RunStatus.DONE, 0):
            return result
    pytest.fail(f"not quiet after {runs} runs: {result}")


@pytest.mark.slow
def test_a_login_that_was_revoked_ends_with_4_and_writes_nothing(fresh: SandboxProject) -> None:
    crm = fresh.crms[_only(fresh)]
    crm.revoke()
    (result,) = sync(fresh.runtime, (), FORCE)
    assert (result.status, result.exit_code, result.calls.write) == (RunStatus.FAILED, 4, 0)
    assert result.problems[0].fix
    assert fresh.written(crm.name) == []


def test_a_used_up_allowance_ends_with_7_and_the_next_day_goes_on(fresh: SandboxProject) -> None:
    crm = fresh.crms[_only(fresh)]
    (planned,) = sync(fresh.runtime, (), Options(dry_run=True))
    assert planned.planned.accounts == 30
    crm.use_up()
    (result,) = sync(fresh.runtime, (), FORCE)
    assert (result.status, result.exit_code) == (RunStatus.UNAVAILABLE, 7)
    assert fresh.written(crm.name) == []


def test_a_refused_value_leaves_the_others_written_and_waits(fresh: SandboxProject, verdict: dict[str, str]) -> None:
    """The admin took `Expand` off the picklist."""
    crm = fresh.crms[_only(fresh)]
    crm.retire_value("Profile", "Expand")
    (result,) = sync(fresh.runtime, (), FORCE)
    refused = {account_id for account_id, profile in verdict.items() if profile == "Expand"}
    assert (result.status, result.exit_code) == (RunStatus.PARTIAL, 5)
    assert (result.applied.rejected, result.applied.changed) == (len(refused), 30 - len(refused))
    told = [one for one in result.problems if one.account_id in refused]
    assert {one.account_id for one in told} == refused
    assert all(one.message and one.fix for one in told)
    shown = _shown(fresh, crm.name)
    assert {account_id for account_id, profile in shown.items() if profile is None} == refused
    fresh.running.faults.forget_calls()
    fresh.clock.sleep(900)
    (waits,) = sync(fresh.runtime)
    assert (waits.exit_code, waits.planned.accounts, fresh.written(crm.name)) == (0, 0, [])
    assert "waiting" in {one.code for one in waits.problems}
    crm.retire_value("Profile", "Expand", back=True)
    fresh.clock.sleep(4 * 3600)
    (mended,) = sync(fresh.runtime)
    assert (mended.exit_code, mended.applied.changed) == (0, len(refused))


@pytest.mark.slow
def test_a_field_that_the_admin_took_away_stops_the_run_until_it_is_provisioned(
    fresh: SandboxProject, verdict: dict[str, str]
) -> None:
    crm = fresh.crms[_only(fresh)]
    sync(fresh.runtime, (), FORCE)
    crm.drop_field("Motion")
    moved = next(iter(verdict))
    verdict[moved] = "Expand"
    before = crm.records()
    fresh.clock.sleep(900)
    (stopped,) = sync(fresh.runtime)
    assert (stopped.status, stopped.exit_code) == (RunStatus.FAILED, 3)
    assert "provision" in stopped.problems[0].fix
    assert crm.records() == before
    provision(fresh.runtime, crm.name, dry_run=False)
    fresh.clock.sleep(900)
    (mended,) = sync(fresh.runtime, (), FORCE)
    held = fresh.labels(crm.name)
    assert (mended.exit_code, mended.applied.changed) == (0, 30)
    assert (held[moved]["Profile"], held[moved]["Motion"]) == ("Expand", "Grow")


def _in_trouble(project: SandboxProject, seed: int, share: float) -> None:
    """From now on a share of all calls fails, half of them after the CRM did what it was asked."""
    kinds = [(STATUS, False), (DROP, False), (STATUS, True), (DROP, True), (TRUNCATE, True)]
    faults = [
        Fault(kind=kind, after=after, times=0, share=share / len(kinds), seed=seed * 10 + place, status=503)
        for place, (kind, after) in enumerate(kinds)
    ]
    project.running.faults.order(*faults)


@pytest.mark.parametrize("seed", [*QUICK, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE)])
def test_random_faults_end_as_planned(fresh: SandboxProject, verdict: dict[str, str], seed: int) -> None:
    """A run makes some twenty calls: with 5 % a fault or so hits each; the second half of the seeds has 20 %."""
    crm = _only(fresh)
    _in_trouble(fresh, seed, 0.05 if seed % 2 else 0.2)
    _until_quiet(fresh, 6)
    fresh.running.faults.clear()
    assert _shown(fresh, crm) == verdict
    assert fresh.doubled(crm) == []
    assert fresh.runtime.journal.changes.unsettled(crm) == []


@pytest.mark.slow
def test_a_lost_answer_to_every_write_is_read_back_and_no_person_is_suspected(
    fresh: SandboxProject, verdict: dict[str, str]
) -> None:
    crm = fresh.crms[_only(fresh)]
    fresh.running.faults.order(Fault(crm.writes, kind=DROP, after=True, times=0))
    sync(fresh.runtime, (), FORCE)
    assert _shown(fresh, crm.name) == verdict
    fresh.running.faults.clear()
    last = _until_quiet(fresh, 2)
    assert [one for one in last.problems if one.code == "conflict"] == []
    assert fresh.doubled(crm.name) == []


@pytest.mark.slow
def test_a_crm_that_is_down_for_writes_changes_nothing_and_comes_back(
    fresh: SandboxProject, verdict: dict[str, str]
) -> None:
    crm = fresh.crms[_only(fresh)]
    fresh.running.faults.order(Fault(crm.writes, times=0))
    before = crm.records()
    (down,) = sync(fresh.runtime, (), FORCE)
    assert down.exit_code in ({7} if crm.name == "salesforce" else {5, 7})
    assert down.applied.changed == 0
    assert crm.records() == before
    fresh.running.faults.clear()
    fresh.clock.sleep(900)
    (up,) = sync(fresh.runtime, (), FORCE)
    assert (up.exit_code, up.applied.changed, up.applied.conflict) == (0, 30, 0)
    assert _shown(fresh, crm.name) == verdict


@pytest.mark.slow
def test_a_locked_row_waits_for_its_lock(verdict: dict[str, str], tmp_path: Path) -> None:
    del verdict
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=10) as project:
        locked = project.ids("salesforce")[3]
        org_of(project.running.sandbox).faults.order_inside(f"lock_row:{locked}")
        (result,) = sync(project.runtime, (), FORCE)
        assert (result.exit_code, result.applied.changed) == (0, 10)
        assert project.doubled("salesforce") == []


@pytest.mark.slow
def test_trouble_in_one_crm_leaves_the_other_alone(verdict: dict[str, str], tmp_path: Path) -> None:
    del verdict
    with sandbox_project(tmp_path, accounts=12) as project:
        project.crms["salesforce"].revoke()
        results = sync(project.runtime, (), FORCE)
        assert [(one.status, one.exit_code) for one in results] == [(RunStatus.FAILED, 4), (RunStatus.DONE, 0)]
        assert exit_code(results) == 4
        assert set(_shown(project, "hubspot").values()) == {"Keep"}


def test_of_two_runs_at_once_one_is_busy(fresh: SandboxProject) -> None:
    with Lease(fresh.runtime.journal, _only(fresh), fresh.clock):
        (result,) = sync(fresh.runtime, (), FORCE)
    assert (result.status, result.exit_code, result.calls.read) == (RunStatus.BUSY, 7, 0)
    assert fresh.running.faults.calls() == []
