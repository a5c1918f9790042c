"""A schedule in cron's five fields as an APScheduler trigger, with cron's own meaning.

APScheduler's `from_crontab` differs from cron in two things: it numbers weekdays from Monday = 0 where cron has Sunday = 0
and 7, and it wants day of month *and* weekday where cron, when both are set, takes either.
"""

from datetime import datetime, timedelta
from typing import Final

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_JITTER: Final = 20
"""Seconds by which starts are spread, so that many CRMs do not all begin on the minute."""


def trigger(schedule: str, timezone: str, *, jitter: int = _JITTER) -> BaseTrigger:
    """The trigger of a schedule that the project file's check has passed; `jitter` spreads starts by so many seconds."""
    minute, hour, day, month, weekday = schedule.lower().split()
    every = {
        "minute": _numbers(minute, 0, 59),
        "hour": _numbers(hour, 0, 23),
        "month": _numbers(month, 1, 12, _MONTHS),
        "timezone": timezone,
        "jitter": jitter,
    }
    by_date, by_weekday = {"day": _numbers(day, 1, 31)}, {"day_of_week": _weekdays(weekday)}
    if day.startswith("*") or weekday.startswith("*"):
        return CronTrigger(**every, **by_date, **by_weekday)
    return OrTrigger([CronTrigger(**every, **by_date), CronTrigger(**every, **by_weekday)])


def starts_between(schedule: str, timezone: str, since: datetime, until: datetime, most: int) -> int:
    """How often a schedule names a moment after `since`, up to and with `until`; counts to `most` at most."""
    plain, moment = trigger(schedule, timezone, jitter=0), since
    for count in range(most):
        found: datetime | None = plain.get_next_fire_time(None, moment + timedelta(microseconds=1))
        if found is None or found > until:
            return count
        moment = found
    return most


def _numbers(field: str, low: int, high: int, words: tuple[str, ...] = ()) -> str:
    return ",".join(str(one) for one in sorted(_expand(field, low, high, words)))


def _weekdays(field: str) -> str:
    return ",".join(
        sorted({_DAYS[one] for one in _expand(field, 0, 7 if "7" in field or "sun" in field else 6, _DAYS)})
    )


def _expand(field: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """Every number that a field's list of values, ranges and steps stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if first == "*" else _number(first, low, words)
        end = high if first == "*" or (step and not last) else _number(last or first, low, words, end=start)
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, low: int, words: tuple[str, ...], *, end: int = 0) -> int:
    """A number, or a name's; a Sunday that ends a range (`fri-sun`) is the 7th day."""
    if text not in words:
        return int(text)
    place = words.index(text) + low
    return place if place >= end else place + 7
