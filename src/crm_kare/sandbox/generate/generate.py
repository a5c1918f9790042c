"""The generator: from a number of accounts, a seed and a day to a whole business."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from crm_kare.sandbox.generate.business import Business, Company, Deal, Person, Rep
from crm_kare.sandbox.generate.companies import company, people_of
from crm_kare.sandbox.generate.deals import deals_of
from crm_kare.sandbox.generate.mess import orphan_deals, spoiled_companies, spoiled_deals
from crm_kare.sandbox.generate.words import FIRST_NAMES, LAST_NAMES, TEAMS

_ACCOUNTS_PER_REP: Final = 120
_FIRST_ALONE: Final = 10
_REPS_GONE: Final = 0.08
_IN_GROUPS: Final = 0.12
_SISTERS: Final = 0.8
_RENEWAL_KNOWN: Final = 0.7
"""Shares: users that left, companies that belong to a group, of those the ones beside and not below another, contracts
whose renewal day somebody typed."""


def generate(accounts: int, seed: int, as_of: date) -> Business:
    """A business with so many accounts, as it stands at the end of `as_of`; the same for the same three arguments.

    Every account has its own stream of chance, so that most of them are the same in a larger business of that seed.
    """
    reps = tuple(_reps(max(4, accounts // _ACCOUNTS_PER_REP), seed))
    companies = tuple(spoiled_companies(_companies(accounts, seed, as_of, len(reps)), seed))
    deals = spoiled_deals([*_deals(companies, seed, as_of), *orphan_deals(accounts, seed, as_of)], seed, as_of)
    companies = tuple(_with_renewals(companies, deals, seed))
    people: list[Person] = []
    for one in companies:
        people += people_of(one, Random(f"{seed}:people:{one.key}"), len(people))  # noqa: S311  no secret
    return Business(as_of, reps, companies, tuple(deals), tuple(people))


def _reps(number: int, seed: int) -> Iterator[Rep]:
    draw = Random(f"{seed}:reps")  # noqa: S311
    for key in range(number):
        first, last = draw.choice(FIRST_NAMES), draw.choice(LAST_NAMES)
        yield Rep(
            key,
            first,
            last,
            f"rep{key}@vendor.example",
            TEAMS[key % len(TEAMS)],
            active=draw.random() > _REPS_GONE or not key,
        )


def _companies(accounts: int, seed: int, as_of: date, reps: int) -> list[Company]:
    made: list[Company] = []
    for key in range(accounts):
        draw = Random(f"{seed}:company:{key}")  # noqa: S311
        one = company(key, draw, as_of, reps)
        if key > _FIRST_ALONE and draw.random() < _IN_GROUPS:
            one = _related(one, made[draw.randrange(max(0, key - 400), key)], draw)
        made.append(one)
    return made


def _related(one: Company, other: Company, draw: Random) -> Company:
    """`one` as a daughter of `other`, or of the group that it belongs to (a sister)."""
    parent = other.parent if other.parent is not None and draw.random() < _SISTERS else other.key
    family = other.name.split()[0]
    return replace(one, parent=parent, name=f"{family} {one.name.split(' ', 1)[-1]}", owner=other.owner)


def _deals(companies: tuple[Company, ...], seed: int, as_of: date) -> Iterator[Deal]:
    for one in companies:
        yield from deals_of(one, Random(f"{seed}:deals:{one.key}"), as_of)  # noqa: S311


def _with_renewals(companies: tuple[Company, ...], deals: list[Deal], seed: int) -> Iterator[Company]:
    """Contract customers with the day of their next renewal, where somebody typed it."""
    draw = Random(f"{seed}:renewals")  # noqa: S311
    last = {deal.company: deal.closed_on for deal in deals if deal.stage.is_won}
    for one in companies:
        known = one.story == "renewal" and one.key in last and draw.random() < _RENEWAL_KNOWN
        yield replace(one, renewal_on=last[one.key] + timedelta(days=365)) if known else one
