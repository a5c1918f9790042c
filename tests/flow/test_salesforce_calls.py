"""What a run costs in API calls when nobody changed anything, whatever the org's size; logins apart."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, Verdict, sandbox_project

from crm_kare.sandbox.salesforce import money, org_of
from crm_kare.sync.flow import Options, sync

TWO_STREAMS = """\
version: 1
connector: salesforce
streams:
  accounts: {from: Account, fields: {account_id: Id, name: Name, owner: Owner.Name, parent_id: ParentId}}
  opportunities:
    from: Opportunity
    fields: {opportunity_id: Id, account_id: AccountId, is_won: IsWon, is_closed: IsClosed, closed_on: CloseDate, amount: Amount}
"""
LINES = """\
  line_items:
    from: OpportunityLineItem
    fields: {line_item_id: Id, opportunity_id: OpportunityId, product_line: Product2.Family}
"""
OWNERS = """\
  owners: {from: User, fields: {owner_id: Id, name: Name}}
"""
BOUND, FURTHER = 6, 2


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxProject]:
    """A labelled org; an hour and two runs ago the labels were written, so that they do not come back any more."""
    monkeypatch.setattr("crm_kare.sync.steps.judge", Verdict(tmp_path).judge)
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=12) as made:
        (tmp_path / "mappings/salesforce.yaml").write_text(TWO_STREAMS)
        made.reopen()
        sync(made.runtime, (), Options(force=True))
        made.clock.sleep(3600)
        yield made


def calls(project: SandboxProject, seconds: float) -> int:
    """Calls of a run some time later that finds nothing to do, counted by the CRM."""
    project.clock.sleep(seconds)
    project.running.faults.forget_calls()
    (result,) = sync(project.runtime)
    assert (result.exit_code, result.pulled.accounts, result.planned.fields) == (0, 0, 0)
    counted = len(project.running.faults.calls("/services/data/*"))
    assert result.calls.read + result.calls.write == counted
    return counted


def test_a_run_without_changes_costs_six_calls_at_most_and_two_for_each_further_stream(
    project: SandboxProject,
) -> None:
    sync(project.runtime)
    assert calls(project, 900) <= BOUND
    assert calls(project, 86_400) <= BOUND, "the first run of a day"
    text = TWO_STREAMS
    for further, block in enumerate((LINES, OWNERS), 1):
        text += block
        (project.folder / "mappings/salesforce.yaml").write_text(text)
        project.reopen()
        sync(project.runtime)  # the new stream is pulled in full
        assert calls(project, 900) <= BOUND + further * FURTHER


@pytest.mark.slow
def test_dated_exchange_rates_of_the_day_cost_no_call_more_than_six(project: SandboxProject) -> None:
    """The org's own name and time zone are asked once a week in such an org."""
    org = org_of(project.running.sandbox)
    money.activate(org, dated=True)
    project.clock.sleep(86_400)
    sync(project.runtime)
    for day in range(1, 4):
        since = date(2026, 10, day)
        money.add_dated_rates(org, "USD", {"2020-01-01": 1.0, since.isoformat(): 1.0 + day})
        assert calls(project, 86_400) <= BOUND
        held = project.runtime.journal.rates.held("salesforce", "EUR")
        assert since in {one.since for one in held if one.currency == "USD"}
