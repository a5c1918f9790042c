"""Whole runs that pull by Bulk query jobs and write by ingest jobs, undisturbed and in trouble: the org ends as planned."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, Verdict, sandbox_project

from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import DROP, STATUS, TRUNCATE
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sync.flow import Options, sync

ACCOUNTS = 40
FORCE = Options(force=True)
PROFILES = ("Keep", "Attain", "Recapture", "Expand")
UPLOAD = "/services/data/*/jobs/ingest/*/batches"


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles by account id; who is not in it gets Keep."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture
def project(verdict: dict[str, str], tmp_path: Path) -> Iterator[SandboxProject]:
    """A provisioned org without labels, for which every pull and every plan is large."""
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=ACCOUNTS) as opened:
        org_of(opened.running.sandbox).settings.page_limit = 10
        bulk = "options: {bulk_from: 1, bulk_write_from: 1}\nstreams:  "
        opened.configure("streams:  ", bulk, "mappings/salesforce.yaml")
        verdict |= {one: PROFILES[place % 4] for place, one in enumerate(opened.ids("salesforce"))}
        opened.running.faults.forget_calls()
        yield opened


def require_as_planned(project: SandboxProject, verdict: dict[str, str]) -> None:
    """The org holds what was planned, each field written once, and nothing is left to do or to find out."""
    shown = {account_id: held["Profile"] for account_id, held in project.labels("salesforce").items()}
    assert shown == verdict
    assert project.doubled("salesforce") == []
    assert project.runtime.journal.changes.unsettled("salesforce") == []


def test_an_undisturbed_run_goes_by_jobs_and_writes_all(project: SandboxProject, verdict: dict[str, str]) -> None:
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
    calls = project.running.faults.calls
    assert len(calls("/services/data/*/jobs/query", "POST")) >= 2
    assert len(calls("/services/data/*/jobs/ingest", "POST")) == 1
    assert len(calls(UPLOAD, "PUT")) == 1
    assert calls("/services/data/*/composite/sobjects") == []
    require_as_planned(project, verdict)


def _until_quiet(project: SandboxProject, runs: int = 6) -> None:
    """Run again and again, until nothing is left to write."""
    for _ in range(runs):
        project.clock.sleep(4 * 3600)
        (result,) = sync(project.runtime, (), FORCE)
        if (result.status, result.planned.fields) == (RunStatus.DONE, 0):
            return
    pytest.fail(f"not quiet: {result}")


@pytest.mark.parametrize("seed", [0, *(pytest.param(one, marks=pytest.mark.slow) for one in range(1, 9))])
def test_five_calls_in_a_hundred_fail(project: SandboxProject, verdict: dict[str, str], seed: int) -> None:
    """Half of them after Salesforce did what it was asked."""
    kinds = [(STATUS, False), (DROP, False), (STATUS, True), (DROP, True), (TRUNCATE, True)]
    project.running.faults.order(
        *(
            Fault(kind=kind, after=after, times=0, share=0.01, seed=seed * 10 + place, status=503)
            for place, (kind, after) in enumerate(kinds)
        )
    )
    _until_quiet(project)
    project.running.faults.clear()
    require_as_planned(project, verdict)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_an_upload_that_fails_is_made_anew(project: SandboxProject, verdict: dict[str, str], *, after: bool) -> None:
    project.running.faults.order(Fault(UPLOAD, "PUT", after=after, status=503))
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
    require_as_planned(project, verdict)


@pytest.mark.slow
def test_a_job_that_fails_half_way_is_finished(project: SandboxProject, verdict: dict[str, str]) -> None:
    project.running.faults.order_inside("fail_ingest_job")
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
    require_as_planned(project, verdict)


@pytest.mark.slow
def test_every_tenth_row_is_locked_for_a_while(project: SandboxProject, verdict: dict[str, str]) -> None:
    for locked in list(verdict)[::10]:
        org_of(project.running.sandbox).faults.order_inside(f"lock_row:{locked}")
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
    require_as_planned(project, verdict)


@pytest.mark.slow
def test_refused_rows_are_named_and_the_others_written(project: SandboxProject, verdict: dict[str, str]) -> None:
    project.crms["salesforce"].retire_value("Profile", "Expand")
    (result,) = sync(project.runtime, (), FORCE)
    refused = {account_id for account_id, profile in verdict.items() if profile == "Expand"}
    assert (result.status, result.exit_code) == (RunStatus.PARTIAL, 5)
    assert (result.applied.rejected, result.applied.changed) == (len(refused), ACCOUNTS - len(refused))
    told = [one for one in result.problems if one.account_id]
    assert {one.account_id for one in told} == refused
    assert {one.code for one in told} == {"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"}


@pytest.mark.slow
def test_a_query_job_that_fails_does_not_end_the_run(project: SandboxProject, verdict: dict[str, str]) -> None:
    project.running.faults.order_inside("fail_query_job")
    (result,) = sync(project.runtime, (), FORCE)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
    require_as_planned(project, verdict)


@pytest.mark.slow
def test_a_locator_that_expired_begins_anew(project: SandboxProject, verdict: dict[str, str]) -> None:
    project.running.faults.order_inside("expire_locator")
    (result,) = sync(project.runtime, (), FORCE)
    assert result.status is RunStatus.DONE
    require_as_planned(project, verdict)


def test_what_people_do_while_a_job_runs_is_found_by_the_next_run(
    project: SandboxProject, verdict: dict[str, str]
) -> None:
    """A person types into our field between the pull and the write: a conflict, and theirs stays."""
    edited = next(iter(verdict))
    seen: list[str] = []

    def type_in(_crm: str, step: str, _done: int, _total: int | None) -> None:
        if step == "plan" and not seen:
            seen.append(step)
            project.crms["salesforce"].edit(edited, Profile="Attain")

    (result,) = sync(project.runtime, (), FORCE, progress=type_in)
    assert seen
    assert (result.applied.conflict, result.applied.changed) == (1, ACCOUNTS - 1)
    assert project.labels("salesforce")[edited]["Profile"] == "Attain"
