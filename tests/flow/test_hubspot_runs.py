"""Whole runs over a portal whose search is half a minute behind, undisturbed and in trouble: it ends as planned."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, Verdict, sandbox_project

from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import DROP, STATUS, TRUNCATE
from crm_kare.sandbox.hubspot import portal_of
from crm_kare.sync.flow import Options, sync

ACCOUNTS = 130
FORCE = Options(force=True)
PROFILES = ("Keep", "Attain", "Recapture", "Expand")
LAG = 30.0


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles by account id; who is not in it gets Keep."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture
def project(verdict: dict[str, str], tmp_path: Path) -> Iterator[SandboxProject]:
    """A provisioned portal without labels; a plan is more than one batch."""
    with sandbox_project(tmp_path, crms=("hubspot",), accounts=ACCOUNTS) as opened:
        portal = portal_of(opened.running.sandbox)
        portal.settings = replace(portal.settings, index_lag=LAG)
        verdict |= {one: PROFILES[place % 4] for place, one in enumerate(opened.ids("hubspot"))}
        opened.running.faults.forget_calls()
        yield opened


def require_as_planned(project: SandboxProject, verdict: dict[str, str]) -> None:
    """The portal holds what was planned, each property written once, and nothing is left to do or to find out."""
    shown = {account_id: held["Profile"] for account_id, held in project.labels("hubspot").items()}
    assert shown == verdict
    assert project.doubled("hubspot") == []
    assert project.runtime.journal.changes.unsettled("hubspot") == []


def _until_quiet(project: SandboxProject, runs: int = 8) -> None:
    """Run again and again, until nothing is left to write."""
    for _ in range(runs):
        (result,) = sync(project.runtime, (), FORCE)
        if (result.status, result.planned.fields) == (RunStatus.DONE, 0):
            return
        project.clock.sleep(4 * 3600)
    pytest.fail(f"not quiet: {result}")


def test_an_undisturbed_run_writes_all_and_the_next_ones_nothing(
    project: SandboxProject, verdict: dict[str, str]
) -> None:
    """The next ones begin while search does not show our own writes yet, and when it shows some."""
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
    for seconds in (0, LAG, 900):
        project.clock.sleep(seconds)
        (quiet,) = sync(project.runtime)
        assert (quiet.status, quiet.applied.changed, quiet.calls.write, quiet.problems) == (RunStatus.DONE, 0, 0, ())
    assert quiet.planned.fields == 0
    require_as_planned(project, verdict)


@pytest.mark.parametrize("seed", [0, *(pytest.param(one, marks=pytest.mark.slow) for one in range(1, 11))])
def test_five_calls_in_a_hundred_fail(project: SandboxProject, verdict: dict[str, str], seed: int) -> None:
    """Half of them after HubSpot did what it was asked; in the second half of the seeds one in five."""
    kinds = [(STATUS, False), (DROP, False), (STATUS, True), (DROP, True), (TRUNCATE, True)]
    share = 0.01 if seed < 6 else 0.04
    project.running.faults.order(
        *(
            Fault(kind=kind, after=after, times=0, share=share, seed=seed * 10 + place, status=503)
            for place, (kind, after) in enumerate(kinds)
        )
    )
    _until_quiet(project)
    project.running.faults.clear()
    require_as_planned(project, verdict)


@pytest.mark.slow
def test_an_edit_that_search_does_not_show_yet_survives(project: SandboxProject, verdict: dict[str, str]) -> None:
    """A person types into our property seconds before a run that wants another value."""
    sync(project.runtime, (), FORCE)
    project.clock.sleep(3600)
    edited, other, *_ = [one for one, profile in verdict.items() if profile == "Keep"]
    verdict |= {edited: "Expand", other: "Expand"}
    project.crms["hubspot"].edit(edited, Profile="Attain")
    project.clock.sleep(5)
    (result,) = sync(project.runtime)
    assert (result.applied.conflict, result.applied.changed) == (1, 1)
    project.clock.sleep(3600)
    (later,) = sync(project.runtime)
    assert (later.planned.fields, [one.account_id for one in later.problems]) == (0, [edited])
    shown = project.labels("hubspot")
    assert (shown[edited]["Profile"], shown[other]["Profile"]) == ("Attain", "Expand")
