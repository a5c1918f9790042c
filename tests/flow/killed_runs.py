"""Days of runs over both CRMs: those of one project are left alone, those of its twin are killed, again and again."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from flow.forked_runs import ForkedRuns, forked_runs
from flow.kill_points import occurrences, passed_in
from flow.sandbox_project import BOTH, SandboxProject, sandbox_project

from crm_kare.clock import SystemClock
from crm_kare.model import OutcomeStatus
from crm_kare.sandbox.hubspot import portal_of

FIRST = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
STEPS = (timedelta(days=61), timedelta(days=1), timedelta(days=30))
"""Between two days: so far that labels change, and so little that a pull brings what changed alone."""

INDEX_LAG = 30.0
"""HubSpot's search is behind all the time: no run sees what the one before it wrote."""

_COMPUTED = 0.3
"""The part of the kills that come after some computing, wherever that is."""


class MovedClock(SystemClock):
    """This machine's clock, moved."""

    moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved

    def move_to(self, moment: datetime) -> None:
        """From now on it is that late."""
        self.moved = moment - super().now()


@dataclass
class Twin:
    """A project, its clock and the processes that work on it."""

    project: SandboxProject
    clock: MovedClock
    runs: ForkedRuns
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, **doom: Any) -> Path:
        """A whole run over both CRMs, until it ends or dies; its log."""
        log = self.folder / f"run-{next(self.numbers)}.log"
        if "work" not in doom:
            doom["log"] = str(log)
        pid = self.runs.start(
            "sync", "--force", "--project", str(self.project.folder), moved=self.clock.moved.total_seconds(), **doom
        )
        self.runs.until_over(pid)
        return log

    def write_in_jobs(self) -> None:
        """From now on every Salesforce plan is large enough for bulk ingest jobs."""
        self.project.configure("streams:  ", "options: {bulk_write_from: 1}\nstreams:  ", "mappings/salesforce.yaml")

    def statuses(self) -> list[str]:
        """How the newest run of each CRM ended."""
        return [self.project.runtime.journal.runs.newest(crm, 1)[0].status.value for crm in BOTH]

    def labels(self) -> dict[str, dict[str, dict[str, str | None]]]:
        """What both CRMs hold."""
        return {crm: self.project.labels(crm) for crm in BOTH}

    def changes(self, crm: str) -> Counter[tuple[str, str]]:
        """How often each field of each account has changed, by the CRM's own history."""
        return Counter((one.record_id, one.field) for one in self.project.crms[crm].history())

    def noted(self, crm: str) -> Counter[tuple[str, str]]:
        """The same, by the journal: changes whose outcome is that they landed."""
        journal = self.project.runtime.journal
        return Counter(
            (one.change.account_id, one.change.field)
            for run in journal.runs.newest(crm, 10_000)
            for one in journal.changes.of_run(run.run_id)
            if one.outcome is not None and one.outcome.status is OutcomeStatus.CHANGED
        )


@contextmanager
def twin(folder: Path, accounts: int) -> Iterator[Twin]:
    """A provisioned project over both CRMs, its clock at `FIRST`."""
    clock = MovedClock()
    clock.move_to(FIRST)
    with ExitStack() as stack:
        project = stack.enter_context(sandbox_project(folder / "project", accounts=accounts, clock=clock))
        project.configure("runs_days: 400", "runs_days: 4000")
        portal = portal_of(project.running.sandbox)
        portal.settings = replace(portal.settings, index_lag=INDEX_LAG)
        yield Twin(project, clock, stack.enter_context(forked_runs(project.environment)), folder)


def days() -> Iterator[datetime]:
    """Noon of one day after the other."""
    day = FIRST
    for step in count():
        yield day
        day += STEPS[step % len(STEPS)]


@dataclass
class Killer:
    """Chooses where the next run dies: a point of those that the run of that day passed undisturbed, or some computing.

    Kinds of points are drawn first and then their number, so that a commit that happens once dies as often as a call.
    """

    draw: random.Random
    seconds: float
    died: Counter[str] = field(default_factory=Counter)

    def doom(self, passed: Counter[str], wanted: Sequence[str] = ()) -> dict[str, Any]:
        """How the next run shall die; at a point that has one of the words wanted, where there is any."""
        named = [name for name in sorted(passed) if any(words in name for words in wanted)]
        if not named and self.draw.random() < _COMPUTED:
            return {"work": round(self.draw.uniform(0.02, self.seconds), 3)}
        name = self.draw.choice(named or sorted(passed))
        return {"point": name, "number": self.draw.randint(1, passed[name])}

    def missed(self, phases: Sequence[str]) -> list[str]:
        """Of some words, those that stand in the name of no point at which a run has died."""
        return [words for words in phases if not any(words in name for name in +self.died)]

    def killed(self, doom: dict[str, Any], log: Path, statuses: list[str]) -> bool:
        """Whether the run died as told; counted by what it died at."""
        if "work" in doom:
            died = "running" in statuses
            self.died["computing"] += died
            return died
        died = bool(occurrences(log)[doom["point"]] >= doom["number"] and passed_in(log)[-1] == doom["point"])
        self.died[doom["point"]] += died
        return died
