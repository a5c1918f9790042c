"""Whole runs over a Salesforce org of several currencies: closed business keeps the worth it had on its day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.model import RunStatus
from crm_kare.sandbox.salesforce import money, org_of
from crm_kare.sync.flow import Options, pull_only, score_only, sync

FORCE = Options(force=True)
DAY = 86_400


@contextmanager
def org_of_several_currencies(folder: Path, *, accounts: int, dated: bool = False) -> Iterator[SandboxProject]:
    with sandbox_project(folder, crms=("salesforce",), accounts=accounts) as project:
        money.activate(org_of(project.running.sandbox), dated=dated)
        mapping = folder / "mappings/salesforce.yaml"
        mapping.write_text(mapping.read_text().replace("# currency: CurrencyIsoCode", "currency: CurrencyIsoCode  #"))
        project.reopen()
        yield project


def customer(project: SandboxProject) -> str:
    """A new account without business."""
    org = org_of(project.running.sandbox)
    values = {"Name": "Dollar Stores", "CurrencyIsoCode": "USD", "OwnerId": org.integration_user}
    return org.records.insert("Account", values, org.integration_user)


def won(project: SandboxProject, account: str, currency: str, *deals: tuple[date, int]) -> None:
    """Deals that were won, in their own currency."""
    org = org_of(project.running.sandbox)
    for day, amount in deals:
        values = {
            "Name": "An order",
            "AccountId": account,
            "StageName": "Closed Won",
            "IsWon": 1,
            "IsClosed": 1,
            "CloseDate": day.isoformat(),
            "Amount": amount,
            "CurrencyIsoCode": currency,
            "OwnerId": org.integration_user,
        }
        org.records.insert("Opportunity", values, org.integration_user)


def revenue(project: SandboxProject, account: str) -> Decimal:
    """What the account bought in the last 365 days, in euros."""
    (row,) = [
        one for one in score_only(project.runtime, "salesforce").labels.to_pylist() if one["account_id"] == account
    ]
    assert row["currency"] == "EUR"
    return Decimal(row["revenue_window"])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_rate_that_changes_moves_no_text_of_closed_business(tmp_path: Path) -> None:
    with org_of_several_currencies(tmp_path, accounts=24) as project:
        org = org_of(project.running.sandbox)
        money.set_rate(org, "USD", 1.25)
        account = customer(project)
        won(project, account, "USD", (date(2026, 3, 1), 1000), (date(2026, 6, 1), 500))
        (first,) = sync(project.runtime, (), FORCE)
        assert (first.status, first.exit_code) == (RunStatus.DONE, 0)
        assert [one for one in first.problems if one.code == "rate-missing"] == []
        assert revenue(project, account) == Decimal(1200)
        before = project.labels("salesforce")
        assert any("EUR" in str(held["Reasons"]) for held in before.values())

        for code, rate in (("USD", 2.5), ("GBP", 0.5), ("JPY", 80.0)):
            money.set_rate(org, code, rate)
        project.clock.sleep(DAY)
        won(project, account, "USD", (date(2026, 11, 22), 1000))
        (later,) = sync(project.runtime)
        assert (later.status, later.exit_code) == (RunStatus.DONE, 0)
        assert revenue(project, account) == Decimal(1200 + 400)
        after = project.labels("salesforce")
        assert {one for one in before if after[one] != before[one]} <= {account}


@pytest.mark.slow
def test_dated_rates_count_by_close_day_and_one_that_was_read_stays(tmp_path: Path) -> None:
    with org_of_several_currencies(tmp_path, accounts=1, dated=True) as project:
        org = org_of(project.running.sandbox)
        money.add_dated_rates(org, "USD", {"2000-01-01": 1.0, "2026-06-01": 2.0, "2026-09-01": 4.0})
        account = customer(project)
        won(project, account, "USD", (date(2026, 5, 31), 800), (date(2026, 6, 1), 800), (date(2026, 9, 5), 800))
        assert pull_only(project.runtime, "salesforce").exit_code == 0
        assert revenue(project, account) == Decimal(800 + 400 + 200)

        money.add_dated_rates(org, "USD", {"2000-01-01": 9.0, "2026-06-01": 2.0, "2026-09-01": 4.0, "2026-11-22": 8.0})
        project.clock.sleep(DAY)
        won(project, account, "USD", (date(2026, 11, 22), 800))
        assert pull_only(project.runtime, "salesforce").exit_code == 0
        assert revenue(project, account) == Decimal(800 + 400 + 200 + 100)
