"""Runs killed with SIGKILL at random moments, again and again, each followed by one that is left alone."""

import os
import random
import signal
import time
from collections import Counter
from datetime import date, timedelta
from typing import Final

from flow.forked_runs import ForkedRuns, alive, forked_runs
from flow.sandbox_project import SandboxProject

from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import SLOW
from crm_kare.sync.flow import Options, score_only, sync

KILLS: Final = 20
STEP: Final = timedelta(days=61)
"""Between two rounds the calendar moves on so far that many labels change."""

PATIENCE: Final = 200.0


def kill_again_and_again(project: SandboxProject, calls: int, seed: int) -> None:
    """Until so many runs were killed, each within its first `calls` calls: the run after each converges, no write is lost,
    none takes effect twice.
    """
    (crm,) = project.crms
    draw = random.Random(seed)  # noqa: S311  no secret
    killed, day = 0, date(2026, 1, 15)
    project.running.faults.order(Fault(kind=SLOW, seconds=0.03, times=0))
    with forked_runs(project.environment) as runs:
        while killed < KILLS:
            before = _changes(project, crm)
            killed += _killed(project, crm, runs, day, draw.randrange(calls), draw.random() * 0.2)
            _require_converged(project, crm, day)
            assert max((_changes(project, crm) - before).values(), default=0) <= 1
            day += STEP
    (quiet,) = sync(project.runtime, (), Options(force=True, as_of=day - STEP))
    assert (quiet.status, quiet.applied.changed, quiet.calls.write) == (RunStatus.DONE, 0, 0)


def _killed(project: SandboxProject, crm: str, runs: ForkedRuns, day: date, calls: int, moment: float) -> bool:
    """Start a run and kill it: after some number of calls, and a moment more. Whether it still ran."""
    project.running.faults.forget_calls()
    pid = runs.start("sync", crm, "--project", str(project.folder), "--force", "--as-of", day.isoformat())
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


def _changes(project: SandboxProject, crm: str) -> Counter[tuple[str, str]]:
    """How often each field of each account has changed, by the CRM's own history."""
    return Counter((one.record_id, one.field) for one in project.crms[crm].history())


def _require_converged(project: SandboxProject, crm: str, day: date) -> None:
    """One more run, whatever happened before: the CRM holds what the rules say."""
    (after,) = sync(project.runtime, (), Options(force=True, as_of=day))
    assert (after.status, after.exit_code, after.applied.conflict) == (RunStatus.DONE, 0, 0)
    judged = score_only(project.runtime, crm, as_of=day).labels.to_pylist()
    held = {account_id: labels["Profile"] for account_id, labels in project.labels(crm).items()}
    assert held == {row["account_id"]: row["profile"] for row in judged}
    assert project.runtime.journal.changes.unsettled(crm) == []
