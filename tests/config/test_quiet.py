"""Times in which no run starts: how they are written, and when they end."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crm_kare.config.quiet import check_windows, parse_window, quiet_until

BERLIN = "Europe/Berlin"


def until(windows: list[str], moment: str, zone: str = BERLIN) -> str | None:
    """When the quiet ends that a moment of the zone falls into, as its clocks show it."""
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    end = quiet_until([parse_window(one) for one in windows], zone, at.astimezone(UTC))
    return f"{end.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if end else None


@pytest.mark.parametrize(
    ("window", "moment", "end"),
    [
        ("Mon-Fri 08:00-18:00", "2026-11-02T08:00", "2026-11-02 18:00"),
        ("Mon-Fri 08:00-18:00", "2026-11-02T07:59", None),
        ("Mon-Fri 08:00-18:00", "2026-11-02T18:00", None),
        ("Mon-Fri 08:00-18:00", "2026-11-01T12:00", None),
        ("Fri-Mon 08:00-18:00", "2026-11-01T12:00", "2026-11-01 18:00"),
        ("22:00-02:00", "2026-11-03T01:00", "2026-11-03 02:00"),
        ("22:00-02:00", "2026-11-03T23:00", "2026-11-04 02:00"),
        ("Fri 22:00-02:00", "2026-11-07T01:00", "2026-11-07 02:00"),
        ("Fri 22:00-02:00", "2026-11-06T01:00", None),
        ("Sat,Sun", "2026-11-07T12:00", "2026-11-09 00:00"),
        ("2026-12-24 - 2027-01-02", "2026-12-24T00:00", "2027-01-03 00:00"),
        ("2026-12-24 - 2027-01-02", "2027-01-03T00:00", None),
        ("2026-12-24", "2026-12-24T13:00", "2026-12-25 00:00"),
        ("2026-12-24 12:00-24:00", "2026-12-24T13:00", "2026-12-25 00:00"),
        ("2026-12-24 12:00-24:00", "2026-12-24T11:00", None),
    ],
)
def test_a_window_ends_when_it_says(window: str, moment: str, end: str | None) -> None:
    assert until([window], moment) == end


def test_windows_that_touch_are_one() -> None:
    assert until(["Sat,Sun", "Mon 00:00-06:00", "Mon 06:00-08:00"], "2026-11-07T12:00") == "2026-11-09 08:00"


@pytest.mark.parametrize(
    ("window", "moment", "end"),
    [
        ("01:00-02:30", "2026-10-25T00:30", "2026-10-25T01:30"),  # 02:30 comes twice: it ends at the second
        ("01:00-02:30", "2026-10-25T01:00", "2026-10-25T01:30"),
        ("01:00-03:00", "2026-03-29T00:30", "2026-03-29T01:00"),  # 03:00 summer time
        ("22:00-02:30", "2026-03-29T01:15", "2026-03-29T01:30"),  # 02:30 is jumped over: as late as it can be read
        ("02:30-04:00", "2026-03-29T00:45", "2026-03-29T02:00"),
    ],
)
def test_an_hour_that_comes_twice_is_quiet_twice(window: str, moment: str, end: str) -> None:
    at, wanted = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (moment, end))
    assert quiet_until([parse_window(window)], BERLIN, at) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "08:00",
        "08:00-08:00",
        "25:00-26:00",
        "08:00-18:75",
        "Mo 08:00-18:00",
        "2026-13-01",
        "2027-01-02 - 2026-12-24",
    ],
)
def test_what_is_no_window_is_refused_with_a_way_on(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        check_windows([text])


@pytest.mark.parametrize("texts", [["Mon-Sun"], ["00:00-12:00", "12:00-24:00"]])
def test_times_that_leave_none_for_a_run_are_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="leave none"):
        check_windows(texts)


def test_a_long_holiday_is_allowed() -> None:
    assert check_windows(["2026-01-01 - 2026-12-31"]) == ["2026-01-01 - 2026-12-31"]
