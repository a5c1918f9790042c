"""What is worth an alert, by what a run and the journal tell."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from crm_kare.config.alerting import SEVERITIES, Alerts, Kind, Severity
from crm_kare.daemon.alerts.conditions import (
    Condition,
    Findings,
    Kept,
    certificate,
    configuration,
    of_journal,
    of_run,
    overrides,
    paused,
)
from crm_kare.daemon.alerts.words import body_of, message
from crm_kare.journal import FINE, Alert, Standing
from crm_kare.model import Problem, RunStatus
from crm_kare.ports import Quota
from crm_kare.sync.result import RunResult
from crm_kare.testing.clock import MORNING

ROOT = Path(__file__).parents[2]
SETTINGS = Alerts()
OF_RUNS = {Kind.RUN_FAILED, Kind.LOGIN_REFUSED, Kind.CRM_UNAVAILABLE, Kind.BRAKE, Kind.APPROVAL_WAITS}


def ended(status: RunStatus, code: str = "", exit_code: int = 0, quota: Quota = Quota()) -> RunResult:  # noqa: B008  frozen
    problems = (Problem(code, "Firm Secret said: no."),) if code else ()
    return RunResult("run-1", "one", status, problems=problems, exit_code=exit_code, quota=quota)


def wrong(found: Findings) -> set[Kind]:
    return {kind for kind, condition in found.items() if condition}


def of(result: RunResult, kept: Kept = Kept(), *, whole: bool = True) -> Findings:  # noqa: B008  frozen
    return of_run(result, kept, SETTINGS, whole=whole)


@pytest.mark.parametrize("status", [RunStatus.DONE, RunStatus.PARTIAL])
def test_a_run_that_came_to_its_end_shows_that_all_about_runs_is_well(status: RunStatus) -> None:
    assert of(ended(status)) == dict.fromkeys(OF_RUNS)


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "kind"),
    [
        (RunStatus.FAILED, "StopError", 1, Kind.RUN_FAILED),
        (RunStatus.FAILED, "field-missing", 3, Kind.RUN_FAILED),
        (RunStatus.FAILED, "INVALID_LOGIN", 4, Kind.LOGIN_REFUSED),
        (RunStatus.REFUSED, "transition-limit", 6, Kind.BRAKE),
        (RunStatus.REFUSED, "mirror-shrank", 6, Kind.BRAKE),
        (RunStatus.REFUSED, "first-run", 6, Kind.APPROVAL_WAITS),
        (RunStatus.REFUSED, "undone", 6, Kind.APPROVAL_WAITS),
    ],
)
def test_each_end_of_a_run_has_its_kind(status: RunStatus, code: str, exit_code: int, kind: Kind) -> None:
    found = of(ended(status, code, exit_code))
    assert wrong(found) == {kind}
    condition = found[kind]
    assert condition is not None
    assert "crm-kare " in condition.command
    assert "one" in condition.command or "run-1" in condition.command


def test_a_mirror_that_shrank_has_a_command_of_its_own_for_no_plan_can_be_made() -> None:
    condition = of(ended(RunStatus.REFUSED, "mirror-shrank", 6))[Kind.BRAKE]
    assert condition is not None
    assert condition.command.endswith("crm-kare sync one --full --force")


@pytest.mark.parametrize("status", [RunStatus.BUSY, RunStatus.INTERRUPTED])
def test_a_run_that_was_left_to_another_or_stopped_tells_nothing(status: RunStatus) -> None:
    assert of(ended(status)) == {}


def test_the_brake_of_another_crm_in_the_same_run_is_that_ones_alert() -> None:
    assert of(ended(RunStatus.REFUSED, "brake-elsewhere", 6)) == {}


def test_a_crm_out_of_reach_is_told_at_the_second_start_without_success() -> None:
    result = ended(RunStatus.UNAVAILABLE, "network", 7)
    assert wrong(of(result, Kept(missed=1))) == set()
    assert wrong(of(result, Kept(missed=2))) == {Kind.CRM_UNAVAILABLE}
    assert wrong(of(result, Kept(missed=None))) == {Kind.CRM_UNAVAILABLE}


def test_a_crms_own_words_and_names_are_in_no_message() -> None:
    for status, code, exit_code in (
        (RunStatus.FAILED, "X", 1),
        (RunStatus.FAILED, "X", 4),
        (RunStatus.REFUSED, "new-brake", 6),
        (RunStatus.UNAVAILABLE, "X", 7),
    ):
        for condition in filter(None, of(ended(status, code, exit_code)).values()):
            assert "Secret" not in condition.told + condition.command


def test_a_run_for_single_records_shows_what_is_wrong_but_not_that_all_is_well() -> None:
    assert wrong(of(ended(RunStatus.FAILED, "X", 1), whole=False)) == {Kind.RUN_FAILED}
    assert of(ended(RunStatus.DONE), whole=False) == {Kind.LOGIN_REFUSED: None, Kind.CRM_UNAVAILABLE: None}


def test_a_run_that_broke_before_it_had_an_id_leads_to_the_history() -> None:
    broken = RunResult("", "one", RunStatus.FAILED, problems=(Problem("KeyError", "An accident."),), exit_code=1)
    condition = of(broken)[Kind.RUN_FAILED]
    assert condition is not None
    assert condition.command.startswith("crm-kare history one,")


@pytest.mark.parametrize(("used", "low"), [(7500, False), (7501, True)])
def test_quota_is_low_above_its_share(used: int, *, low: bool) -> None:
    found = of(ended(RunStatus.DONE, quota=Quota(used, 10_000)))
    assert (Kind.QUOTA_LOW in wrong(found)) is low


def test_a_quota_that_is_not_told_is_neither_low_nor_fine() -> None:
    assert Kind.QUOTA_LOW not in of(ended(RunStatus.DONE, quota=Quota(None, None)))


@pytest.mark.parametrize(("missed", "late"), [(3, False), (4, True), (9, True)])
def test_no_success_after_so_many_starts(missed: int, *, late: bool) -> None:
    found = of_journal("one", Kept(missed=missed), SETTINGS)
    assert (Kind.NO_SUCCESS in wrong(found)) is late


def test_without_a_schedule_no_start_is_missed() -> None:
    assert of_journal("one", Kept(missed=None), SETTINGS) == {}


@pytest.mark.parametrize(("rejected", "accounts", "many"), [(9, 100, False), (10, 100, True), (10, 1000, False), (11, 1000, True)])  # fmt: skip
def test_rejections_over_a_share_and_a_floor(rejected: int, accounts: int, *, many: bool) -> None:
    found = of_journal("one", Kept(rejected=rejected, accounts=accounts), SETTINGS)
    assert (Kind.REJECTIONS in wrong(found)) is many


@pytest.mark.parametrize(("days", "soon"), [(31, False), (29, True), (-3, True)])
def test_a_certificate_is_told_of_before_it_ends(days: int, *, soon: bool) -> None:
    found = certificate("one", MORNING + timedelta(days=days), MORNING, SETTINGS)
    assert (Kind.CERTIFICATE_ENDS in wrong(found)) is soon


def test_the_last_day_of_overrides_is_their_mark() -> None:
    assert overrides("one", []) == {Kind.OVERRIDE_EXPIRED: None}
    condition = overrides("one", [date(2026, 11, 1), date(2026, 11, 2)])[Kind.OVERRIDE_EXPIRED]
    assert condition is not None
    assert condition.mark == "2026-11-02"
    assert condition.told.startswith("2 overrides")


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (Standing("one"), False),
        (Standing("one", paused_at=MORNING - timedelta(hours=23)), False),
        (Standing("one", paused_at=MORNING - timedelta(hours=24)), True),
        (Standing("one", paused_at=MORNING - timedelta(hours=30), paused_until=MORNING), False),
        (Standing("one", paused_at=MORNING - timedelta(hours=30), paused_until=MORNING + timedelta(hours=1)), True),
    ],
)
def test_a_pause_is_told_of_after_a_day(standing: Standing, *, told: bool) -> None:
    assert bool(wrong(paused("one", standing, MORNING, SETTINGS))) is told


def test_a_broken_configuration_and_its_mending() -> None:
    assert wrong(configuration("ConfigError")) == {Kind.CONFIGURATION_BROKEN}
    assert configuration(None) == {Kind.CONFIGURATION_BROKEN: None}


def test_what_is_left_out_or_weighs_too_little_is_not_wanted() -> None:
    settings = Alerts(leave_out=(Kind.BRAKE,), minimum=Severity.WARNING)
    assert [kind for kind in Kind if not settings.wants(kind)] == [
        Kind.BRAKE,
        Kind.OVERRIDE_EXPIRED,
        Kind.PAUSED_LONG,
    ]


@pytest.mark.parametrize("kind", Kind)
def test_every_message_names_the_crm_since_when_and_the_next_command(kind: Kind) -> None:
    condition = Condition("12 of 40.", "crm-kare doctor one")
    bad = message(Alert("one", kind.value, "on", FINE, MORNING, body_of(condition)), "north")
    assert bad.title.startswith("crm-kare: north: one: ")
    assert "12 of 40." in bad.body
    assert "2026-11-03 08:00 UTC" in bad.body
    assert bad.body.endswith("Next: crm-kare doctor one")
    good = message(Alert("one", kind.value, FINE, "on", MORNING, body_of(condition)), "")
    assert good.title.startswith("crm-kare: one: ")
    assert good.title != bad.title.replace("north: ", "")
    assert good.body.endswith("Next: crm-kare history one")
    assert good.severity is None


def test_the_docs_list_every_kind_with_its_weight_and_the_prometheus_rule_of_the_same_name() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| ([a-z]+) \|.*\| (\w*) ?\|$", text, re.MULTILINE)
    assert {kind: weight for kind, weight, _ in rows} == {kind.value: SEVERITIES[kind].value for kind in Kind}
    rules = (ROOT / "deploy" / "alerts" / "rules.yaml").read_text(encoding="utf-8")
    assert {rule for _, _, rule in rows if rule} <= set(re.findall(r"alert: (\w+)", rules))


def test_the_docs_name_every_default() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    for name in ("missed_starts", "rejected_floor", "certificate_days", "paused_hours"):
        assert re.search(rf"`{name}`[^|]*\({getattr(SETTINGS, name)}\)", text), name
    for name in ("rejected_share", "quota_share"):
        assert re.search(rf"`{name}` \({getattr(SETTINGS, name):.0%}\)".replace("%", " ?%"), text), name
