"""Companies and the people in them."""

from datetime import date, timedelta
from random import Random
from typing import Final

from crm_kare.sandbox.generate.business import Company, Person
from crm_kare.sandbox.generate.words import (
    COUNTRIES,
    FIRST_NAMES,
    FIRST_WORDS,
    INDUSTRIES,
    LAST_NAMES,
    LEGAL_FORMS,
    SECOND_WORDS,
    TITLES,
)

STORIES: Final = {
    "regular": 25,
    "grower": 6,
    "shrinking": 3,
    "seasonal": 5,
    "renewal": 7,
    "new": 5,
    "lapsed": 12,
    "project": 6,
    "courted": 8,
    "refused": 4,
    "prospect": 19,
}
"""How a customer's or prospect's story goes, and how often: `courted` have open deals and `refused` lost ones only."""

NEVER_BOUGHT: Final = frozenset({"courted", "refused", "prospect"})
RECORDS_BEGIN: Final = timedelta(days=365 * 6)
"""How far back the business's records go."""

_PARTNERS: Final = 0.1
_ROLE_KNOWN: Final = 0.7
_FAVOUR_KNOWN: Final = 0.5
_MAIL_KNOWN: Final = 0.9
"""Shares of companies that are partners, and of people of whom these things are known."""


def company(key: int, draw: Random, as_of: date, reps: int) -> Company:
    """One company; its story is drawn too. Never-bought ones are of all sorts, customers mostly of a likely sort."""
    story = draw.choices(tuple(STORIES), tuple(STORIES.values()))[0]
    country, cities = _country(draw)
    name = f"{draw.choice(FIRST_WORDS)} {draw.choice(SECOND_WORDS)} {draw.choice(LEGAL_FORMS[country])}"
    employees = _employees(draw, story)
    return Company(
        key=key,
        name=name,
        story=story,
        owner=draw.randrange(reps),
        created_on=as_of - timedelta(days=draw.randint(20, RECORDS_BEGIN.days)),
        domain=f"{name.split(maxsplit=1)[0].lower()}-{key}.example",
        phone=f"+{draw.randint(1, 99)} {draw.randint(100, 999)} {draw.randint(100000, 999999)}",
        industry=draw.choices([one for one, _ in INDUSTRIES], [weight for _, weight in INDUSTRIES])[0],
        country=country,
        city=draw.choice(cities),
        employees=employees,
        revenue=int(employees * draw.uniform(9, 26)) * 10_000,
        kind="Prospect" if story in NEVER_BOUGHT else "Customer",
        segment="Partner" if draw.random() < _PARTNERS else "Direct",
        wallet=int(employees * draw.uniform(1.5, 9)) * 100,
        sites=max(1, int(draw.paretovariate(1.6))),
    )


def _country(draw: Random) -> tuple[str, tuple[str, ...]]:
    name, _, cities = draw.choices(COUNTRIES, [weight for _, weight, _ in COUNTRIES])[0]
    return name, cities


def _employees(draw: Random, story: str) -> int:
    middle = 60 if story in NEVER_BOUGHT else 140
    return max(1, min(60_000, int(draw.lognormvariate(0, 1.3) * middle)))


def people_of(one: Company, draw: Random, key: int) -> list[Person]:
    """Nobody to three people at a company, keys from `key` on."""
    return [_person(one, draw, key + place) for place in range(draw.choices((0, 1, 2, 3), (25, 35, 25, 15))[0])]


def _person(one: Company, draw: Random, key: int) -> Person:
    first, last = draw.choice(FIRST_NAMES), draw.choice(LAST_NAMES)
    title, role, decides = draw.choice(TITLES)
    known = draw.random() < _ROLE_KNOWN
    return Person(
        key=key,
        company=one.key,
        first_name=first,
        last_name=last,
        email=f"person{key}@{one.domain}" if one.domain and draw.random() < _MAIL_KNOWN else None,
        title=title,
        role=role if known else None,
        decision_maker=decides if known else None,
        favourable=draw.choice((True, True, False)) if known and draw.random() < _FAVOUR_KNOWN else None,
    )
