"""Whole runs by the real rules over real HTTP: what both CRMs hold before and after, read by another client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from flow.sandbox_project import BOTH, Held, SandboxProject, sandbox_project

from crm_kare.labels import BY_NAME, LABELS, Editor
from crm_kare.model import RunStatus
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.judge import Judged, judge
from crm_kare.sync.result import RunResult, exit_code
from crm_kare.sync.runtime import Runtime

TODAY = date(2026, 11, 21)
OWNED = frozenset(one.name for one in LABELS if one.editor is Editor.OURS and one.default)
STAMPS = {"LastModifiedDate", "LastModifiedById", "SystemModstamp", "hs_lastmodifieddate"}
Labels = dict[str, dict[str, str | None]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # the first test pays for all runs, by the real rules


@dataclass
class FirstDay:
    """A run without approval, one with it, and another: their results, and what the CRMs held around them."""

    project: SandboxProject
    refused: list[RunResult]
    forced: list[RunResult]
    quiet: list[RunResult]
    calls_while_refused: int
    calls_while_quiet: dict[str, int]
    before: dict[str, Held]
    after_refused: dict[str, Held]
    after: dict[str, Held]
    labels: dict[str, Labels]
    judged: dict[str, dict[str, dict[str, Any]]]


@dataclass
class LaterDays:
    """What people did in both CRMs, and the runs of that day and of a later one."""

    first: FirstDay
    results: list[RunResult]
    touched: dict[str, dict[str, str]]
    labels: dict[str, Labels]
    after_end: dict[str, Labels]
    missing: dict[str, set[str]] = field(default_factory=dict)


@contextmanager
def judgements() -> Iterator[dict[str, Judged]]:
    """By CRM, what the rules say in the runs of the block."""
    seen: dict[str, Judged] = {}

    def judging(runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
        seen[crm] = judge(runtime, crm, as_of=as_of)
        return seen[crm]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crm_kare.sync.steps.judge", judging)
        yield seen


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstDay]:
    with sandbox_project(tmp_path_factory.mktemp("first")) as project:
        before = project.records()
        project.running.faults.forget_calls()
        refused = sync(project.runtime)
        calls_while_refused = sum(len(project.written(crm)) for crm in BOTH)
        after_refused = project.records()
        with judgements() as judged:
            forced = sync(project.runtime, (), Options(force=True))
        after, labels = project.records(), {crm: project.labels(crm) for crm in BOTH}
        project.clock.sleep(900)
        project.running.faults.forget_calls()
        quiet = sync(project.runtime)
        calls = project.running.faults.calls()
        yield FirstDay(
            project,
            refused,
            forced,
            quiet,
            calls_while_refused,
            {"salesforce": sum(one.path.startswith("/services/") for one in calls), "hubspot": sum(not one.path.startswith("/services/") for one in calls)},
            before,
            after_refused,
            after,
            labels,
            {crm: {row["account_id"]: row for row in judged[crm].labels.to_pylist()} for crm in BOTH},
        )  # fmt: skip


@pytest.fixture(scope="module")
def later_days(first_day: FirstDay) -> LaterDays:
    """One account each: a new order, deleted, merged away, overridden until the day after tomorrow by its page's form."""
    project, touched = first_day.project, {}
    for name, crm in project.crms.items():
        chosen = _chosen(first_day, name)
        crm.win(chosen["ordered"], TODAY - timedelta(days=1), 5000)
        crm.delete(chosen["deleted"])
        chosen["survivor"] = crm.merge(chosen["winner"], chosen["loser"])
        _override(project, name, chosen["overridden"], "Expand", TODAY + timedelta(days=2))
        touched[name] = chosen
    project.clock.sleep(3600)
    results = sync(project.runtime)
    labels = {crm: project.labels(crm) for crm in BOTH}
    project.clock.sleep(3 * 86_400)
    sync(project.runtime)
    return LaterDays(first_day, results, touched, labels, {crm: project.labels(crm) for crm in BOTH})


def _chosen(first: FirstDay, crm: str) -> dict[str, str]:
    """Accounts for what people will do: never bought, never bought, two customers, and one that is not Expand."""
    by_profile: dict[str | None, list[str]] = {}
    for account_id, row in sorted(first.judged[crm].items()):
        by_profile.setdefault(row["profile"], []).append(account_id)
    attain, keep, recapture = by_profile["Attain"], by_profile["Keep"], by_profile["Recapture"]
    return {"ordered": attain[0], "deleted": attain[1], "winner": keep[0], "loser": keep[1], "overridden": recapture[0]}


def _override(project: SandboxProject, crm: str, account_id: str, profile: str, until: date) -> None:
    noun = {"salesforce": "accounts", "hubspot": "companies"}[crm]
    address = f"{project.running.url}/{crm}/{noun}/{account_id}"
    with requests.Session() as web:
        page = web.get(address, timeout=60).text
        token = page.split('name="token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
        form = {
            "token": token,
            "Override": profile,
            "Override_Reason": "we know them",
            "Override_Until": until.isoformat(),
        }
        saved = web.post(address, data=form, timeout=60)
    assert saved.url.endswith("?saved")


def _expected(row: dict[str, Any]) -> dict[str, str | None]:
    """What a CRM should hold of a judgement, worked out here from the columns of `score`."""
    named = {name: row[name.lower()] for name in OWNED - {"Reasons", "Previous_Profile", "Changed_On"}}
    lines = [*row["reasons"], *([f"Runner-up: {row['runner_up']}"] if row["runner_up"] else [])]
    texts = {name: None if value is None else str(value) for name, value in named.items()}
    return texts | {
        "Reasons": "\n".join(lines),
        "Previous_Profile": None,
        "Changed_On": "2026-11-21" if row["profile"] else None,
    }


def test_a_first_run_without_approval_writes_nothing(first_day: FirstDay) -> None:
    assert [(one.status, one.exit_code) for one in first_day.refused] == [(RunStatus.REFUSED, 6)] * 2
    assert [one.calls.write for one in first_day.refused] == [0, 0]
    assert first_day.calls_while_refused == 0
    assert first_day.after_refused == first_day.before
    assert exit_code(first_day.refused) == 6
    for one in first_day.refused:
        assert (one.problems[0].code, "--force" in one.problems[0].fix) == ("first-run", True)
        assert one.planned.accounts == one.scored == 60


def test_with_approval_it_labels_every_account(first_day: FirstDay) -> None:
    for one in first_day.forced:
        assert (one.status, one.exit_code) == (RunStatus.DONE, 0)
        assert (one.applied.changed, one.applied.rejected, one.applied.unknown) == (60, 0, 0)
        assert min(one.profiles[name] for name in ("Keep", "Attain", "Recapture", "Expand")) > 0


@pytest.mark.parametrize("crm", BOTH)
def test_the_crm_holds_the_labels_scored_field_by_field(first_day: FirstDay, crm: str) -> None:
    assert set(first_day.labels[crm]) == set(first_day.judged[crm])
    for account_id, row in first_day.judged[crm].items():
        held = {name: first_day.labels[crm][account_id][name] for name in OWNED if BY_NAME[name].default}
        assert held == _expected(row)


@pytest.mark.parametrize("crm", BOTH)
def test_nothing_but_our_fields_changed_on_any_record(first_day: FirstDay, crm: str) -> None:
    side = first_day.project.crms[crm]
    ours = {side.field(name) for name in OWNED} | STAMPS
    before, after = first_day.before[crm], first_day.after[crm]
    assert set(after) == set(before)
    moved = {name for key in after for name in after[key] if after[key][name] != before[key].get(name)}
    assert moved <= ours
    assert side.field("Profile") in moved


def test_a_second_run_writes_nothing_and_costs_few_calls(first_day: FirstDay) -> None:
    assert [(one.status, one.planned.fields, one.calls.write) for one in first_day.quiet] == [
        (RunStatus.DONE, 0, 0)
    ] * 2
    # accounts and opportunities, line items, owners, the login; the organisation is asked once a day, HubSpot's owners cost two
    assert first_day.calls_while_quiet["salesforce"] <= 6 + 2 + 2 + 1
    assert first_day.calls_while_quiet["hubspot"] <= 8 + 2


@pytest.mark.parametrize("crm", BOTH)
def test_a_new_order_moves_the_label(later_days: LaterDays, crm: str) -> None:
    held = later_days.labels[crm][later_days.touched[crm]["ordered"]]
    assert (held["Profile"], held["Badge"], held["Previous_Profile"], held["Changed_On"]) == (
        "Keep",
        "New",
        "Attain",
        "2026-11-21",
    )
    assert "20 Nov 2026" in str(held["Reason"])


@pytest.mark.parametrize("crm", BOTH)
def test_deleted_and_merged_accounts_leave_without_harm(later_days: LaterDays, crm: str) -> None:
    result = next(one for one in later_days.results if one.crm == crm)
    assert (result.status, result.exit_code, result.applied.rejected) == (RunStatus.DONE, 0, 0)
    chosen, held = later_days.touched[crm], later_days.labels[crm]
    assert chosen["deleted"] not in held
    assert chosen["loser"] not in held
    assert held[chosen["survivor"]]["Profile"] is not None
    assert result.scored == len(held)


@pytest.mark.parametrize("crm", BOTH)
def test_an_override_by_the_accounts_page_wins_until_its_last_day(later_days: LaterDays, crm: str) -> None:
    account = later_days.touched[crm]["overridden"]
    held = later_days.labels[crm][account]
    assert (held["Profile"], held["Motion"], held["Computed_Profile"]) == ("Expand", "Grow", "Recapture")
    assert (held["Override"], held["Override_Until"]) == ("Expand", "2026-11-23")
    ended = later_days.after_end[crm][account]
    assert (ended["Profile"], ended["Previous_Profile"], ended["Changed_On"]) == ("Recapture", "Expand", "2026-11-24")
    assert (ended["Override"], ended["Override_Reason"]) == ("Expand", "we know them")
