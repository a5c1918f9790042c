"""Undo over real HTTP, in both CRMs: what the vendors' own APIs show afterwards is what they showed before."""

from pathlib import Path

import pytest
from flow.sandbox_project import BOTH, Verdict, sandbox_project

from crm_kare.sync.flow import Options, sync, undo


@pytest.mark.slow
@pytest.mark.parametrize("crm", BOTH)
def test_two_runs_are_undone_one_after_the_other(crm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    with sandbox_project(tmp_path, crms=(crm,), accounts=12) as project:
        blank = project.labels(crm)
        (first,) = sync(project.runtime, (), Options(force=True))
        good = project.labels(crm)
        project.clock.sleep(86_400)
        stand_in.profiles |= dict.fromkeys(project.ids(crm)[:5], "Recapture")
        (second,) = sync(project.runtime, ())
        assert second.applied.changed == 5
        undone, _ = undo(project.runtime, second.run_id)
        assert (undone.exit_code, undone.applied.changed, undone.problems) == (0, 5, ())
        assert project.labels(crm) == good
        project.clock.sleep(3600)
        (held,) = sync(project.runtime, ())
        assert [one.code for one in held.problems] == ["undone"]
        undone, _ = undo(project.runtime, first.run_id)
        assert (undone.exit_code, undone.applied.changed, undone.problems) == (0, 12, ())
        assert project.labels(crm) == blank
