"""Whole runs over real HTTP in which the CRM changes under them: between two calls, not between two runs.

Who gets which profile is what the test says; the rules have tests of their own.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flow.sandbox_project import Crm, SandboxProject, Verdict, sandbox_project

from crm_kare.model import OutcomeStatus, RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import EVENT
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import RunResult
from crm_kare.sync.setup import provision

FORCE = Options(force=True)
PROFILES = ("Keep", "Attain", "Recapture", "Expand")
ACCOUNTS = 230
"""More than one call of either vendor takes."""

Event = Callable[[Crm], None]


@pytest.fixture(params=["salesforce", pytest.param("hubspot", marks=pytest.mark.slow)])
def fresh(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[SandboxProject, Crm, dict[str, str | None]]]:
    """A provisioned CRM without labels, its side, and what it shall hold."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    with sandbox_project(tmp_path, crms=(request.param,), accounts=ACCOUNTS) as project:
        stand_in.profiles |= {one: PROFILES[place % 4] for place, one in enumerate(project.ids(request.param))}
        project.running.faults.forget_calls()
        yield project, project.crms[request.param], {**stand_in.profiles}


def happens(project: SandboxProject, path: str, event: Event, *, skip: int = 1) -> None:
    """The event happens before the second call to such a path."""
    (crm,) = project.crms.values()
    project.running.faults.order(Fault(path, kind=EVENT, skip=skip, action=partial(event, crm)))


def shown(project: SandboxProject, crm: Crm) -> dict[str, str | None]:
    return {account_id: held["Profile"] for account_id, held in project.labels(crm.name).items()}


def require_sound(project: SandboxProject, crm: Crm, result: RunResult, wanted: dict[str, str | None]) -> None:
    """However the run ended: what the CRM holds of ours is right or blank, and the journal's numbers are the CRM's."""
    held = shown(project, crm)
    assert all(profile in {None, wanted[account_id]} for account_id, profile in held.items())
    journal = project.runtime.journal
    landed = {
        one.change.account_id
        for one in journal.changes.of_run(result.run_id)
        if one.outcome and one.outcome.status is OutcomeStatus.CHANGED
    }
    assert landed == {account_id for account_id, profile in held.items() if profile is not None}
    assert result.applied.changed == len(landed)
    assert sum(vars(result.applied).values()) <= result.planned.accounts


def require_mended(project: SandboxProject, crm: Crm, wanted: dict[str, str | None], *, lost: str = "") -> None:
    """The next run ends what is left; no field was changed twice, but for one that was lost with what it held."""
    project.clock.sleep(4 * 3600)
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.exit_code, result.applied.conflict) == (RunStatus.DONE, 0, 0), result
    assert shown(project, crm) == wanted
    assert {field for _, field in project.doubled(crm.name)} <= {lost}
    assert project.runtime.journal.changes.unsettled(crm.name) == []


def revoked(crm: Crm) -> None:
    crm.revoke()


def used_up(crm: Crm) -> None:
    crm.use_up()


@pytest.mark.parametrize("where", [pytest.param("pulls", marks=pytest.mark.slow), "writes"])
@pytest.mark.parametrize(
    ("event", "status", "code"),
    [(revoked, RunStatus.FAILED, 4), pytest.param(used_up, RunStatus.UNAVAILABLE, 7, marks=pytest.mark.slow)],
)
def test_login_or_allowance_ends_in_mid_run(
    fresh: tuple[SandboxProject, Crm, dict[str, str | None]], where: str, event: Event, status: RunStatus, code: int
) -> None:
    project, crm, wanted = fresh
    happens(project, getattr(crm, where), event)
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.exit_code) == (status, code), result
    assert result.problems[0].message
    assert result.problems[0].fix
    assert bool(result.applied.changed) == (where == "writes")
    crm.mend()
    require_sound(project, crm, result, wanted)
    require_mended(project, crm, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["pulls", "writes"])
def test_a_field_is_deleted_in_mid_run(fresh: tuple[SandboxProject, Crm, dict[str, str | None]], where: str) -> None:
    project, crm, wanted = fresh
    happens(project, getattr(crm, where), lambda side: side.drop_field("Motion"))
    (result,) = sync(project.runtime, (), FORCE)
    assert result.exit_code in {3, 5}, result
    told = [one for one in result.problems if one.level == "error"]
    assert all(one.fix for one in told)
    assert any(crm.field("Motion").lower() in f"{one.message} {one.where}".lower() for one in told), told[:3]
    provision(project.runtime, crm.name, dry_run=False)
    require_sound(project, crm, result, wanted)
    require_mended(project, crm, wanted, lost=crm.field("Motion"))


def test_a_picklist_value_is_removed_in_mid_run(fresh: tuple[SandboxProject, Crm, dict[str, str | None]]) -> None:
    project, crm, wanted = fresh
    happens(project, crm.writes, lambda side: side.retire_value("Profile", "Expand"))
    (result,) = sync(project.runtime, (), FORCE)
    refused = {account_id for account_id, profile in shown(project, crm).items() if profile is None}
    assert (result.status, result.exit_code) == (RunStatus.PARTIAL, 5), result
    assert refused
    assert {wanted[account_id] for account_id in refused} == {"Expand"}
    told = [one for one in result.problems if one.account_id in refused]
    assert {one.account_id for one in told} == refused
    assert all(one.fix for one in told)
    require_sound(project, crm, result, wanted)
    crm.retire_value("Profile", "Expand", back=True)
    require_mended(project, crm, wanted)
