"""What runs over a portal cost in API calls, whatever its size; logins apart."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, Verdict, sandbox_project

from crm_kare.sandbox.hubspot import portal_of
from crm_kare.sync.flow import Options, sync

TWO_STREAMS = """\
version: 1
connector: hubspot
streams:
  accounts: {from: companies, fields: {account_id: hs_object_id, name: name, parent_id: hs_parent_company_id}}
  opportunities:
    from: deals
    fields:
      opportunity_id: hs_object_id
      account_id: "@primary_company"
      is_won: "@stage_is_won"
      is_closed: "@stage_is_closed"
      closed_on: closedate
      amount: amount
"""
LINES = """\
  line_items:
    from: line_items
    fields: {line_item_id: hs_object_id, opportunity_id: "@deal", product_line: "@product.name"}
"""
OWNERS = """\
  owners: {from: owners, fields: {owner_id: id, name: "@name"}}
"""
QUIET, FURTHER = 8, 2
DAY = 86_400
FORCE = Options(force=True)


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles by account id; who is not in it gets Keep."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture(params=[130])
def project(request: pytest.FixtureRequest, verdict: dict[str, str], tmp_path: Path) -> Iterator[SandboxProject]:
    """A labelled portal; an hour and two runs ago the labels were written, so that they do not come back any more."""
    del verdict
    with sandbox_project(tmp_path, crms=("hubspot",), accounts=request.param) as made:
        (tmp_path / "mappings/hubspot.yaml").write_text(TWO_STREAMS)
        made.reopen()
        sync(made.runtime, (), FORCE)
        made.clock.sleep(3600)
        sync(made.runtime)
        yield made


def counted(project: SandboxProject, seconds: float = 900) -> int:
    """Calls of a run some time later, as HubSpot counts them."""
    project.clock.sleep(seconds)
    project.running.faults.forget_calls()
    (result,) = sync(project.runtime, (), FORCE)
    assert result.exit_code in {0, 5}
    calls = [one for one in project.running.faults.calls() if not one.path.startswith("/oauth/")]
    assert result.calls.read + result.calls.write == len(calls)
    return len(calls)


def test_a_run_without_changes_costs_eight_calls_at_most_and_two_for_each_further_stream(
    project: SandboxProject,
) -> None:
    assert counted(project) <= QUIET
    assert counted(project, DAY) <= QUIET, "the first run of a day"
    text = TWO_STREAMS
    for further, block in enumerate((LINES, OWNERS), 1):
        text += block
        (project.folder / "mappings/hubspot.yaml").write_text(text)
        project.reopen()
        sync(project.runtime)  # the new stream is pulled in full
        assert counted(project) <= QUIET + further * FURTHER


@pytest.mark.parametrize("project", [pytest.param(450, marks=pytest.mark.slow)], indirect=True)
def test_runs_close_upon_a_large_one_are_quiet_once_its_labels_came_back(
    project: SandboxProject, verdict: dict[str, str]
) -> None:
    ids = project.ids("hubspot")
    verdict |= dict.fromkeys(ids, "Expand")
    counted(project)
    counted(project, 5)  # what was written comes back
    for seconds in (5, 5, 20, 100, 900):
        assert counted(project, seconds) <= QUIET
    project.crms["hubspot"].edit(ids[7], Reason="Ours, says a person")
    project.clock.sleep(60)
    (result,) = sync(project.runtime)
    assert (result.pulled.accounts, result.applied.conflict) == (1, 1)


@pytest.mark.parametrize("many", [130, *(pytest.param(one, marks=pytest.mark.slow) for one in (1, 101))])
def test_a_plan_costs_a_look_and_a_write_for_each_hundred(
    project: SandboxProject, verdict: dict[str, str], many: int
) -> None:
    verdict |= dict.fromkeys(project.ids("hubspot")[:many], "Expand")
    assert counted(project) <= 2 * math.ceil(many / 100) + QUIET
    assert [held["Profile"] for held in project.labels("hubspot").values()].count("Expand") == many


@pytest.mark.slow
@pytest.mark.parametrize("project", [500], indirect=True)
@pytest.mark.parametrize("traced", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_one_bad_record_in_five_hundred_costs_half_as_much_again_at_most(
    project: SandboxProject, verdict: dict[str, str], *, traced: bool
) -> None:
    portal = portal_of(project.running.sandbox)
    portal.settings = replace(portal.settings, traced_updates=traced)
    ids = project.ids("hubspot")
    quiet = counted(project)
    verdict |= dict.fromkeys(ids, "Attain")
    clean = counted(project) - quiet
    project.clock.sleep(3600)
    sync(project.runtime)
    project.crms["hubspot"].retire_value("Profile", "Expand")
    verdict |= dict.fromkeys(ids, "Recapture") | {ids[321]: "Expand"}
    bad = counted(project) - quiet
    assert bad <= 1.5 * clean
    shown = {key: held["Profile"] for key, held in project.labels("hubspot").items()}
    assert shown == verdict | {ids[321]: "Attain"}
    (rejection,) = project.runtime.journal.changes.rejected("hubspot")
    assert rejection.account_id == ids[321]
