"""When customers buy: days of orders, by the kind of customer."""

from datetime import date, timedelta
from random import Random


def rhythm(draw: Random, first: date, last: date, gap: float, spread: float = 0.25) -> list[date]:
    """Days about every `gap` days from `first` to `last`; each gap varies by `spread` (share of the gap)."""
    days, day = [], first
    while day <= last:
        days.append(day)
        day += timedelta(days=max(1, round(draw.gauss(gap, gap * spread))))
    return days


def seasonal(draw: Random, first: date, last: date, month: int) -> list[date]:
    """Two or three days in the same months of every year."""
    days = []
    for year in range(first.year, last.year + 1):
        begin = date(year, month, 1) + timedelta(days=draw.randrange(10))
        days += [begin + timedelta(days=gap) for gap in sorted(draw.sample(range(45), draw.choice((2, 3))))]
    return [day for day in days if first <= day <= last]


def yearly(draw: Random, first: date, last: date) -> list[date]:
    """About the same day of every year, as contracts renew."""
    days, day = [], first
    while day <= last:
        days.append(day)
        day += timedelta(days=365 + draw.randint(-12, 12))
    return days
