"""Whole days of schedules on clocks that are moved: two daemons, several CRMs, runs of various lengths, the days on which clocks change."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crm_kare.config.quiet import parse_window
from crm_kare.daemon.roster import Roster, Timetable
from crm_kare.daemon.schedule import cron
from crm_kare.journal import Journal, open_journal
from crm_kare.model import RunStatus
from crm_kare.sync.result import RunResult

LOOK = timedelta(minutes=1)
AHEAD = timedelta(seconds=7)
SOON = timedelta(seconds=20) + LOOK + AHEAD
"""Within which a start is made: its spread, the next look, and the difference of the clocks."""

MINUTES = {"quarters": 4, "long": 40, "hours": 10, "night": 90, "two": 5, "quiet": 1}
"""How long a CRM's runs take."""


class Hand:
    """A clock that a day moves, some seconds off."""

    def __init__(self, day: "Day", off: timedelta) -> None:
        self._day, self._off = day, off

    def now(self) -> datetime:
        return self._day.now + self._off

    def monotonic(self) -> float:
        return self._day.now.timestamp()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, let alone {seconds} s")


@dataclass(frozen=True)
class Made:
    """A run that was made, by true time."""

    crm: str
    daemon: str
    slot: datetime
    begun: datetime
    ended: datetime


@dataclass
class Day:
    """Two daemons over one day of a time zone."""

    journal: Journal
    zone: ZoneInfo
    now: datetime
    until: datetime
    made: list[Made] = field(default_factory=list)

    def play(self) -> None:
        """Every look of both, from the first moment to the last."""
        name = str(self.zone)
        tables = {
            "quarters": Timetable("quarters", cron("*/15 * * * *", name)),
            "long": Timetable("long", cron("*/15 * * * *", name)),
            "hours": Timetable("hours", cron("0 * * * *", name)),
            "night": Timetable("night", cron("30 1,2 * * *", name)),
            "two": Timetable("two", cron("0 */2 * * *", name)),
            "quiet": Timetable("quiet", cron("*/30 * * * *", name), name, (parse_window("23:00-04:00"),)),
        }
        daemons = [Roster(self.journal, Hand(self, off), f"1@{off.seconds}#1", tables) for off in (timedelta(), AHEAD)]
        under_way: list[tuple[datetime, Roster, Made]] = []
        while self.now < self.until:
            for daemon in daemons if self.now.minute % 2 else reversed(daemons):
                for _, _, one in [one for one in under_way if one[0] <= self.now and one[1] is daemon]:
                    daemon.ended(one.crm, RunResult("r", one.crm, RunStatus.DONE))
                    self.made.append(one)
                under_way = [one for one in under_way if one[0] > self.now or one[1] is not daemon]
                for start in daemon.due():
                    took = daemon.take(start.crm)
                    if took is not None and took.slot is not None:
                        end = self.now + timedelta(minutes=MINUTES[start.crm])
                        under_way.append((end, daemon, Made(start.crm, daemon.name, took.slot, self.now, end)))
            self.now += LOOK

    def of(self, crm: str) -> list[Made]:
        """A CRM's runs, in order."""
        return sorted((one for one in self.made if one.crm == crm), key=lambda one: one.begun)

    def times(self, crm: str) -> list[str]:
        """The slots of a CRM's runs as its clocks on the wall showed them."""
        return [f"{one.slot.astimezone(self.zone):%H:%M}" for one in self.of(crm)]


def play(tmp_path: Path, zone: str, day: date, hours: int | None = None) -> Day:
    """That day from its midnight to the next one, or its first hours; the daemons are there a minute earlier."""
    first = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    midnight, after = first.astimezone(UTC), (first + timedelta(days=1)).astimezone(UTC)
    minute, until = timedelta(minutes=1), midnight + timedelta(hours=hours) if hours else after
    journal = open_journal(f"sqlite:///{tmp_path / 'state.db'}")
    try:
        made = Day(journal, ZoneInfo(zone), midnight - minute, until - minute)
        made.play()
    finally:
        journal.close()
    return made


def hours(*left_out: int, twice: tuple[int, ...] = (), step: int = 1) -> list[int]:
    """The hours of a day as a clock on the wall shows them."""
    return [hour for one in range(0, 24, step) if one not in left_out for hour in [one] * (2 if one in twice else 1)]


def at(shown: list[int], *minutes: int) -> list[str]:
    return [f"{hour:02}:{minute:02}" for hour in shown for minute in minutes]


def require_whole(day: Day, quarters: int) -> None:
    """No drift, no overlap, nothing twice, nothing left out; both daemons had their part."""
    assert len({(one.crm, one.slot) for one in day.made}) == len(day.made)
    assert len({one.daemon for one in day.made}) == 2
    for crm in MINUTES:
        runs = day.of(crm)
        for before, after in pairwise(runs):
            assert before.ended <= after.begun
            assert before.slot < after.slot
        ends = [one.ended for one in runs]
        for free, one in zip([runs[0].slot, *ends], runs, strict=False):
            assert one.slot - AHEAD <= one.begun <= max(one.slot, free) + SOON or crm == "quiet"
    begun = [one.begun - one.slot for one in day.of("quarters")]
    assert len(begun) == quarters
    assert max(begun[-10:]) <= SOON, "late in the day it is as much in time as at its beginning"
    require_coalesced(day.of("long"))


def require_coalesced(runs: list[Made]) -> None:
    """A run that takes longer than the interval is followed by one run, for the newest start that passed."""
    quarter = timedelta(minutes=15)
    for before, one in pairwise(runs):
        assert one.begun - before.ended <= SOON
        newest = datetime.fromtimestamp(one.begun.timestamp() // 900 * 900, UTC)
        assert one.slot in {newest, newest - quarter}
        assert one.slot > before.slot + quarter, "at least one start passed unmade"


@pytest.mark.slow
def test_in_the_night_that_clocks_go_back_a_named_time_comes_once_and_every_hour_is_made(tmp_path: Path) -> None:
    night = play(tmp_path, "Europe/Berlin", date(2026, 10, 25), hours=5)
    assert night.times("hours") == at([0, 1, 2, 2, 3], 0)
    assert night.times("night") == ["01:30", "02:30"], "02:30 came twice, and its run once"
    assert len(night.of("quarters")) == 20


@pytest.mark.slow
def test_in_berlins_autumn_nothing_is_made_twice_and_nothing_is_left_out(tmp_path: Path) -> None:
    """25 hours: at 3:00 summer time it is 2:00 again."""
    october = play(tmp_path, "Europe/Berlin", date(2026, 10, 25))
    shown = hours(twice=(2,))
    assert len(shown) == 25
    assert october.times("hours") == at(shown, 0)
    assert october.times("night") == ["01:30", "02:30"], "02:30 came twice, and its run once"
    assert october.times("two") == at(hours(step=2), 0)
    assert october.times("quiet") == at([*range(4, 23)], 0, 30)
    require_whole(october, 100)


@pytest.mark.slow
def test_in_berlins_spring_the_hour_that_is_not_there_costs_no_run(tmp_path: Path) -> None:
    """23 hours: at 2:00 it is 3:00."""
    day = play(tmp_path, "Europe/Berlin", date(2026, 3, 29))
    assert day.times("hours") == at(hours(2), 0)
    assert day.times("night") == ["01:30", "03:30"], "02:30 comes as much later as the clock jumps"
    assert day.times("two") == at([0, 3, *range(4, 24, 2)], 0)
    assert day.times("quiet") == at([*range(4, 23)], 0, 30)
    require_whole(day, 92)


@pytest.mark.slow
@pytest.mark.long
def test_in_new_yorks_autumn(tmp_path: Path) -> None:
    """25 hours: at 2:00 summer time it is 1:00 again."""
    day = play(tmp_path, "America/New_York", date(2026, 11, 1))
    assert day.times("hours") == at(hours(twice=(1,)), 0)
    assert day.times("night") == ["01:30", "02:30"]
    assert day.times("two") == at(hours(step=2), 0)
    assert day.times("quiet") == at([*range(4, 23)], 0, 30)
    require_whole(day, 100)


@pytest.mark.slow
@pytest.mark.long
def test_in_new_yorks_spring(tmp_path: Path) -> None:
    """23 hours: at 2:00 it is 3:00."""
    day = play(tmp_path, "America/New_York", date(2026, 3, 8))
    assert day.times("hours") == at(hours(2), 0)
    assert day.times("night") == ["01:30", "03:30"]
    assert day.times("two") == at([0, 3, *range(4, 24, 2)], 0)
    require_whole(day, 92)
