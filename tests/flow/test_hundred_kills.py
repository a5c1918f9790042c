"""Killed with SIGKILL at a hundred points of whole runs over both CRMs: what they hold in the end is what undisturbed runs leave."""

import random
from pathlib import Path

import pytest
from flow.kill_points import occurrences
from flow.killed_runs import Killer, days, twin
from flow.sandbox_project import BOTH

MANY = 100
A_DAY = 6
"""Kills, one after the other, before a run is left alone: most of them hit a run that makes good for another."""

COMPUTING = 2.5
"""Seconds of computing that a run takes, or less."""

PHASES = (
    "call GET /services/data/query",
    "call GET /crm/objects/companies",
    "call POST /crm/objects/companies/batch/update",
    "commit of mirror_pointers",
    "commit of changes",
    "commit of rejected",  # outcomes, what is ours by now, and what is no longer refused: one transaction
    "commit of label_history",
    "commit of runs",
    "commit of leases",
    "sync of a file",
    "rename of a file",
    "answer",
    "computing",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.mark.parametrize("kills", [20, pytest.param(MANY, marks=pytest.mark.long)])
def test_killed_a_hundred_times(tmp_path: Path, kills: int) -> None:
    """Day by day: kills, then a run left alone. The CRMs hold what the twin's hold, whose runs nobody disturbed; nothing
    changed twice, and every change of the CRM's own history stands in the journal once. Salesforce is written through
    collections first, and in bulk jobs for the second half.
    """
    in_jobs = False
    killer = Killer(random.Random(5), COMPUTING)  # noqa: S311  no secret
    with twin(tmp_path / "quiet", 25) as quiet, twin(tmp_path / "killed", 25) as victim:
        for day in days():
            quiet.clock.move_to(day)
            passed = occurrences(quiet.run())
            assert quiet.statuses() == ["done", "done"]
            before = {crm: victim.changes(crm) for crm in BOTH}
            victim.clock.move_to(day)
            for number in range(A_DAY):
                doom = killer.doom(passed, () if number else killer.missed(PHASES))
                if not killer.killed(doom, victim.run(**doom), victim.statuses()):
                    break
            victim.run()
            assert victim.statuses() == ["done", "done"], day
            assert victim.labels() == quiet.labels(), day
            for crm in BOTH:
                assert max((victim.changes(crm) - before[crm]).values(), default=0) <= 1, day
                assert victim.noted(crm) == victim.changes(crm), day
                assert victim.project.runtime.journal.changes.unsettled(crm) == []
            if killer.died.total() >= kills:
                break
            if killer.died.total() >= kills / 2 and not in_jobs:
                in_jobs = True
                quiet.write_in_jobs()
                victim.write_in_jobs()
    if kills == MANY:
        assert killer.missed(PHASES) == []
