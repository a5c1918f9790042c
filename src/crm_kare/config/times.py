"""Checks schedules and time zones, so that a wrong one is told with its line and not by the daemon at night."""

import re
import zoneinfo
from typing import Final

from crm_kare.config.findings import RefusedError, did_you_mean

_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("day of week", 0, 7, tuple(_DAYS)),
)
_PART: Final = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")


def check_schedule(text: str) -> str:
    """The expression as given, where it has the five fields of cron with values in range; else `ValueError`."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise RefusedError(f"`{text}` is no schedule", 'five fields are wanted, like "*/15 * * * *"')
    for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_good(part, low, high, words) for part in field.lower().split(",")):
            raise RefusedError(f"`{field}` is no {name}", f"use {low} to {high}, *, lists and steps like */15")
    return text


def check_timezone(name: str) -> str:
    """The IANA name as given, where there is such a time zone; else `ValueError`."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = did_you_mean(name, zoneinfo.available_timezones())
        raise RefusedError(f"unknown time zone `{name}`", known or "use a name like Europe/Berlin") from None
    return name


def _good(part: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if not match:
        return False
    first, last, step = match.groups()
    if step is not None and not 1 <= int(step) <= high:
        return False
    if first == "*":
        return last is None
    ends = [_number(one, words, low) for one in (first, last) if one is not None]
    return all(low <= one <= high for one in ends) and ends == sorted(ends)


def _number(text: str, words: tuple[str, ...], low: int) -> int:
    if text in words:
        return words.index(text) + low
    return int(text) if text.isdecimal() else -1
