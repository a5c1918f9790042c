"""Deals of a company, as its story goes."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Final, TypeVar

from crm_kare.sandbox.generate.business import Company, Deal, Line, Stage
from crm_kare.sandbox.generate.companies import RECORDS_BEGIN
from crm_kare.sandbox.generate.days import rhythm, seasonal, yearly
from crm_kare.sandbox.generate.words import PRODUCT_LINES

_OPEN: Final = (Stage.PROSPECTING, Stage.QUALIFICATION, Stage.PROPOSAL, Stage.NEGOTIATION)
_LOST: Final = (Stage.LOST, Stage.LOST_NO_DECISION)
_IN_TALKS: Final = 0.3
_RENEWAL_OPEN: Final = 0.6
_OTHERS_WITH_LINES: Final = 0.3
"""Shares: customers with an open deal, contracts whose next renewal is entered, deals not won that have lines."""

_ONE_LINE: Final = 0.75
_FAMILIES: Final = tuple(PRODUCT_LINES)
T = TypeVar("T")
_Story = Callable[[Company, Random, date], Iterator[Deal]]


def deals_of(one: Company, draw: Random, as_of: date) -> list[Deal]:
    """The company's deals by day; keys are all 0, to be set by the caller."""
    deals = list(_STORIES[one.story](one, draw, as_of))
    if one.kind == "Customer" and draw.random() < _IN_TALKS:
        deals += _talks(one, draw, as_of)
    return sorted(deals, key=lambda deal: (deal.closed_on, deal.name))


def _first_day(one: Company, draw: Random, as_of: date, least: int = 0) -> date:
    begin = max(one.created_on, as_of - RECORDS_BEGIN)
    room = (as_of - begin).days - least
    return begin + timedelta(days=draw.randrange(max(1, room // 3)))


def _regular(one: Company, draw: Random, as_of: date, growth: float = 0.0) -> Iterator[Deal]:
    gap = draw.choice((21, 30, 45, 60, 60, 90, 90, 120, 150))
    size = _size(one, draw)
    for day in rhythm(draw, _first_day(one, draw, as_of), as_of, gap):
        years = (day - as_of).days / 365
        yield _won(one, draw, day, size * (1 + growth) ** years)


def _seasonal(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    size = _size(one, draw)
    for day in seasonal(draw, _first_day(one, draw, as_of), as_of, draw.choice((2, 3, 4, 9, 10))):
        yield _won(one, draw, day, size)


def _renewal(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    size = 3 * _size(one, draw)
    days = yearly(draw, _first_day(one, draw, as_of), as_of)
    for place, day in enumerate(days):
        yield _deal(
            one, draw, day, size * 1.03**place, stage=Stage.WON_RENEWAL if place else Stage.WON,
            pipeline="Renewal" if place else "New business", kind="Renewal" if place else "New Business",
        )  # fmt: skip
    due = days[-1] + timedelta(days=365)
    if draw.random() < _RENEWAL_OPEN and due - as_of < timedelta(days=120):
        yield _deal(one, draw, due, size, stage=Stage.NEGOTIATION, pipeline="Renewal", kind="Renewal")


def _new(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    size = _size(one, draw)
    for _ in range(draw.choice((1, 1, 2))):
        yield _won(one, draw, as_of - timedelta(days=draw.randint(3, 75)), size)


def _lapsed(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    last = as_of - timedelta(days=draw.randint(200, 1300))
    size = _size(one, draw)
    begin = last - timedelta(days=draw.randint(60, 900))
    for day in rhythm(draw, begin, last, draw.choice((30, 45, 60, 90, 120))):
        yield _won(one, draw, day, size)


def _project(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    day = as_of - timedelta(days=draw.randint(30, 1800))
    yield _deal(one, draw, day, 20 * _size(one, draw), stage=Stage.WON, pipeline="Projects", kind="New Business")


def _talks(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    expansion = one.kind == "Customer"
    for _ in range(draw.choice((1, 1, 2))):
        yield _deal(
            one, draw, as_of + timedelta(days=draw.randint(-40, 150)), 2 * _size(one, draw), stage=draw.choice(_OPEN),
            pipeline="Expansion" if expansion else "New business",
            kind=draw.choice(("Expansion", "Expansion", None)) if expansion else "New Business",
        )  # fmt: skip


def _refused(one: Company, draw: Random, as_of: date) -> Iterator[Deal]:
    for _ in range(draw.choice((1, 2, 3))):
        day = as_of - timedelta(days=draw.randint(20, 900))
        yield _deal(
            one, draw, day, _size(one, draw), stage=draw.choice(_LOST), pipeline="New business", kind="New Business"
        )


def _nothing(_one: Company, _draw: Random, _as_of: date) -> Iterator[Deal]:
    yield from ()


_STORIES: Final[dict[str, _Story]] = {
    "regular": _regular,
    "grower": partial(_regular, growth=0.5),
    "shrinking": partial(_regular, growth=-0.4),
    "seasonal": _seasonal,
    "renewal": _renewal,
    "new": _new,
    "lapsed": _lapsed,
    "project": _project,
    "courted": _talks,
    "refused": _refused,
    "prospect": _nothing,
}


def _size(one: Company, draw: Random) -> float:
    """A usual order of this company in cents."""
    return (300 + math.pow(one.employees or 50, 0.7) * 60) * draw.lognormvariate(0, 0.4) * 100


def _won(one: Company, draw: Random, day: date, size: float) -> Deal:
    return _deal(
        one, draw, day, size, stage=Stage.WON, pipeline="New business", kind=_pick(draw, ("Existing Business", None))
    )


def _deal(one: Company, draw: Random, day: date, size: float, *, stage: Stage, pipeline: str, kind: str | None) -> Deal:
    amount = max(100, round(size * draw.lognormvariate(0, 0.25)))
    lines = _lines(one, draw, amount) if stage.is_won or draw.random() < _OTHERS_WITH_LINES else ()
    what = lines[0].family if lines else pipeline
    return Deal(
        key=0,
        name=f"{one.name.split()[0]} {what} {day.year}-{day.month:02}",
        company=one.key,
        owner=one.owner,
        stage=stage,
        pipeline=pipeline,
        created_on=day - timedelta(days=1 + int(draw.random() * 90)) if stage.is_closed else day - timedelta(days=170),
        closed_on=day,
        amount=amount,
        type=kind,
        lines=lines,
    )


def _lines(one: Company, draw: Random, amount: int) -> tuple[Line, ...]:
    """One or two lines, whose totals sum to the amount; a company buys from its own one to four product lines."""
    larger = amount if draw.random() < _ONE_LINE else amount * 3 // 5
    parts = (larger,) if larger == amount else (larger, amount - larger)
    return tuple(_line(one, draw, part) for part in parts)


def _line(one: Company, draw: Random, amount: int) -> Line:
    step = int(draw.random() * (1 + one.key % 4))
    family = _FAMILIES[(one.key + step * 2) % len(_FAMILIES)]
    return Line(_pick(draw, PRODUCT_LINES[family]), family, 1 + int(draw.random() * 40), amount)


def _pick(draw: Random, values: Sequence[T]) -> T:
    """One of the values; several times as quick as `choice`, which matters for a hundred thousand deals."""
    return values[int(draw.random() * len(values))]
