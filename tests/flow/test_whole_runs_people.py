"""Whole runs over real HTTP, and what people do meanwhile: edits, approvals, brakes, staged starts.

Who gets which profile is what the test says; the rules have tests of their own.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from flow.sandbox_project import BOTH, SandboxProject, Verdict, sandbox_project

from crm_kare.model import RunStatus
from crm_kare.ports import Connector
from crm_kare.sync.flow import Options, apply_saved, plan_only, sync
from crm_kare.sync.saved_plan import save

FORCE = Options(force=True)


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles by account id; who is not in it gets Keep."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture(params=["hubspot", pytest.param("salesforce", marks=pytest.mark.slow)])
def labelled(request: pytest.FixtureRequest, verdict: dict[str, str], tmp_path: Path) -> Iterator[SandboxProject]:
    """A CRM whose every account was labelled Keep."""
    verdict.clear()
    with _labelled(tmp_path, (request.param,), accounts=12) as project:
        sync(project.runtime, (), FORCE)
        project.clock.sleep(60)
        yield project


def _labelled(folder: Path, crms: tuple[str, ...], accounts: int = 30) -> AbstractContextManager[SandboxProject]:
    return sandbox_project(folder, crms=crms, accounts=accounts)


def _only(project: SandboxProject) -> str:
    (name,) = project.crms
    return name


@pytest.mark.slow
def test_a_persons_edit_is_kept_and_reported_then_restored_where_the_mapping_says_so(
    labelled: SandboxProject, verdict: dict[str, str]
) -> None:
    crm = _only(labelled)
    edited, other = labelled.ids(crm)[:2]
    labelled.crms[crm].edit(edited, Motion="Grow")
    verdict |= {edited: "Recapture", other: "Recapture"}
    labelled.clock.sleep(900)
    (kept,) = sync(labelled.runtime)
    held = labelled.labels(crm)
    assert (kept.status, kept.exit_code, kept.applied.conflict, kept.applied.changed) == (RunStatus.DONE, 0, 1, 1)
    assert [(one.code, one.account_id) for one in kept.problems if one.code == "conflict"] == [("conflict", edited)]
    assert (held[edited]["Motion"], held[edited]["Profile"]) == ("Grow", "Keep")
    assert (held[other]["Motion"], held[other]["Profile"]) == ("Reactivate", "Recapture")
    labelled.configure("hand_edits: keep", "hand_edits: restore", f"mappings/{crm}.yaml")
    labelled.clock.sleep(900)
    (restored,) = sync(labelled.runtime)
    held = labelled.labels(crm)
    assert (restored.applied.changed, restored.applied.conflict) == (1, 0)
    assert (held[edited]["Motion"], held[edited]["Profile"]) == ("Reactivate", "Recapture")


def test_an_edit_made_while_a_long_pull_runs_is_not_overwritten(
    labelled: SandboxProject, verdict: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accounts were read at the pull's beginning; the pull then lasts longer than any overlap."""
    crm = _only(labelled)
    edited = labelled.ids(crm)[0]
    verdict[edited] = "Recapture"
    labelled.clock.sleep(86_400)
    runtime = labelled.runtime
    memory = type(runtime.connector(crm))
    pulls = memory.pull

    def slow(self: Connector, spec: Any, cursor: str | None) -> Iterator[Any]:
        yield from pulls(self, spec, cursor)
        if spec.stream == "accounts":
            labelled.clock.sleep(60)
            labelled.crms[crm].edit(edited, Motion="Grow")
            labelled.clock.sleep(7200)

    monkeypatch.setattr(memory, "pull", slow)
    (result,) = sync(runtime)
    held = labelled.labels(crm)[edited]
    assert (held["Motion"], held["Profile"], result.applied.conflict) == ("Grow", "Keep", 1)


@pytest.mark.slow
def test_a_brake_in_one_crm_stops_both(verdict: dict[str, str], tmp_path: Path) -> None:
    with _labelled(tmp_path, BOTH) as project:
        sync(project.runtime, (), FORCE)
        project.configure("transition_floor: 20", "transition_floor: 5")
        moving, single = project.ids("salesforce")[:6], project.ids("hubspot")[0]
        verdict |= dict.fromkeys([*moving, single], "Recapture")
        before = project.records()
        project.clock.sleep(900)
        project.running.faults.forget_calls()
        results = sync(project.runtime)
        assert [(one.status, one.exit_code) for one in results] == [(RunStatus.REFUSED, 6)] * 2
        assert [one.problems[0].code for one in results] == ["transition-limit", "brake-elsewhere"]
        assert [len(project.written(crm)) for crm in BOTH] == [0, 0]
        assert project.records() == before
        (alone,) = sync(project.runtime, ["hubspot"])
        assert (alone.exit_code, alone.applied.changed) == (0, 1)


@pytest.mark.slow
def test_a_saved_plan_is_written_as_seen_and_refused_where_the_crm_moved(
    labelled: SandboxProject, verdict: dict[str, str], tmp_path: Path
) -> None:
    crm = _only(labelled)
    one, two = labelled.ids(crm)[:2]
    verdict |= {one: "Recapture", two: "Expand"}
    labelled.clock.sleep(900)
    _, plan = plan_only(labelled.runtime, crm)
    assert plan is not None
    save(plan, tmp_path / "plan.jsonl", labelled.clock.now())
    labelled.crms[crm].edit(one, Profile="Attain")
    before = labelled.labels(crm)
    labelled.clock.sleep(900)
    refused = apply_saved(labelled.runtime, crm, tmp_path / "plan.jsonl")
    assert (refused.status, refused.exit_code, refused.problems[0].code) == (RunStatus.REFUSED, 6, "plan-stale")
    assert labelled.labels(crm) == before
    labelled.crms[crm].edit(one, Profile="Keep")
    labelled.clock.sleep(900)
    applied = apply_saved(labelled.runtime, crm, tmp_path / "plan.jsonl")
    assert (applied.exit_code, applied.applied.changed) == (0, 2)
    held = labelled.labels(crm)
    assert (held[one]["Profile"], held[two]["Profile"]) == ("Recapture", "Expand")
    again = apply_saved(labelled.runtime, crm, tmp_path / "plan.jsonl")
    assert again.applied.changed == 0


@pytest.mark.slow
@pytest.mark.parametrize("crm", BOTH)
def test_a_first_run_can_be_staged(crm: str, tmp_path: Path) -> None:
    """By the real rules, for the owner is theirs to tell."""
    with _labelled(tmp_path, (crm,)) as project:
        (some,) = sync(project.runtime, (), Options(force=True, limit=3))
        assert some.applied.changed == len(_labelled_ids(project, crm)) == 3
        (mine,) = sync(project.runtime, (), Options(force=True, owner=_busiest(project, crm)))
        assert 0 < mine.applied.changed < 27
        (refused,) = sync(project.runtime)
        assert (refused.exit_code, refused.problems[0].code) == (6, "first-run")
        assert len(_labelled_ids(project, crm)) == 3 + mine.applied.changed


def _labelled_ids(project: SandboxProject, crm: str) -> list[str]:
    return [account_id for account_id, held in project.labels(crm).items() if held["Reason"]]


def _busiest(project: SandboxProject, crm: str) -> str:
    """The name of the owner of most accounts."""
    business = project.running.sandbox.businesses[crm]
    ((key, _),) = Counter(one.owner for one in business.companies).most_common(1)
    return f"{business.reps[key].first_name} {business.reps[key].last_name}"
