"""Schedules mean what cron means by them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm_kare.config.times import check_schedule
from crm_kare.daemon.schedule import cron

SUNDAY = datetime(2026, 11, 1, tzinfo=UTC)


def fired(schedule: str, days: int = 7, zone: str = "UTC", since: datetime = SUNDAY) -> list[datetime]:
    """When it fires within so many days."""
    one = cron(check_schedule(schedule), zone)
    found: list[datetime] = []
    moment = one.next(since - timedelta(seconds=1))
    while moment is not None and moment < since + timedelta(days=days):
        found.append(moment)
        moment = one.next(moment)
    return found


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", "Sun"), ("7", "Sun"), ("1", "Mon"), ("6", "Sat"), ("sun", "Sun"), ("1-5", "Mon Tue Wed Thu Fri"), ("5-7", "Sun Fri Sat"),
        ("fri-sun", "Sun Fri Sat"), ("mon,wed", "Mon Wed"), ("*", "Sun Mon Tue Wed Thu Fri Sat"), ("*/2", "Sun Tue Thu Sat"), ("1-5/2", "Mon Wed Fri"),
        ("0,6", "Sun Sat"), ("0-6", "Sun Mon Tue Wed Thu Fri Sat"),
    ],
)  # fmt: skip
def test_weekdays_are_numbered_from_sunday(field: str, days: str) -> None:
    assert [f"{one:%a}" for one in fired(f"30 4 * * {field}")] == days.split()


def test_steps_and_lists() -> None:
    assert [one.minute for one in fired("*/15 9 1 * *")] == [0, 15, 30, 45]
    assert [one.minute for one in fired("40/10,5 9 1 nov *")] == [5, 40, 50]
    assert [one.hour for one in fired("0 8-18/5 1 * *")] == [8, 13, 18]


def test_day_of_month_or_weekday_when_both_are_set() -> None:
    assert [one.day for one in fired("0 0 4 * mon", 10)] == [2, 4, 9]


def test_the_time_zone_is_the_schedules() -> None:
    (one,) = fired("0 6 2 11 *", zone="Europe/Berlin")
    assert one == datetime(2026, 11, 2, 6, tzinfo=ZoneInfo("Europe/Berlin"))
