"""A journal that was lost is rebuilt from what the CRM itself holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.sandbox_project import BOTH, SandboxProject, sandbox_project
from flow.worlds import World

from crm_kare.sync.flow import Options, sync

FORCE = Options(force=True)


def _lose(folder: Path) -> None:
    for path in (folder / ".crm-kare").glob("state.db*"):
        path.unlink()


@pytest.mark.slow
def test_an_account_keeps_the_label_that_it_holds_though_the_journal_is_gone(empty: World) -> None:
    empty.add("acme")
    empty.regular("acme", "a1")
    runtime = empty.open()
    sync(runtime, [], FORCE)
    labels = []
    for _ in range(2):
        empty.clock.advance(86_400)
        sync(runtime, [], FORCE)
        labels.append(empty.labels("acme", "a1"))
    runtime.close()
    _lose(empty.folder)
    runtime = empty.open()
    (run,) = sync(runtime)
    assert (run.exit_code, run.planned.fields, run.applied.conflict) == (0, 0, 0)
    assert empty.labels("acme", "a1") == labels[-1]
    (entry,) = runtime.journal.labels.of_account("acme", "a1")
    assert entry.computed_profile == labels[-1]["Computed_Profile"]
    runtime.close()


@pytest.fixture(params=["hubspot", "salesforce"])
def labelled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProject]:
    with sandbox_project(tmp_path, crms=(request.param,), accounts=12) as project:
        sync(project.runtime, (), FORCE)
        project.clock.sleep(900)
        yield project


@pytest.mark.slow
def test_in_both_vendors_nothing_is_written_or_suspected_and_edits_are_seen_again(labelled: SandboxProject) -> None:
    (crm,) = labelled.crms
    assert crm in BOTH
    before = labelled.records()
    labelled.runtime.close()
    _lose(labelled.folder)
    labelled.reopen()
    (run,) = sync(labelled.runtime)
    assert (run.exit_code, run.planned.fields, run.applied.conflict) == (0, 0, 0)
    assert labelled.records() == before
    one = next(key for key, held in labelled.labels(crm).items() if held["Profile"] and held["Motion"] != "Retire")
    labelled.clock.sleep(900)
    labelled.crms[crm].edit(one, Motion="Retire")
    labelled.clock.sleep(900)
    (after,) = sync(labelled.runtime)
    assert [found.account_id for found in after.problems if found.code == "conflict"] == [one]
