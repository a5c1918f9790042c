"""Times in which no run of a CRM starts: `Mon-Fri 08:00-18:00`, `22:00-02:00`, `Sun`, `2026-12-24 - 2027-01-02`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from crm_kare.config.findings import RefusedError

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK: Final = frozenset(range(7))
_A_DAY: Final = timedelta(days=1)
_FAR: Final = 3 * 366
_TIMES: Final = re.compile(r"(?P<rest>.*?)\s*\b(?P<begin>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})")
_DATES: Final = re.compile(r"(?P<first>\d{4}-\d{2}-\d{2})(?:\s+-\s+(?P<last>\d{4}-\d{2}-\d{2}))?")
_MONDAY: Final = datetime(2029, 1, 1, tzinfo=UTC)
_FIX: Final = "write it like `Mon-Fri 08:00-18:00`, `22:00-02:00`, `Sun` or `2026-12-24 - 2027-01-02`"


@dataclass(frozen=True)
class Window:
    """On which days, and from when to when (minutes of the day; an end before the beginning is on the next day)."""

    days: frozenset[int] = _WEEK
    first: date = date.min
    last: date = date.max
    begin: int = 0
    end: int = 24 * 60

    def span(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Its beginning and end on a day, in UTC; an hour that the clock passes twice is in it both times, and where it begins or ends in
        one that the clock jumps over, it is the longer one.
        """
        if day.weekday() not in self.days or not self.first <= day <= self.last:
            return None
        end = self.end if self.end > self.begin else self.end + 24 * 60
        return min(_moments(day, self.begin, zone)), max(_moments(day, end, zone))


def _moments(day: date, minutes: int, zone: ZoneInfo) -> list[datetime]:
    """A time of day in UTC. One that comes twice in autumn is both; one that spring jumps over is read by the clock before and the clock after."""
    days, rest = divmod(minutes, 24 * 60)
    clock = time(*divmod(rest, 60))
    return [datetime.combine(day + days * _A_DAY, clock.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


def quiet_until(windows: Sequence[Window], timezone: str, moment: datetime) -> datetime | None:
    """When the quiet that a moment falls into ends; windows that touch are one. None = it falls into none."""
    end: datetime | None = None
    while (later := max(_covering(windows, ZoneInfo(timezone), end or moment), default=None)) is not None:
        end = later
        if end - moment > _FAR * _A_DAY:
            break
    return end


def _covering(windows: Sequence[Window], zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    today = moment.astimezone(zone).date()
    for window in windows:
        for day in (today - _A_DAY, today):
            span = window.span(day, zone)
            if span and span[0] <= moment < span[1]:
                yield span[1]


def parse_window(text: str) -> Window:
    """A window as it is written; `ValueError` where it is none."""
    with_times = _TIMES.fullmatch(text.strip())
    days = (with_times["rest"] if with_times else text).strip()
    begin, end = (_minutes(with_times["begin"]), _minutes(with_times["end"])) if with_times else (0, 24 * 60)
    if begin == end or begin >= 24 * 60:
        raise RefusedError(f"`{text}` has no length", _FIX)
    dates = _DATES.fullmatch(days)
    if dates:
        first, last = _date(dates["first"]), _date(dates["last"] or dates["first"])
        if last < first:
            raise RefusedError(f"`{text}` ends before it begins", _FIX)
        return Window(first=first, last=last, begin=begin, end=end)
    if not days and not with_times:
        raise RefusedError("an empty text names no times", _FIX)
    return Window(days=_weekdays(days) if days else _WEEK, begin=begin, end=end)


def check_windows(texts: list[str]) -> list[str]:
    """The texts as given, where each is a window and together they leave time for a run; else `ValueError`."""
    windows = [parse_window(text) for text in texts]
    end = quiet_until([one for one in windows if one.last == date.max], "UTC", _MONDAY)
    if end is not None and end - _MONDAY > 8 * _A_DAY:
        raise RefusedError("these times leave none for a run", "make one of them shorter")
    return texts


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = (name.strip() for name in part.partition("-"))
        if first not in _DAYS or (last and last not in _DAYS):
            raise RefusedError(f"`{part.strip()}` is no day of the week", _FIX)
        start = _DAYS.index(first)
        length = (_DAYS.index(last or first) - start) % 7
        found |= {(start + number) % 7 for number in range(length + 1)}
    return frozenset(found)


def _minutes(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute >= 60 or hour * 60 + minute > 24 * 60:  # noqa: PLR2004  minutes of an hour
        raise RefusedError(f"`{text}` is no time of day", "use 00:00 to 24:00")
    return hour * 60 + minute


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"`{text}` is no date", "write it like 2026-12-24") from None
