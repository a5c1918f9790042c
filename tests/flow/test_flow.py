"""Whole runs against a CRM in memory."""

import json
import os
import socket
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from flow.worlds import FIELDS, World

from crm_kare.errors import BusyError, ConfigError, UsageError
from crm_kare.model import RunStatus
from crm_kare.ports import FieldInfo
from crm_kare.sync.flow import Options, apply_saved, plan_only, pull_only, score_only, sync
from crm_kare.sync.lease import Lease
from crm_kare.sync.result import exit_code
from crm_kare.sync.runtime import Runtime
from crm_kare.sync.saved_plan import save
from crm_kare.testing.memory import MemoryConnector

Acme = tuple[World, Runtime]
FORCE = Options(force=True)


def test_the_second_run_writes_nothing(acme: Acme) -> None:
    world, runtime = acme
    (first,) = sync(runtime, [], FORCE)
    assert (first.status, first.exit_code) == (RunStatus.DONE, 0)
    assert first.applied.changed == 4
    assert world.labels("acme", "a1")["Profile"] == "Keep"
    (second,) = sync(runtime)
    assert (second.planned.accounts, second.planned.fields) == (0, 0)
    assert second.calls.write == 0
    assert second.problems == ()


def test_a_dry_run_shows_the_plan_and_writes_nothing(acme: Acme) -> None:
    world, runtime = acme
    (result,) = sync(runtime, [], Options(dry_run=True))
    assert (result.status, result.exit_code) == (RunStatus.DONE, 0)
    assert result.planned.accounts == 4
    assert [problem.code for problem in result.problems] == ["first-run"]
    assert world.crms["acme"].calls.write == 1  # the fields, by provision
    assert runtime.journal.labels.held("acme").num_rows == 0


def test_a_first_run_needs_approval(acme: Acme) -> None:
    world, runtime = acme
    (result,) = sync(runtime)
    assert (result.status, result.exit_code) == (RunStatus.REFUSED, 6)
    assert "4 accounts" in result.problems[0].message
    assert world.labels("acme", "a1")["Profile"] is None


@pytest.mark.slow
def test_a_staged_start_does_not_approve_the_rest(acme: Acme) -> None:
    world, runtime = acme
    (some,) = sync(runtime, [], Options(force=True, limit=1))
    assert some.applied.changed == 1
    (bobs,) = sync(runtime, [], Options(force=True, owner="Bob"))
    assert (bobs.applied.changed, world.labels("acme", "a4")["Profile"]) == (1, "Keep")
    (rest,) = sync(runtime)
    assert rest.exit_code == 6


def test_a_hand_edit_is_kept_and_reported_until_it_is_emptied(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.edit("acme", "a1", Motion="Acquire")
    world.verdict["a1"] = "Expand"
    (held,) = sync(runtime)
    assert (held.status, held.exit_code, held.applied.conflict) == (RunStatus.DONE, 0, 1)
    assert [(one.code, one.account_id) for one in held.problems] == [("conflict", "a1")]
    assert world.labels("acme", "a1")["Profile"] == "Keep"
    world.edit("acme", "a1", Motion=None)
    (free,) = sync(runtime)
    assert (free.applied.changed, free.applied.conflict) == (1, 0)
    assert world.labels("acme", "a1")["Motion"] == "Grow"


def test_a_hand_edit_is_restored_where_the_mapping_says_so(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.map("acme", labels="labels: {hand_edits: restore}")
    world.edit("acme", "a1", Motion="Grow")
    (result,) = sync(runtime)
    assert (result.applied.changed, result.applied.conflict) == (1, 0)
    assert world.labels("acme", "a1")["Motion"] == "Retain"


def test_an_override_wins_and_ends(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.edit("acme", "a1", Override="Expand", Override_Until="2026-11-04")
    sync(runtime)
    shown = world.labels("acme", "a1")
    assert (shown["Profile"], shown["Computed_Profile"], shown["Motion"]) == ("Expand", "Keep", "Grow")
    assert (shown["Previous_Profile"], shown["Changed_On"]) == ("Keep", "2026-11-03")
    world.clock.advance(timedelta(days=2).total_seconds())
    sync(runtime)
    shown = world.labels("acme", "a1")
    assert (shown["Profile"], shown["Previous_Profile"], shown["Changed_On"]) == ("Keep", "Expand", "2026-11-05")
    assert (shown["Override"], shown["Override_Until"]) == ("Expand", "2026-11-04")


@pytest.mark.slow
def test_a_brake_in_one_crm_stops_all_before_the_first_write(world: World) -> None:
    for name in ("acme", "beta"):
        world.add(name)
        for number in range(30):
            world.account(name, f"a{number:02}")
    runtime = world.open()
    sync(runtime, [], FORCE)
    world.verdict = {f"a{number:02}": "Recapture" for number in range(21)}
    world.crms["beta"].delete("accounts", "a00")
    for number in range(1, 15):
        world.crms["beta"].delete("accounts", f"a{number:02}")
    results = sync(runtime)
    assert [result.exit_code for result in results] == [6, 6]
    assert results[0].problems[0].code == "transition-limit"
    assert "21 of 30 accounts (70%) would go from Keep to Recapture" in results[0].problems[0].message
    assert results[1].problems[0].code == "brake-elsewhere"
    assert all(labels["kare_profile"] == "Keep" for labels in world.crms["acme"].records("accounts").values())
    (forced, _) = sync(runtime, [], FORCE)
    assert forced.applied.changed == 21
    assert forced.planned.by_transition == {"Keep>Recapture": 21}
    runtime.close()


@pytest.mark.slow
def test_a_smaller_mirror_stops_the_run_and_is_not_taken(world: World) -> None:
    world.add("acme")
    for number in range(60):
        world.account("acme", f"a{number:02}")
    runtime = world.open()
    sync(runtime, [], FORCE)
    for number in range(30):
        world.crms["acme"].delete("accounts", f"a{number:02}")
    for options in (Options(), FORCE, Options(full=True)):
        (result,) = sync(runtime, [], options)
        assert (result.exit_code, result.problems[0].code) == (6, "mirror-shrank")
    assert pull_only(runtime, "acme").exit_code == 6
    assert score_only(runtime, "acme").labels.num_rows == 60
    (result,) = sync(runtime, [], Options(force=True, full=True))
    assert (result.exit_code, result.scored) == (0, 30)
    runtime.close()


@pytest.mark.slow
def test_after_the_days_set_a_run_pulls_in_full_by_itself_under_the_same_brakes(world: World) -> None:
    world.add("acme")
    for number in range(60):
        world.account("acme", f"a{number:02}")
    project = world.folder / "crm-kare.yaml"
    project.write_text(project.read_text().replace("acme: {", "acme: {full_pull_days: 3, "))
    runtime = world.open()
    sync(runtime, [], FORCE)
    world.clock.advance(60)
    sync(runtime)  # brings back what was written
    for days, full in ((2, False), (2, True), (2, False)):
        world.clock.advance(days * 86_400)
        (result,) = sync(runtime)
        told = [(one.code, one.where, one.level) for one in result.problems]
        assert told == [("full-pull", name, "info") for name in ("accounts", "opportunities")] * full
        assert (result.exit_code, result.pulled.accounts) == (0, 60 if full else 0)
    for number in range(30):
        world.crms["acme"].delete("accounts", f"a{number:02}")
    world.clock.advance(4 * 86_400)
    (refused,) = sync(runtime, [], FORCE)
    assert (refused.exit_code, refused.problems[0].code) == (6, "mirror-shrank")
    runtime.close()


def test_a_saved_plan_is_its_own_approval(acme: Acme, tmp_path: Path) -> None:
    world, runtime = acme
    _, plan = plan_only(runtime, "acme")
    assert plan is not None
    path = tmp_path / "plan.jsonl"
    save(plan, path, world.clock.now())
    assert path.stat().st_mode & 0o777 == 0o600
    result = apply_saved(runtime, "acme", path)
    assert (result.status, result.applied.changed) == (RunStatus.DONE, 4)
    (after,) = sync(runtime)
    assert (after.exit_code, after.planned.fields) == (0, 0)


def test_a_saved_plan_is_refused_where_the_crm_moved(acme: Acme, tmp_path: Path) -> None:
    world, runtime = acme
    _, plan = plan_only(runtime, "acme")
    assert plan is not None
    path = tmp_path / "plan.jsonl"
    save(plan, path, world.clock.now())
    for edit in ({"Motion": "Grow"}, {"Motion": None, "Override": "Expand"}):
        world.edit("acme", "a2", **edit)
        result = apply_saved(runtime, "acme", path)
        assert (result.status, result.exit_code, result.problems[0].code) == (RunStatus.REFUSED, 6, "plan-stale")
    assert world.labels("acme", "a1")["Profile"] is None


def test_an_altered_plan_and_one_of_another_crm_are_refused(acme: Acme, tmp_path: Path) -> None:
    world, runtime = acme
    _, plan = plan_only(runtime, "acme")
    assert plan is not None
    path = tmp_path / "plan.jsonl"
    save(plan, path, world.clock.now())
    path.write_text(path.read_text().replace('"Keep"', '"Expand"'))
    assert apply_saved(runtime, "acme", path).problems[0].code == "plan-altered"
    path.write_text("account,profile\n")
    assert apply_saved(runtime, "acme", path).exit_code == UsageError.exit_code


@pytest.mark.slow
def test_accounts_that_leave_the_filter_are_cleared_once(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.map("acme", where="owner = 'Ann'")
    (result,) = sync(runtime)
    assert result.applied.changed == 1
    assert result.planned.by_transition == {"Keep>none": 1}
    assert not any(world.labels("acme", "a4").values())
    (after,) = sync(runtime)
    assert after.planned.fields == 0


def test_an_error_in_one_crm_leaves_the_others(world: World) -> None:
    for name in ("acme", "beta"):
        world.add(name)
        world.account(name, "a1")
    world.crms["acme"].token = "another"
    runtime = world.open()
    world.crms["acme"].token = "expired"
    results = sync(runtime, ["acme", "beta"], FORCE)
    assert [(one.status, one.exit_code) for one in results] == [(RunStatus.FAILED, 4), (RunStatus.DONE, 0)]
    assert exit_code(results) == 4
    runtime.close()


def test_a_run_that_another_holds_is_busy(acme: Acme) -> None:
    world, runtime = acme
    with Lease(runtime.journal, "acme", world.clock):
        (result,) = sync(runtime)
    assert (result.status, result.exit_code) == (RunStatus.BUSY, 7)
    (free,) = sync(runtime, [], FORCE)
    assert free.exit_code == 0


def test_a_lease_of_a_process_that_died_is_taken_over(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    world, runtime = acme
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("os.getpid", lambda: 2**22 + 1)
        Lease(runtime.journal, "acme", world.clock).__enter__()
    (result,) = sync(runtime, [], FORCE)
    assert result.exit_code == 0


def test_a_container_of_the_same_name_is_no_process_of_ours(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process number says nothing here, nor is it ours where it is the same: both count from 1."""
    world, runtime = acme
    mine = Lease(runtime.journal, "acme", world.clock)
    for number in (os.getpid(), 2**22 + 1):
        with monkeypatch.context() as container:
            container.setattr("os.getpid", lambda: number)  # noqa: B023  called at once
            container.setattr("crm_kare.sync.lease.numbering", lambda: f"{socket.gethostname()}.another")
            other = Lease(runtime.journal, "acme", world.clock)
        with other, pytest.raises(BusyError):
            mine.__enter__()


def test_labels_that_are_not_provisioned_stop_a_run_but_not_a_dry_one(acme: Acme) -> None:
    world, runtime = acme
    world.crms["acme"].drop_fields("accounts", ["kare_motion"])
    (shown,) = sync(runtime, [], Options(dry_run=True))
    assert shown.exit_code == 0
    assert "label-missing" in {problem.code for problem in shown.problems}
    (result,) = sync(runtime, [], FORCE)
    assert (result.exit_code, result.problems[0].code) == (3, "label-missing")
    assert world.crms["acme"].records("accounts")["a1"]["kare_profile"] is None


@pytest.mark.slow
def test_a_quiet_run_asks_for_no_schema_and_the_first_of_a_day_who_it_is(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, runtime = acme
    asked: list[str] = []
    schema = MemoryConnector.schema

    def watched(self: MemoryConnector, source: str) -> list[FieldInfo]:
        asked.append(source)
        return schema(self, source)

    monkeypatch.setattr(MemoryConnector, "schema", watched)
    sync(runtime, [], FORCE)
    assert asked == ["accounts"]
    runs = []
    for seconds in (3600, 3600, 86_400):
        world.clock.advance(seconds)
        runs += sync(runtime)
    assert asked == ["accounts"]
    assert [one.calls.read - runs[1].calls.read for one in runs[1:]] == [0, 1]


@pytest.mark.slow
def test_a_field_taken_away_later_is_noticed_by_the_pull(acme: Acme) -> None:
    world, runtime = acme
    sync(runtime, [], FORCE)
    world.crms["acme"].drop_fields("accounts", ["kare_motion"])
    world.verdict = {"a1": "Expand"}
    (stopped,) = sync(runtime)
    assert (stopped.exit_code, stopped.problems[0].code) == (3, "label-missing")
    world.crms["acme"].create_fields("accounts", [one for one in FIELDS if one.field == "kare_motion"])
    (mended,) = sync(runtime)
    assert (mended.exit_code, mended.applied.changed) == (0, 4)
    assert world.labels("acme", "a1")["Motion"] == "Grow"


def test_a_wrong_mapping_is_that_crms_own_trouble(acme: Acme) -> None:
    world, runtime = acme
    (world.folder / "acme.yaml").write_text("version: 1\nconnector: memory\n")
    (result,) = sync(runtime)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 3)


def test_an_unknown_crm_is_a_wrong_call(acme: Acme) -> None:
    with pytest.raises(UsageError):
        sync(acme[1], ["acne"])


def test_scoring_needs_a_mirror_and_no_network(acme: Acme) -> None:
    world, runtime = acme
    with pytest.raises(ConfigError, match="pull"):
        score_only(runtime, "acme")
    pulled = pull_only(runtime, "acme")
    assert (pulled.status, pulled.pulled.accounts) == (RunStatus.DONE, 4)
    calls = world.crms["acme"].calls
    assert score_only(runtime, "acme").labels.num_rows == 4
    assert world.crms["acme"].calls == calls


def test_a_trial_as_of_another_day_is_dated_by_it(acme: Acme) -> None:
    world, runtime = acme
    (trial,) = sync(runtime, [], Options(dry_run=True, as_of=date(2025, 1, 1)))
    assert trial.as_of == date(2025, 1, 1)
    assert runtime.journal.notes.portfolio("acme") is None
    sync(runtime, [], Options(force=True, as_of=date(2025, 1, 1)))
    assert world.labels("acme", "a1")["Changed_On"] == "2025-01-01"


def test_the_organisation_is_asked_once_a_day(acme: Acme) -> None:
    world, runtime = acme
    pull_only(runtime, "acme")
    second = pull_only(runtime, "acme").calls.read
    world.clock.advance(timedelta(days=1, hours=1).total_seconds())
    third = pull_only(runtime, "acme").calls.read
    assert third == second + 1


def test_what_a_run_tells_is_the_contracts_object_and_kept(acme: Acme) -> None:
    _, runtime = acme
    (result,) = sync(runtime, [], FORCE)
    told = json.loads(json.dumps(result.to_json()))
    assert list(told) == [
        "run_id", "crm", "status", "as_of", "pulled", "scored", "profiles", "planned", "applied", "api_calls",
        "duration_s", "problems",
    ]  # fmt: skip
    assert told["profiles"] == {"Keep": 4, "Attain": 0, "Recapture": 0, "Expand": 0, "retire": 0, "unknown": 0}
    assert told["planned"]["by_transition"] == {"none>Keep": 4}
    assert told["applied"] == {"changed": 4, "same": 0, "conflict": 0, "rejected": 0, "unknown": 0}
    kept = runtime.journal.runs.get(result.run_id)
    assert kept is not None
    assert kept.status is RunStatus.DONE
    assert kept.summary["planned"] == told["planned"]


def test_exit_codes_of_several_crms_combine_by_the_contract(acme: Acme) -> None:
    _, runtime = acme
    (result,) = sync(runtime, [], Options(dry_run=True))

    def combined(*codes: int) -> int:
        return exit_code([replace(result, exit_code=code) for code in codes])

    assert [combined(0, 5), combined(5, 7), combined(7, 6), combined(6, 4), combined(4, 3), combined(3, 1)] == [
        5,
        7,
        6,
        4,
        3,
        1,
    ]
    assert combined(0, 0) == 0


def test_the_real_rules_label_a_small_org_and_a_second_run_is_quiet(empty: World) -> None:
    empty.add("acme")
    empty.regular("acme", "regular")
    empty.account("acme", "prospect")
    empty.account("acme", "off-profile", industry="Toys")
    runtime = empty.open()
    (first,) = sync(runtime, [], FORCE)
    assert (first.exit_code, first.applied.changed) == (0, 3)
    shown = {name: empty.labels("acme", name) for name in ("regular", "prospect", "off-profile")}
    assert {name: one["Profile"] for name, one in shown.items()} == {
        "regular": "Keep", "prospect": "Attain", "off-profile": None,
    }  # fmt: skip
    assert shown["off-profile"]["Motion"] == "Retire"
    assert "20 Oct 2026" in str(shown["regular"]["Reason"])
    empty.clock.advance(timedelta(days=1).total_seconds())
    (second,) = sync(runtime)
    assert (second.planned.fields, second.calls.write) == (0, 0)
    runtime.close()
