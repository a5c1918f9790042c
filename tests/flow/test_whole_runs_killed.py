"""`crm-kare sync` as a process of its own, killed in mid-run or met by another: the next run converges."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.clock import SystemClock
from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import SLOW
from crm_kare.sync.flow import Options, score_only, sync

FORCE = Options(force=True)
PATIENCE = 150.0
BLINK = 0.05
HELD = 600.0
"""Seconds that a call is held at most: until it is released, therefore."""

pytestmark = pytest.mark.timeout(400)


@contextmanager
def running(project: SandboxProject, crm: str) -> "Iterator[subprocess.Popen[str]]":
    """`crm-kare sync CRM --force --json`; killed at the block's end, if it still runs."""
    command = [sys.executable, "-W", "ignore", "-c", "from crm_kare.cli import main; main()"]
    arguments = ["sync", crm, "--project", str(project.folder), "--force", "--json"]
    environment = {"PATH": os.environ["PATH"], **project.environment}
    with subprocess.Popen(
        [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def wait_for(holds: Callable[[], Any]) -> None:
    """Wait until a condition holds in the other process's doings; fail after `PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "the other process did not come that far"
        time.sleep(BLINK)


@contextmanager
def org(folder: Path, crm: str, accounts: int = 20) -> Iterator[SandboxProject]:
    """A provisioned CRM without labels, on the real clock, as two processes must share one."""
    with sandbox_project(folder, crms=(crm,), accounts=accounts, clock=SystemClock()) as project:
        yield project


def has_intents(project: SandboxProject, crm: str) -> bool:
    return bool(project.runtime.journal.changes.unsettled(crm))


def holds_a_call(project: SandboxProject) -> bool:
    """Whether a call has reached the CRM that the ordered fault holds there."""
    return project.running.faults.held > 0


def carry_out(project: SandboxProject) -> None:
    """What the CRM holds has its effect, though its sender is dead."""
    project.running.faults.clear()
    wait_for(lambda: not project.running.faults.held)


def require_converged(project: SandboxProject, crm: str) -> None:
    """One more run, whatever happened before: the labels are all there, each written once; then all is quiet."""
    (after,) = sync(project.runtime, (), FORCE)
    assert (after.status, after.exit_code, after.applied.conflict) == (RunStatus.DONE, 0, 0)
    judged = {row["account_id"]: row["profile"] for row in score_only(project.runtime, crm).labels.to_pylist()}
    assert {account_id: held["Profile"] for account_id, held in project.labels(crm).items()} == judged
    assert project.doubled(crm) == []
    assert not has_intents(project, crm)
    (quiet,) = sync(project.runtime)
    assert (quiet.status, quiet.planned.fields, quiet.calls.write) == (RunStatus.DONE, 0, 0)


@pytest.mark.slow
def test_killed_after_the_crm_wrote_and_before_it_was_noted(tmp_path: Path) -> None:
    with org(tmp_path, "salesforce") as project:
        project.running.faults.order(Fault(project.crms["salesforce"].writes, kind=SLOW, seconds=HELD))
        with running(project, "salesforce"):
            wait_for(lambda: holds_a_call(project))
        carry_out(project)
        assert project.written("salesforce")
        require_converged(project, "salesforce")


@pytest.mark.slow
@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_killed_after_the_intent(tmp_path: Path, crm: str) -> None:
    """Between the intents and the write lies a last look at the accounts: it is killed in there, or at the write.

    Each call is held until the other process is seen to wait for it without having noted an intent.
    """
    with org(tmp_path, crm) as project:
        project.running.faults.order(Fault(kind=SLOW, seconds=HELD, times=0))

        def has_come_so_far() -> bool:
            if holds_a_call(project) and not has_intents(project, crm):
                project.running.faults.release()
            return has_intents(project, crm)

        with running(project, crm):
            wait_for(has_come_so_far)
        carry_out(project)
        require_converged(project, crm)


@pytest.mark.slow
@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize("calls", [1, 3, 5])
def test_killed_while_it_pulls(tmp_path: Path, crm: str, calls: int) -> None:
    with org(tmp_path, crm) as project:
        project.running.faults.order(Fault(kind=SLOW, seconds=HELD, skip=calls))
        with running(project, crm):
            wait_for(lambda: holds_a_call(project))
        carry_out(project)
        require_converged(project, crm)


@pytest.mark.slow
@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_killed_while_the_crm_takes_no_write(tmp_path: Path, crm: str) -> None:
    with org(tmp_path, crm) as project:
        project.running.faults.order(Fault(project.crms[crm].writes, times=0))
        with running(project, crm):
            wait_for(lambda: project.written(crm))
        project.running.faults.clear()
        require_converged(project, crm)


@pytest.mark.slow
def test_killed_between_two_batches(tmp_path: Path) -> None:
    with org(tmp_path, "hubspot", accounts=250) as project:
        project.running.faults.order(Fault(project.crms["hubspot"].writes, kind=SLOW, seconds=HELD, skip=1))
        with running(project, "hubspot"):
            wait_for(lambda: holds_a_call(project))
        carry_out(project)
        require_converged(project, "hubspot")


@pytest.mark.slow
@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_a_write_that_lands_after_its_process_died_and_the_next_run_began(tmp_path: Path, crm: str) -> None:
    with org(tmp_path, crm) as project:
        project.running.faults.order(Fault(project.crms[crm].writes, kind=SLOW, seconds=HELD))
        with running(project, crm):
            wait_for(lambda: holds_a_call(project))
        sync(project.runtime, (), FORCE)
        before = len(project.written(crm))
        carry_out(project)
        assert len(project.written(crm)) == before + 1
        require_converged(project, crm)


@pytest.mark.slow
def test_of_two_processes_one_is_busy_and_the_other_ends_well(tmp_path: Path) -> None:
    with org(tmp_path, "salesforce") as project:
        project.running.faults.order(Fault(project.crms["salesforce"].writes, kind=SLOW, seconds=HELD))
        with running(project, "salesforce") as process:
            wait_for(lambda: holds_a_call(project))
            (busy,) = sync(project.runtime, (), FORCE)
            project.running.faults.clear()
            process.communicate(timeout=PATIENCE)
            assert (busy.status, busy.exit_code, process.returncode) == (RunStatus.BUSY, 7, 0)
        require_converged(project, "salesforce")
