"""Days between purchases, so that a person can check a rhythm by eye."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from crm_kare.sandbox.page.views import Deal


def newest_first(deals: Sequence[Deal]) -> list[Deal]:
    """The deals by close date, newest first; each won one says how many days after the won one before it came."""
    shown: list[Deal] = []
    last: date | None = None
    for one in sorted(deals, key=lambda deal: (deal.closed_on, deal.name)):
        if not one.bought or not one.closed_on:
            shown.append(one)
            continue
        day = date.fromisoformat(one.closed_on)
        shown.append(replace(one, gap=None if last is None else (day - last).days))
        last = day
    return shown[::-1]
