"""When a schedule in cron's five fields names a moment, with cron's own meaning.

APScheduler's cron trigger is not used, for it differs in three things: it numbers weekdays from Monday = 0 where cron has Sunday = 0 and
7, it wants day of month *and* weekday where cron, when both are set, takes either, and a daily time that the clock passes twice in
autumn fires twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_EVERY_HOUR: Final = frozenset(range(24))
_A_DAY: Final = timedelta(days=1)
_FAR: Final = 9 * 366
"""Days in which every date that there is comes: 29 February is away for eight years at most."""


@dataclass(frozen=True)
class Cron:
    """A schedule in a time zone.

    A time of day that the clock jumps over in spring comes as much later as it jumps. One that it passes twice in autumn comes once,
    the first time; only a schedule of every hour goes on through both.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    zone: str

    def next(self, after: datetime) -> datetime | None:
        """The first moment after a moment, in UTC; None where the schedule names no date that there is."""
        first = self._day(after) - _A_DAY
        for number in range(_FAR):
            for moment in _moments(self, first + number * _A_DAY):
                if moment > after:
                    return moment
        return None

    def newest(self, after: datetime, until: datetime) -> datetime | None:
        """The last moment after `after`, up to and with `until`; looks nine years back at most."""
        last, stop = self._day(until) + _A_DAY, self._day(after) - _A_DAY
        for number in range(min(_FAR, (last - stop).days + 1)):
            for moment in reversed(_moments(self, last - number * _A_DAY)):
                if moment <= until:
                    return moment if moment > after else None
        return None

    def named(self, day: date) -> bool:
        """Whether a day has any."""
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        on = by_date or by_weekday if self.either else by_date and by_weekday
        return day.month in self.months and on

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.zone)).date()


@lru_cache(maxsize=2048)
def _moments(cron: Cron, day: date) -> tuple[datetime, ...]:
    """A day's moments in UTC, in order."""
    return tuple(sorted(set(_each(cron, day)))) if cron.named(day) else ()


def _each(cron: Cron, day: date) -> Iterator[datetime]:
    zone = ZoneInfo(cron.zone)
    for hour, minute in product(cron.hours, cron.minutes):
        local = datetime.combine(day, time(hour, minute), zone)
        yield local.astimezone(UTC)
        again = local.replace(fold=1)
        if cron.hours == _EVERY_HOUR and again.utcoffset() != local.utcoffset() and _exists(local):
            yield again.astimezone(UTC)


def _exists(local: datetime) -> bool:
    """Whether the clock shows that time at all; what it jumps over has two offsets too."""
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)


def cron(schedule: str, timezone: str) -> Cron:
    """A schedule that the project file's check has passed."""
    minute, hour, day, month, weekday = schedule.lower().split()
    return Cron(
        _expand(minute, 0, 59),
        _expand(hour, 0, 23),
        _expand(day, 1, 31),
        _expand(month, 1, 12, _MONTHS),
        frozenset(one % 7 for one in _expand(weekday, 0, 7 if "7" in weekday or "sun" in weekday else 6, _DAYS)),
        not day.startswith("*") and not weekday.startswith("*"),
        timezone,
    )


def _expand(field: str, low: int, high: int, words: tuple[str, ...] = ()) -> frozenset[int]:
    """Every number that a field's list of values, ranges and steps stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if first == "*" else _number(first, low, words)
        end = high if first == "*" or (step and not last) else _number(last or first, low, words, end=start)
        found |= set(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, low: int, words: tuple[str, ...], *, end: int = 0) -> int:
    """A number, or a name's; a Sunday that ends a range (`fri-sun`) is the 7th day."""
    if text not in words:
        return int(text)
    place = words.index(text) + low
    return place if place >= end else place + 7
