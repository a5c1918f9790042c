"""Pauses, quiet times, runs asked for, put-off and taken-over runs, at a service whose motor the test turns."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import Popen
from threading import Event
from typing import Any

import pytest
from daemon.service_rig import Heard, Rig

from crm_kare.clock import SystemClock
from crm_kare.daemon.motor import ApMotor
from crm_kare.errors import StopError
from crm_kare.journal import Daemon
from crm_kare.ports import Connector
from crm_kare.sync.flow import Options, sync

QUARTER = 15 * 60


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.world.judge_by_hand(monkeypatch)
    sync(made.runtime, (), Options(force=True))
    yield made
    made.close()


def pause(rig: Rig, crm: str = "one", until: datetime | None = None) -> None:
    now = rig.world.clock.now()
    rig.runtime.journal.schedules.change(
        crm, lambda was: replace(was, paused_at=now, paused_until=until, paused_by="ann@desk")
    )


def resume(rig: Rig, crm: str = "one") -> None:
    rig.runtime.journal.schedules.change(crm, lambda was: replace(was, paused_at=None))


def test_the_schedule_runs_a_crm_in_time_and_only_the_one_that_has_one(rig: Rig) -> None:
    rig.service.start()
    rig.motor.pass_time(2 * QUARTER + 30)
    assert [(one["crm"], one["status"]) for one in rig.events("run ended")] == [("one", "done")] * 2
    assert [one["why"] for one in rig.events("run begins")] == ["schedule"] * 2


def test_a_paused_crm_takes_no_run_and_says_so_until_it_goes_on(rig: Rig) -> None:
    heard = Heard()
    rig.service.listeners.append(heard)
    rig.service.start()
    pause(rig)
    rig.motor.pass_time(3 * QUARTER)
    assert rig.events("run begins") == []
    assert rig.service.health()["crms"]["one"]["paused"]["by"] == "ann@desk"
    assert rig.service.health()["crms"]["one"]["next"] is None
    assert b'crm_kare_paused{crm="one"} 1.0' in rig.service.metrics.page()[0]
    resume(rig)
    rig.motor.pass_time(30)
    assert len(rig.events("run begins")) == 1
    assert rig.service.health()["crms"]["one"]["paused"] is None
    assert b'crm_kare_paused{crm="one"} 0.0' in rig.service.metrics.page()[0]
    assert heard.told == [("paused", "one", "ann@desk"), ("resumed", "one"), ("ended", "one", "sync", "done")]
    assert [one["by"] for one in rig.events("paused")] == ["ann@desk"]


def test_what_webhooks_tell_of_waits_for_the_end_of_a_pause(rig: Rig) -> None:
    rig.service.start()
    pause(rig, "two")
    rig.motor.pass_time(10)
    rig.service.told("two", {"accounts": frozenset({"a1"})})
    rig.motor.pass_time(300)
    assert rig.events("run begins") == []
    resume(rig, "two")
    rig.motor.pass_time(60)
    assert [(one["crm"], one["records"]) for one in rig.events("run ended")] == [("two", 1)]


def test_a_run_under_way_ends_at_a_border_when_it_is_paused_and_is_gone_on_with(rig: Rig) -> None:
    class Pausing:
        """Somebody pauses the CRM while it is pulled, and the daemon looks."""

        def __init__(self, inner: Connector) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            if name == "pull":
                pause(rig)
                rig.service.look()
            return getattr(self._inner, name)

    rig.service.start()
    rig.world.wrap = Pausing
    rig.motor.pass_time(QUARTER + 20)
    assert [one["status"] for one in rig.events("run ended")] == ["interrupted"]
    rig.world.wrap = lambda connector: connector
    resume(rig)
    rig.motor.pass_time(10)
    assert [one["status"] for one in rig.events("run ended")] == ["interrupted", "done"]
    assert [one["why"] for one in rig.events("run begins")] == ["schedule", "goes on"]


def test_a_run_asked_for_is_made_within_seconds(rig: Rig) -> None:
    rig.service.start()
    now = rig.world.clock.now()
    rig.runtime.journal.schedules.change("two", lambda was: replace(was, asked_at=now, asked_by="ann@desk"))
    rig.motor.pass_time(5)
    assert [(one["crm"], one["why"]) for one in rig.events("run begins")] == [("two", "asked")]


def test_a_run_left_by_one_daemon_is_gone_on_with_by_another_at_once(rig: Rig) -> None:
    class Stopping:
        def __init__(self, inner: Connector) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            if name == "pull":
                rig.asked.set()
            return getattr(self._inner, name)

    rig.service.start()
    rig.world.wrap = Stopping
    rig.motor.pass_time(QUARTER + 20)
    rig.service.stop(0)
    assert [one["status"] for one in rig.events("run ended")] == ["interrupted"]
    rig.asked.clear()
    rig.world.wrap = lambda connector: connector
    rig.another().start()
    rig.motors[1].pass_time(5)
    assert [one["why"] for one in rig.events("run begins")] == ["schedule", "goes on"]


def test_what_a_daemon_was_at_whose_process_is_no_more_is_gone_on_with_at_once(rig: Rig) -> None:
    process = Popen([sys.executable, "-c", ""])
    process.wait()
    now, place = rig.world.clock.now(), rig.service.name.partition("@")[2]
    gone = Daemon(f"{process.pid}@{place}", now, now, now)
    rig.runtime.journal.daemons.beat(gone)
    rig.runtime.journal.schedules.change("one", lambda was: replace(was, slot=now, holder=gone.name, pending=True))
    rig.service.start()
    rig.motor.pass_time(5)
    assert [one["why"] for one in rig.events("run begins")] == ["goes on"]


def test_of_two_daemons_one_makes_each_run(rig: Rig) -> None:
    other = rig.another()
    rig.service.start()
    other.start()
    for _ in range(2 * QUARTER // 30 + 1):
        rig.world.clock.advance(30)
        for service in (rig.service, other):
            service.look()
        for motor in rig.motors:
            motor.turn()
    other.stop(0)
    assert len(rig.events("run begins")) == 2
    assert rig.events("run begins")[0]["why"] == "schedule"


@pytest.mark.slow
def test_a_mirror_that_shrank_is_pulled_anew_after_growing_waits_and_it_is_said(rig: Rig) -> None:
    for number in range(40):
        rig.world.account("one", f"b{number}")
    sync(rig.runtime, ["one"], Options(force=True))
    for number in range(40):
        rig.world.crms["one"].delete("accounts", f"b{number}")
    rig.service.start()
    rig.motor.pass_time(8 * QUARTER)
    assert [one["code"] for one in rig.events("run ended")] == ["mirror-shrank"] * 2, "at 8:15 and 9:15"
    first, second = rig.events("run put off")
    assert first["why"] == "mirror-shrank"
    gap = datetime.fromisoformat(second["until"]) - datetime.fromisoformat(first["until"])
    assert timedelta(hours=2) <= gap < timedelta(hours=2, minutes=1)
    assert rig.service.health()["crms"]["one"]["next"] == second["until"]


def test_a_database_that_goes_away_is_told_once_and_the_daemon_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.service.start()
    rig.motor.pass_time(5)

    def refuse(*_words: object) -> None:
        raise StopError("the database refused", where="here", fix="Look.")

    with monkeypatch.context() as patched:
        patched.setattr(type(rig.runtime.journal.store), "reading", refuse)
        rig.motor.pass_time(60)
    rig.motor.pass_time(QUARTER)
    assert len(rig.events("database lost")) == len(rig.events("database back")) == 1
    assert [one["status"] for one in rig.events("run ended")] == ["done"]


def test_a_listener_that_breaks_harms_no_run(rig: Rig) -> None:
    class Broken(Heard):
        def ended(self, *_words: Any) -> None:
            raise RuntimeError("Ann Secret")

    heard = Heard()
    rig.service.listeners += [Broken(), heard]
    rig.service.run("one")
    assert heard.told == [("ended", "one", "sync", "done")]
    assert rig.events("listener failed")[0]["code"] == "RuntimeError"
    assert "Ann Secret" not in repr(rig.log.calls)


def test_the_real_motor_does_work_now_and_later_and_looks_until_it_is_stopped() -> None:
    motor, now, later, looked = ApMotor(SystemClock()), Event(), Event(), Event()
    motor.start()
    try:
        assert motor.running
        motor.every(3600, looked.set)
        motor.begin(now.set)
        motor.later(0.01, later.set)
        assert all(one.wait(60) for one in (now, later, looked))
    finally:
        motor.stop()
    assert not motor.running
    motor.begin(lambda: pytest.fail("it is stopped"))
