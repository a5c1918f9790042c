"""What is wrong in every real CRM: blanks, doubles, odd names, credits, dates ahead, deals nobody closed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from crm_kare.sandbox.generate.business import Company, Deal, Stage
from crm_kare.sandbox.generate.words import ODD_NAMES

_BLANKS: Final = (
    ("industry", 0.12),
    ("country", 0.08),
    ("city", 0.10),
    ("employees", 0.22),
    ("revenue", 0.30),
    ("wallet", 0.55),
    ("sites", 0.40),
    ("domain", 0.15),
    ("phone", 0.20),
    ("kind", 0.10),
)
"""Fields of a company that nobody filled in, and how often."""


def spoiled_companies(companies: list[Company], seed: int) -> Iterator[Company]:
    """The same companies, with blanks, odd names, doubles, and kinds that are wrong."""
    for one in companies:
        draw = Random(f"{seed}:mess:{one.key}")  # noqa: S311  no secret
        blanks = {name: None for name, share in _BLANKS if draw.random() < share}
        spoiled = replace(one, **blanks)  # type: ignore[arg-type]  every name is a field that may be None
        yield replace(spoiled, name=_name(one, companies, draw))


def _name(one: Company, companies: list[Company], draw: Random) -> str:
    chance = draw.random()
    if chance < 0.01:
        return draw.choice(ODD_NAMES)
    if chance < 0.025 and one.key > 50:  # entered twice, as people do
        double = companies[one.key - draw.randint(1, 50)].name
        return draw.choice((double, double.upper(), double.replace(" ", "  ")))
    return one.name


def spoiled_deals(deals: list[Deal], seed: int, as_of: date) -> list[Deal]:
    """The same deals, some of them spoiled, with keys by position."""
    draw = Random(f"{seed}:spoiled")  # noqa: S311
    spoiled: list[Deal] = []
    for deal in deals:
        spoiled += _spoiled(deal, draw, as_of)
    return [replace(deal, key=key) for key, deal in enumerate(spoiled)]


def _spoiled(deal: Deal, draw: Random, as_of: date) -> list[Deal]:
    chance = draw.random()
    if deal.stage.is_won:
        if chance < 0.015:
            return [replace(deal, amount=None, lines=())]
        if chance < 0.022:
            return [replace(deal, amount=0, lines=())]
        if chance < 0.030:
            return [deal, _credit(deal, draw, as_of)]
        if chance < 0.035:
            return [deal, replace(deal, name=f"{deal.name} (copy)")]
        if chance < 0.037:
            return [replace(deal, closed_on=as_of + timedelta(days=draw.randint(1, 60)))]
    elif not deal.stage.is_closed:
        if chance < 0.20:  # forgotten: its close day is long past
            return [replace(deal, closed_on=as_of - timedelta(days=draw.randint(91, 700)))]
        if chance < 0.30:
            return [replace(deal, amount=None, lines=())]
    return [deal]


def _credit(deal: Deal, draw: Random, as_of: date) -> Deal:
    day = min(as_of, deal.closed_on + timedelta(days=draw.randint(1, 40)))
    amount = -abs(deal.amount or 0) // draw.choice((1, 2, 5))
    return replace(deal, name=f"Credit {deal.name}", closed_on=day, amount=amount, type=None, lines=())


def orphan_deals(accounts: int, seed: int, as_of: date, key: int) -> list[Deal]:
    """Deals that belong to no company, keys from `key` on."""
    draw = Random(f"{seed}:orphans")  # noqa: S311
    return [
        Deal(
            key=key + place,
            name=f"Trade fair contact {place + 1}",
            company=None,
            owner=0,
            stage=draw.choice((Stage.PROSPECTING, Stage.LOST, Stage.WON)),
            pipeline="New business",
            created_on=as_of - timedelta(days=400),
            closed_on=as_of - timedelta(days=draw.randint(1, 300)),
            amount=draw.randint(10_000, 500_000),
        )
        for place in range(accounts // 100)
    ]
