"""Killed with SIGKILL at twenty random moments: the next run converges, no write is lost, none takes effect twice."""

import os
import random
import signal
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from flow.forked_runs import ForkedRuns, alive, forked_runs
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.clock import SystemClock
from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import SLOW
from crm_kare.sync.flow import Options, score_only, sync

KILLS = 20
CALLS = 12
STEP = timedelta(days=61)
"""Between two rounds the calendar moves on so far that many labels change."""

PATIENCE = 200.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def _killed(project: SandboxProject, runs: ForkedRuns, day: date, draw: random.Random) -> bool:
    """Start a run and kill it: after some number of calls, and a moment more. Whether it still ran."""
    project.running.faults.forget_calls()
    pid = runs.start("sync", "salesforce", "--project", str(project.folder), "--force", "--as-of", day.isoformat())
    calls, moment = draw.randrange(CALLS), draw.random() * 0.2
    end = time.monotonic() + PATIENCE
    while alive(pid) and len(project.running.faults.calls()) < calls:
        assert time.monotonic() < end, "the run hangs"
        time.sleep(0.002)
    time.sleep(moment)
    lived = alive(pid)
    if lived:
        os.kill(pid, signal.SIGKILL)
    while alive(pid):
        time.sleep(0.002)
    return lived


def _changes(project: SandboxProject) -> Counter[tuple[str, str]]:
    """How often each field of each account has changed, by the CRM's own history."""
    return Counter((one.record_id, one.field) for one in project.crms["salesforce"].history())


@pytest.mark.parametrize("path", ["collections", "ingest"])
def test_killed_twenty_times(tmp_path: Path, path: str) -> None:
    draw = random.Random(len(path))  # noqa: S311  no secret
    killed, day = 0, date(2026, 1, 15)
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=40, clock=SystemClock()) as project:
        if path == "ingest":
            project.configure("streams:  ", "options: {bulk_write_from: 1}\nstreams:  ", "mappings/salesforce.yaml")
        project.running.faults.order(Fault(kind=SLOW, seconds=0.03, times=0))
        with forked_runs(project.environment) as runs:
            while killed < KILLS:
                before = _changes(project)
                killed += _killed(project, runs, day, draw)
                _require_converged(project, day)
                assert max((_changes(project) - before).values(), default=0) <= 1
                day += STEP
        (quiet,) = sync(project.runtime, (), Options(force=True, as_of=day - STEP))
        assert (quiet.status, quiet.planned.fields, quiet.calls.write) == (RunStatus.DONE, 0, 0)


def _require_converged(project: SandboxProject, day: date) -> None:
    """One more run, whatever happened before: the CRM holds what the rules say."""
    (after,) = sync(project.runtime, (), Options(force=True, as_of=day))
    assert (after.status, after.exit_code, after.applied.conflict) == (RunStatus.DONE, 0, 0)
    judged = score_only(project.runtime, "salesforce", as_of=day).labels.to_pylist()
    held = {account_id: labels["Profile"] for account_id, labels in project.labels("salesforce").items()}
    assert held == {row["account_id"]: row["profile"] for row in judged}
    assert project.runtime.journal.changes.unsettled("salesforce") == []
