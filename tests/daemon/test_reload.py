"""A changed configuration is taken in while the daemon runs, or refused whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon.service_rig import Heard, Rig

from crm_kare.sync.flow import Options, sync

QUARTER = 15 * 60


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.world.judge_by_hand(monkeypatch)
    sync(made.runtime, (), Options(force=True))
    made.service.start()
    yield made
    made.close()


def problem(rig: Rig) -> str | None:
    told: str | None = rig.service.health()["config"]["problem"]
    return told


def test_a_crm_that_is_given_a_schedule_is_run_and_one_whose_is_taken_away_no_more(rig: Rig) -> None:
    heard = Heard()
    rig.service.listeners.append(heard)
    rig.change(lambda text: text.replace('one: {schedule: "*/15 * * * *", ', "one: {"))
    rig.change(lambda text: text.replace("two: {", 'two: {schedule: "*/5 * * * *", '))
    rig.motor.pass_time(60)
    rig.motor.pass_time(QUARTER)
    assert [one["crm"] for one in rig.events("run ended")] == ["two"] * 3
    assert heard.told[0] == ("configured", ("one", "two"))
    assert [one["crms"] for one in rig.events("configuration loaded")] == [["two"]]


def test_a_crm_that_is_new_is_run_and_told_of_and_one_that_is_gone_is_not(rig: Rig) -> None:
    rig.world.add("three")
    rig.change(lambda text: text.replace("three: {", 'three: {schedule: "*/15 * * * *", '))
    rig.change(lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("  one:")) + "\n")
    rig.motor.pass_time(QUARTER + 30)
    assert [one["crm"] for one in rig.events("run ended")] == ["three"]
    assert set(rig.service.health()["crms"]) == {"two", "three"}
    page = rig.service.metrics.page()[0].decode()
    assert 'crm_kare_runs_total{crm="three",kind="sync",status="done"} 1.0' in page


@pytest.mark.parametrize("broken", ["crm-kare.yaml", "one.yaml", "rulebook.yaml"])
def test_a_broken_file_keeps_the_one_before_in_force_and_is_told_once(rig: Rig, broken: str) -> None:
    heard = Heard()
    rig.service.listeners.append(heard)
    file = rig.world.folder / broken
    good = file.read_text()
    file.write_text("version: 99\n")
    rig.motor.pass_time(2 * QUARTER + 30)
    assert [one["status"] for one in rig.events("run ended")] == ["done", "done"]
    assert [one["level"] for one in rig.events("configuration refused")] == ["error"]
    assert broken in (problem(rig) or "")
    assert b"crm_kare_config_problem 1.0" in rig.service.metrics.page()[0]
    assert broken in rig.runtime.journal.daemons.since(rig.world.clock.now().replace(hour=0))[0].problem
    assert [one for one in heard.told if one[0] == "misconfigured"] == [("misconfigured", "ConfigError")]
    file.write_text(good)
    rig.motor.pass_time(60)
    assert problem(rig) is None
    assert b"crm_kare_config_problem 0.0" in rig.service.metrics.page()[0]


def test_a_file_that_is_still_being_written_is_left_alone(rig: Rig) -> None:
    good = rig.file.read_text()
    rig.file.write_text("version: 99\n")
    rig.motor.pass_time(5)
    rig.file.write_text(good)
    rig.motor.pass_time(60)
    assert rig.events("configuration refused") == []


def test_a_file_that_cannot_be_looked_at_stops_no_start(rig: Rig) -> None:
    (rig.world.folder / "playbooks").mkdir(exist_ok=True)
    shut = rig.world.folder / "playbooks" / "shut.md"
    shut.symlink_to("x" * 300)  # no such name can be: as where one may not enter
    rig.motor.pass_time(2 * QUARTER + 30)
    assert len(rig.events("run begins")) == 2
    assert rig.events("look failed") == []
    shut.unlink()
    rig.motor.pass_time(QUARTER)
    assert problem(rig) is None
    assert rig.events("run ended")[-1]["status"] == "done"


def test_a_look_that_breaks_is_told_and_the_next_one_goes_well(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(type(rig.runtime.journal.schedules), "all", lambda _self: dict[str, int]()["secret"])
        rig.motor.pass_time(30)
    rig.motor.pass_time(QUARTER)
    assert [one["code"] for one in rig.events("look failed")] == ["KeyError"]
    assert [one["status"] for one in rig.events("run ended")] == ["done"]


def test_another_database_wants_a_restart(rig: Rig) -> None:
    (rig.world.folder / ".env").write_text("CRM_KARE_DATABASE_URL=sqlite:////elsewhere/state.db\n")
    rig.motor.pass_time(60)
    assert "Restart" in (problem(rig) or "")
    assert "/elsewhere" not in (problem(rig) or "")


def test_a_new_secret_is_read_at_the_next_run(rig: Rig) -> None:
    before = rig.service.runtime.settings.credentials("memory", "ONE_")["MEMORY_TOKEN"]
    (rig.world.folder / ".env").write_text("ONE_MEMORY_MORE=new\n")
    rig.motor.pass_time(60)
    told = rig.service.runtime.settings.credentials("memory", "ONE_")
    assert told["MEMORY_TOKEN"] == before
    assert told["MEMORY_MORE"].get_secret_value() == "new"


def test_who_asks_has_it_read_though_no_file_changed(rig: Rig) -> None:
    rig.motor.pass_time(30)
    assert rig.events("configuration loaded") == []
    rig.service.reload()
    rig.motor.pass_time(5)
    assert len(rig.events("configuration loaded")) == 1
