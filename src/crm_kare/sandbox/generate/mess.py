"""What is wrong in every real CRM: blanks, doubles, odd names, credits, dates ahead, deals nobody closed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any, Final

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

_ODD_NAMES: Final = 0.01
_DOUBLES: Final = 0.015
_DOUBLE_WITHIN: Final = 50
"""Shares of companies with an odd name, and entered twice, so many records apart."""

_WON_FAULTS: Final = (("no amount", 0.015), ("zero", 0.007), ("credit", 0.008), ("double", 0.005), ("ahead", 0.002))
_OPEN_FAULTS: Final = (("forgotten", 0.2), ("no amount", 0.1))
"""What is wrong with won and with open deals, and how often; a forgotten one's close day is long past."""


def spoiled_companies(companies: list[Company], seed: int) -> Iterator[Company]:
    """The same companies, with blanks, odd names, doubles, and kinds that are wrong."""
    for one in companies:
        draw = Random(f"{seed}:mess:{one.key}")  # noqa: S311  no secret
        blanks: dict[str, Any] = {name: None for name, share in _BLANKS if draw.random() < share}
        yield replace(one, name=_name(one, companies, draw), **blanks)


def _name(one: Company, companies: list[Company], draw: Random) -> str:
    chance = draw.random()
    if chance < _ODD_NAMES:
        return draw.choice(ODD_NAMES)
    if chance < _ODD_NAMES + _DOUBLES and one.key > _DOUBLE_WITHIN:  # entered twice, as people do
        double = companies[one.key - draw.randint(1, _DOUBLE_WITHIN)].name
        return draw.choice((double, double.upper(), double.replace(" ", "  ")))
    return one.name


def spoiled_deals(deals: list[Deal], seed: int, as_of: date) -> list[Deal]:
    """The same deals, some of them spoiled, with keys by position."""
    draw = Random(f"{seed}:spoiled")  # noqa: S311
    spoiled: list[Deal] = []
    for deal in deals:
        spoiled += _spoiled(deal, _fault(deal, draw), draw, as_of)
    return [replace(deal, key=key) for key, deal in enumerate(spoiled)]


def _fault(deal: Deal, draw: Random) -> str:
    """What is wrong with a deal; mostly nothing."""
    chance = draw.random()
    for fault, share in () if deal.stage.is_lost else _WON_FAULTS if deal.stage.is_won else _OPEN_FAULTS:
        if chance < share:
            return fault
        chance -= share
    return ""


def _spoiled(deal: Deal, fault: str, draw: Random, as_of: date) -> list[Deal]:
    wrong = {
        "no amount": lambda: replace(deal, amount=None, lines=()),
        "zero": lambda: replace(deal, amount=0, lines=()),
        "ahead": lambda: replace(deal, closed_on=as_of + timedelta(days=draw.randint(1, 60))),
        "forgotten": lambda: replace(deal, closed_on=as_of - timedelta(days=draw.randint(91, 700))),
    }
    besides = {
        "credit": lambda: _credit(deal, draw, as_of),
        "double": lambda: replace(deal, name=f"{deal.name} (copy)"),
    }
    if fault in besides:
        return [deal, besides[fault]()]
    return [wrong[fault]()] if fault else [deal]


def _credit(deal: Deal, draw: Random, as_of: date) -> Deal:
    day = min(as_of, deal.closed_on + timedelta(days=draw.randint(1, 40)))
    amount = -abs(deal.amount or 0) // draw.choice((1, 2, 5))
    return replace(deal, name=f"Credit {deal.name}", closed_on=day, amount=amount, type=None, lines=())


def orphan_deals(accounts: int, seed: int, as_of: date) -> list[Deal]:
    """Deals that belong to no company; keys are all 0."""
    draw = Random(f"{seed}:orphans")  # noqa: S311
    return [
        Deal(
            key=0,
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
