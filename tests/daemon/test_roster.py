"""Which CRM is to be run when: two daemons on one database, with clocks that are moved by hand."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_kare.config.quiet import parse_window
from crm_kare.daemon.roster import ALIVE, Roster, Start, Timetable
from crm_kare.daemon.schedule import cron
from crm_kare.journal import Daemon, Journal, Standing, open_journal
from crm_kare.model import Problem, RunStatus
from crm_kare.sync.brakes import SHRANK
from crm_kare.sync.result import RunResult
from crm_kare.testing.clock import FakeClock

MIDNIGHT = datetime(2026, 11, 3, tzinfo=UTC)
QUARTERS = Timetable("one", cron("*/15 * * * *", "UTC"))
MINUTE = 60
HOUR = 3600


class Office:
    """Daemons by name over one journal; each has its own clock."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.clock = FakeClock(MIDNIGHT)

    def daemon(self, name: str, *tables: Timetable) -> Roster:
        """A daemon that begins now."""
        made = Roster(self.journal, self.clock, name, {one.crm: one for one in tables or (QUARTERS,)})
        made.due()
        return made

    def at(self, hour: int, minute: int, second: int = 0) -> None:
        """Move the clock to a time of the day."""
        moment = MIDNIGHT + timedelta(hours=hour, minutes=minute, seconds=second)
        self.clock.advance((moment - self.clock.now()).total_seconds())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal in which nothing is, made once."""
    path = tmp_path_factory.mktemp("roster") / "state.db"
    open_journal(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def office(tmp_path: Path, empty: Path) -> Iterator[Office]:
    journal = open_journal(f"sqlite:///{shutil.copy(empty, tmp_path)}")
    yield Office(journal)
    journal.close()


def begun(daemon: Roster) -> list[Start]:
    """What a daemon begins when it looks now."""
    return [took for one in daemon.due() if (took := daemon.take(one.crm)) is not None]


def ended(daemon: Roster, status: RunStatus = RunStatus.DONE, *codes: str) -> Standing | None:
    """Its run ended so."""
    problems = tuple(Problem(code, "It is so.", "Mend it.") for code in codes)
    return daemon.ended("one", RunResult("r", "one", status, problems=problems))


def test_a_schedule_seen_for_the_first_time_makes_up_for_nothing_and_then_runs(office: Office) -> None:
    office.at(9, 7)
    one = office.daemon("1@here#1")
    assert begun(one) == []
    office.at(9, 15, 20)
    assert begun(one) == [Start("one", "schedule", MIDNIGHT + timedelta(hours=9, minutes=15))]
    ended(one)
    office.at(9, 16)
    assert begun(one) == []


def test_starts_are_spread_by_less_than_twenty_seconds_and_alike_for_all() -> None:
    slot = MIDNIGHT + timedelta(hours=9)
    many = [Timetable(f"crm{number}", cron("0 * * * *", "UTC")).begins(slot) for number in range(40)]
    assert all(slot <= one < slot + timedelta(seconds=20) for one in many)
    assert len(set(many)) > 10


def test_down_over_three_starts_makes_one_run(office: Office) -> None:
    one = office.daemon("1@here#1")
    office.at(9, 0, 30)
    begun(one)
    ended(one)
    one.leave()
    office.at(9, 50)
    after = office.daemon("2@here#1")
    assert begun(after) == [Start("one", "schedule", MIDNIGHT + timedelta(hours=9, minutes=45))]
    ended(after)
    assert begun(after) == []


def test_of_two_daemons_one_begins_whoever_is_first(office: Office) -> None:
    one, two = office.daemon("1@a#1"), office.daemon("1@b#1")
    office.at(0, 15, 30)
    assert [start.crm for start in one.due()] == [start.crm for start in two.due()] == ["one"]
    assert two.take("one") is not None
    assert one.take("one") is None
    assert begun(one) == []
    ended(two)
    assert begun(one) == begun(two) == []


def test_what_a_dead_daemon_was_at_another_goes_on_with_soon(office: Office) -> None:
    daily = Timetable("one", cron("0 3 * * *", "UTC"))
    one, two = office.daemon("1@a#1", daily), office.daemon("1@b#1", daily)
    office.at(3, 0, 30)
    assert begun(one)
    two.due()
    office.clock.advance(ALIVE.total_seconds() - 1)
    assert begun(two) == []
    office.clock.advance(2)
    assert [start.why for start in begun(two)] == ["goes on"]
    assert ended(one) is None, "what was taken over is no longer the first one's to end"
    assert ended(two) is not None
    assert begun(two) == []


def test_a_daemon_that_lives_keeps_what_it_is_at_however_long_it_takes(office: Office) -> None:
    one, two = office.daemon("1@a#1"), office.daemon("1@b#1")
    office.at(1, 0, 30)
    assert begun(one)
    for _ in range(60):
        office.clock.advance(MINUTE)
        assert begun(one) == begun(two) == []
    ended(one)
    (next_one,) = begun(two)
    assert next_one.slot == MIDNIGHT + timedelta(hours=2), "all that passed meanwhile is one"


def test_a_stop_gives_back_what_was_under_way_and_the_next_start_goes_on_with_it(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.at(1, 0, 30)
    begun(one)
    ended(one, RunStatus.INTERRUPTED)
    one.leave()
    after = office.daemon("2@a#1")
    assert [start.why for start in begun(after)] == ["goes on"]


def test_a_stop_that_could_not_wait_gives_it_back_too(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.at(1, 0, 30)
    begun(one)
    one.leave()
    assert [start.why for start in begun(office.daemon("2@a#1"))] == ["goes on"]


def test_a_restart_under_the_same_name_knows_that_it_is_not_at_it(office: Office) -> None:
    one = office.daemon("7@pod#1")
    office.at(1, 0, 30)
    begun(one)
    assert [start.why for start in begun(office.daemon("7@pod#1"))] == ["goes on"]


def test_nothing_starts_in_quiet_times_and_one_run_follows(office: Office) -> None:
    quiet = replace(QUARTERS, quiet=(parse_window("08:00-18:00"),))
    one = office.daemon("1@a#1", quiet)
    office.at(7, 45, 30)
    assert begun(one)
    ended(one)
    for hour in range(8, 18):
        office.at(hour, 30)
        assert begun(one) == []
        assert one.rests("one")
        assert one.next_start("one") == MIDNIGHT + timedelta(hours=18)
    office.at(18, 0, 20)
    assert [start.slot for start in begun(one)] == [MIDNIGHT + timedelta(hours=18)]
    ended(one)
    assert begun(one) == []


def test_starts_that_fall_into_quiet_are_not_counted_as_missed() -> None:
    quiet = replace(QUARTERS, quiet=(parse_window("08:00-18:00"),))
    assert quiet.count(MIDNIGHT + timedelta(hours=7), MIDNIGHT + timedelta(hours=19), 100) == 3 + 5
    assert quiet.count(MIDNIGHT + timedelta(hours=9), MIDNIGHT + timedelta(hours=17), 100) == 0
    assert QUARTERS.count(MIDNIGHT, MIDNIGHT + timedelta(hours=9), 10) == 10


def test_a_start_that_nobody_makes_is_told_as_overdue(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.at(2, 0)
    one.due()
    upcoming = one.next_start("one")
    assert upcoming is not None
    assert upcoming < MIDNIGHT + timedelta(minutes=16)


def test_what_quiet_cut_off_is_gone_on_with_after_it(office: Office) -> None:
    one = office.daemon("1@a#1", Timetable("one", cron("0 7 * * *", "UTC"), quiet=(parse_window("08:00-18:00"),)))
    office.at(7, 0, 30)
    begun(one)
    office.at(8, 0)
    ended(one, RunStatus.INTERRUPTED)
    assert begun(one) == []
    assert one.next_start("one") == MIDNIGHT + timedelta(hours=18)
    office.at(18, 0)
    assert [start.why for start in begun(one)] == ["goes on"]


def test_a_pause_holds_for_every_daemon_and_ends_by_itself_where_it_is_said(office: Office) -> None:
    one, two = office.daemon("1@a#1"), office.daemon("1@b#1")
    until = MIDNIGHT + timedelta(hours=2, minutes=5)
    office.journal.schedules.change(
        "one", lambda was: replace(was, paused_at=office.clock.now(), paused_until=until, paused_by="ann@desk")
    )
    for minute in range(15, 120, 15):
        office.at(0, minute, 30)
        assert begun(one) == begun(two) == []
        assert one.rests("one")
        assert two.next_start("one") == until
    office.at(2, 5)
    assert [start.slot for start in begun(two)] == [MIDNIGHT + timedelta(hours=2)]
    assert begun(one) == []


def test_a_pause_without_an_end_has_no_next_start(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.journal.schedules.change("one", lambda was: replace(was, paused_at=office.clock.now()))
    office.at(9, 0, 30)
    assert begun(one) == []
    assert one.next_start("one") is None
    office.journal.schedules.change("one", lambda was: replace(was, paused_at=None))
    assert len(begun(one)) == 1


def ask(office: Office) -> None:
    office.journal.schedules.change("one", lambda was: replace(was, asked_at=office.clock.now(), asked_by="ann@desk"))


def test_a_run_that_is_asked_for_comes_soon_or_after_the_one_under_way(office: Office) -> None:
    one = office.daemon("1@a#1", Timetable("one"))
    ask(office)
    assert [start.why for start in begun(one)] == ["asked"]
    ask(office)
    assert begun(one) == []
    ended(one)
    assert [start.why for start in begun(one)] == ["asked"]
    ended(one)
    assert begun(one) == []


def waits(office: Office, daemon: Roster, status: RunStatus, *codes: str, times: int) -> list[float]:
    """Let a run end so, again and again; how many seconds lie between the tries."""
    found = []
    for _ in range(times):
        assert begun(daemon)
        standing, before = ended(daemon, status, *codes), office.clock.now()
        assert standing is not None
        assert standing.not_before is not None
        office.clock.advance((standing.not_before - office.clock.now()).total_seconds() - 1)
        assert begun(daemon) == [], "new starts of the schedule wait with it"
        office.clock.advance(1)
        found.append((office.clock.now() - before).total_seconds())
    return found


def test_a_full_pull_that_the_brake_refuses_is_made_again_after_growing_waits(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.at(0, 15, 30)
    told = waits(office, one, RunStatus.REFUSED, "other", SHRANK, times=7)
    assert [one / HOUR for one in told] == [1, 2, 4, 8, 16, 24, 24]


def test_who_asks_does_not_wait_and_a_run_by_hand_ends_the_waiting(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.at(0, 15, 30)
    begun(one)
    ended(one, RunStatus.REFUSED, SHRANK)
    ask(office)
    assert [start.why for start in begun(one)] == ["asked"]
    ended(one, RunStatus.REFUSED, SHRANK)
    office.clock.advance(MINUTE)
    office.journal.runs.start("by-hand", "one", office.clock.now())
    office.journal.runs.end("by-hand", RunStatus.DONE, office.clock.now(), {})
    office.at(0, 45, 30)
    assert [start.why for start in begun(one)] == ["schedule"]


def test_a_crm_that_is_away_or_busy_is_tried_again_before_the_next_day(office: Office) -> None:
    one = office.daemon("1@a#1", Timetable("one", cron("0 3 * * *", "UTC")))
    office.at(3, 0, 30)
    told = waits(office, one, RunStatus.UNAVAILABLE, times=6)
    assert [one / MINUTE for one in told] == [1, 2, 4, 8, 15, 15]
    assert begun(one)
    standing = ended(one, RunStatus.BUSY)
    assert standing is not None
    assert standing.not_before == office.clock.now() + timedelta(minutes=1), "another cause counts anew"


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.REFUSED])
def test_other_ends_wait_for_the_next_start(office: Office, status: RunStatus) -> None:
    one = office.daemon("1@a#1")
    office.at(0, 15, 30)
    begun(one)
    ended(one, status, "first-run")
    office.at(0, 29)
    assert begun(one) == []
    office.at(0, 30, 30)
    assert len(begun(one)) == 1


def test_a_clock_that_was_years_ahead_stops_nothing_for_years(office: Office) -> None:
    office.clock = FakeClock(MIDNIGHT + timedelta(days=4000))
    office.daemon("1@a#1")
    office.clock = FakeClock(MIDNIGHT)
    one = office.daemon("2@a#1")
    office.at(0, 15, 30)
    assert len(begun(one)) == 1


def test_a_daemon_whose_clock_was_years_ahead_holds_nothing_for_years(office: Office) -> None:
    one = office.daemon("1@b#1")
    office.at(0, 15, 30)
    assert begun(one)
    ahead = office.clock.now() + timedelta(days=4000)
    office.journal.daemons.beat(Daemon("1@b#1", ahead, ahead, ahead))
    assert [start.why for start in begun(office.daemon("1@a#1"))] == ["goes on"]


def test_a_clock_that_goes_back_some_minutes_makes_no_run_twice(office: Office) -> None:
    one = office.daemon("1@a#1")
    office.at(0, 15, 30)
    begun(one)
    ended(one)
    office.at(0, 5)
    for minute in range(5, 30):
        office.at(0, minute, 30)
        assert begun(one) == []
    office.at(0, 30, 30)
    assert len(begun(one)) == 1


def test_a_changed_schedule_makes_up_for_nothing_and_a_crm_taken_out_is_run_no_more(office: Office) -> None:
    one = office.daemon("1@a#1", Timetable("one", cron("0 3 * * *", "UTC")))
    office.at(10, 0, 30)
    assert begun(one)
    ended(one)
    one.follow({name: Timetable(name, cron("0 9 * * *", "UTC")) for name in ("one", "new")})
    assert begun(one) == []
    office.at(33, 0, 30)
    assert {start.crm for start in begun(one)} == {"one", "new"}
    one.follow({"new": Timetable("new", cron("0 9 * * *", "UTC"))})
    office.at(57, 0, 30)
    assert {start.crm for start in one.due()} == set(), "the new one is still at work, the other is gone"


def test_a_look_changes_nothing_while_nothing_is_due(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    one = office.daemon("1@a#1")
    changes: list[str] = []
    change: Callable[..., object] = office.journal.schedules.change
    monkeypatch.setattr(
        type(office.journal.schedules), "change", lambda _self, crm, step: changes.append(f"{crm} {change(crm, step)}")
    )
    for _ in range(20):
        office.clock.advance(5)
        one.due()
    assert changes == []
