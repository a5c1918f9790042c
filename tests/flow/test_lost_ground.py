"""Whole runs over both CRMs that lose the ground they stand on: the disk is full, the database ends, the clock moves.

Who gets which profile is what the test says; the rules have tests of their own.
"""

import os
import random
import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from flow.sandbox_project import BOTH, SandboxProject, Verdict, sandbox_project
from postgresql_server import restart, stop

from crm_kare.model import RunStatus
from crm_kare.sandbox import Fault
from crm_kare.sandbox.faults import EVENT
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import open_project
from crm_kare.testing.clock import FakeClock

FORCE = Options(force=True)
PROFILES = ("Keep", "Attain", "Recapture", "Expand")
ACCOUNTS = 12
CALLS = 24
"""Calls of a first run over both CRMs, or fewer."""


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """The rules' place."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in


def judge_evenly(project: SandboxProject, verdict: Verdict) -> None:
    """A quarter of each CRM's accounts shall have each profile."""
    for crm in BOTH:
        verdict.profiles |= {one: PROFILES[place % 4] for place, one in enumerate(project.ids(crm))}
    project.running.faults.forget_calls()


def happens(project: SandboxProject, event: Callable[[], None], *, calls: int) -> None:
    """The event happens after so many calls."""
    project.running.faults.order(Fault(kind=EVENT, skip=calls, action=event))


def require_converged(project: SandboxProject, verdict: Verdict) -> None:
    """The next run ends what is left; nothing was lost, and no field was changed twice."""
    project.reopen()
    project.clock.sleep(600)
    results = sync(project.runtime, (), FORCE)
    assert [(one.status, one.exit_code, one.applied.conflict) for one in results] == [(RunStatus.DONE, 0, 0)] * 2, (
        results
    )
    for crm in BOTH:
        shown = {account_id: held["Profile"] for account_id, held in project.labels(crm).items()}
        assert shown == {account_id: verdict.profiles[account_id] for account_id in shown}
        assert project.doubled(crm) == []
        assert project.runtime.journal.changes.unsettled(crm) == []
    quiet = sync(project.runtime)
    assert [(one.status, one.planned.fields, one.calls.write) for one in quiet] == [(RunStatus.DONE, 0, 0)] * 2


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 24 megabytes; the test is skipped where this user may not have one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "-l", folder], check=True)


def fill(folder: Path, *, leave: int) -> None:
    """Leave so many bytes of a disk."""
    free = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        file.write(b"x" * max(0, free.f_bavail * free.f_bsize - leave))


def told_of_the_disk(results: Sequence[RunResult]) -> bool:
    """Whether a run failed of it; then it says so, and what to do. The state database's `disk I/O error` is the same."""
    ended = [one for one in results if one.status is not RunStatus.DONE]
    for one in ended:
        first = one.problems[0]
        assert (one.status, one.exit_code) == (RunStatus.FAILED, 1), one
        assert "disk" in first.message
        assert first.fix
    return bool(ended)


@pytest.mark.parametrize("seed", [0, *(pytest.param(one, marks=pytest.mark.slow) for one in range(1, 5))])
def test_a_disk_that_fills_up_at_a_random_point_of_the_run(tmp_path: Path, verdict: Verdict, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  no secret
    with small_disk(tmp_path / "disk") as disk, sandbox_project(disk, accounts=ACCOUNTS) as project:
        judge_evenly(project, verdict)
        left = 4096 * draw.randrange(8)
        happens(project, lambda: fill(disk, leave=left), calls=draw.randrange(CALLS))
        results = sync(project.runtime, (), FORCE)
        project.running.faults.clear()
        assert told_of_the_disk(results)
        (disk / "filler").unlink()
        require_converged(project, verdict)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_files_that_may_not_grow_from_a_random_point_of_the_run_on(tmp_path: Path, verdict: Verdict, seed: int) -> None:
    """The system's limit on the size of a file, which any user may set: the same for a quota that is used up."""
    draw = random.Random(seed)  # noqa: S311  no secret
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with sandbox_project(tmp_path, accounts=ACCOUNTS) as project:
        judge_evenly(project, verdict)
        size = 1024 * draw.randrange(64)
        happens(
            project, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, most[1])), calls=draw.randrange(CALLS)
        )
        try:
            results = sync(project.runtime, (), FORCE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, most)
        project.running.faults.clear()
        assert told_of_the_disk(results)
        require_converged(project, verdict)


@pytest.fixture
def shared(postgresql: str, tmp_path: Path, verdict: Verdict) -> Iterator[tuple[SandboxProject, Path]]:
    """A project whose journal is in PostgreSQL, and the folder of that server's data; it runs again at the end."""
    schema = f"lost_{tmp_path.name.strip('_')[-30:].lower()}"
    with psycopg.connect(postgresql.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        connection.execute(f'CREATE SCHEMA "{schema}"')
        told = connection.execute("SHOW data_directory").fetchone()
    assert told
    data = Path(told[0])
    address = f'{postgresql}?options=-csearch_path%3D"{schema}"'
    with sandbox_project(tmp_path, accounts=ACCOUNTS, settings={"CRM_KARE_DATABASE_URL": address}) as project:
        judge_evenly(project, verdict)
        yield project, data
        restart(data)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [2, 9, 16, 18])
def test_the_database_is_restarted_in_mid_run(
    shared: tuple[SandboxProject, Path], verdict: Verdict, calls: int
) -> None:
    project, data = shared
    happens(project, lambda: restart(data), calls=calls)
    for one in sync(project.runtime, (), FORCE):
        if one.status is not RunStatus.DONE:
            require_told_away(one)
    require_converged(project, verdict)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [2, 9, 16, 18])
def test_the_database_ends_in_mid_run_and_comes_back_later(
    shared: tuple[SandboxProject, Path], verdict: Verdict, calls: int
) -> None:
    project, data = shared
    happens(project, lambda: stop(data), calls=calls)
    results = sync(project.runtime, (), FORCE)
    assert any(one.status is not RunStatus.DONE for one in results)
    for one in results:
        if one.status is not RunStatus.DONE:
            require_told_away(one)
    restart(data)
    require_converged(project, verdict)


def require_told_away(result: RunResult) -> None:
    assert (result.status, result.exit_code) == (RunStatus.UNAVAILABLE, 7), result
    assert result.problems[0].code == "database-unreachable"
    assert result.problems[0].fix


class Wrong(FakeClock):
    """A clock beside the CRM's, which is right: off by `by`."""

    def __init__(self, right: FakeClock) -> None:
        super().__init__()
        self._right, self.by = right, timedelta()

    def now(self) -> datetime:
        return self._right.now() + self.by

    def monotonic(self) -> float:
        return self._right.monotonic()

    def sleep(self, seconds: float) -> None:
        self._right.sleep(seconds)


@pytest.mark.slow
@pytest.mark.parametrize("crm", BOTH)
def test_a_clock_that_is_wrong_loses_nothing(tmp_path: Path, verdict: Verdict, crm: str) -> None:
    """Back an hour, forward a day, and right again, between runs and within them; people edit at each moment."""
    with sandbox_project(tmp_path, crms=(crm,), accounts=ACCOUNTS) as project:
        assert isinstance(project.clock, FakeClock)
        clock = Wrong(project.clock)
        project.runtime.close()
        project.runtime = open_project(tmp_path, project.environment, clock)
        sync(project.runtime, (), FORCE)
        ids, wanted = project.ids(crm), dict.fromkeys(project.ids(crm), "Keep")
        for place, moved in enumerate((timedelta(hours=-1), timedelta(days=1), timedelta(0), timedelta(hours=-1))):
            project.clock.sleep(900)
            project.crms[crm].edit(ids[place], Override="Expand")
            wanted[ids[place]] = "Expand"
            clock.by = moved
            day = clock.now().date()
            (result,) = sync(project.runtime)
            assert (result.status, result.applied.changed, result.applied.conflict) == (RunStatus.DONE, 1, 0), moved
            held = project.labels(crm)
            assert {one: held[one]["Profile"] for one in ids} == wanted
            assert held[ids[place]]["Changed_On"] == day.isoformat()
        del verdict


@pytest.mark.slow
@pytest.mark.parametrize("crm", BOTH)
@pytest.mark.parametrize("moved", [timedelta(hours=-1), timedelta(days=1)])
def test_a_clock_that_moves_within_a_run_costs_it_nothing(
    tmp_path: Path, verdict: Verdict, crm: str, moved: timedelta
) -> None:
    with sandbox_project(tmp_path, crms=(crm,), accounts=ACCOUNTS) as project:
        assert isinstance(project.clock, FakeClock)
        clock = Wrong(project.clock)
        project.runtime.close()
        project.runtime = open_project(tmp_path, project.environment, clock)

        def jump() -> None:
            clock.by = moved

        project.running.faults.order(Fault(project.crms[crm].writes, kind=EVENT, action=jump))
        (result,) = sync(project.runtime, (), FORCE)
        assert (result.status, result.applied.changed) == (RunStatus.DONE, ACCOUNTS)
        project.crms[crm].edit(project.ids(crm)[0], Override="Expand")
        project.clock.sleep(900)
        (after,) = sync(project.runtime)
        assert (after.status, after.applied.changed, after.applied.conflict) == (RunStatus.DONE, 1, 0)
        del verdict
