"""Thousands of random accounts, judged by the product and by the plain oracle: the same answers, row by row."""

from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

import pytest
from method.kit import D, Org, Row, ago, figures, fit, money
from method.oracle import Judgement, judge
from method.oracle_view import Account, Deal, Figures

from crm_kare.config.rulebook import UsualGap

FEW, MANY = 300, 1500
MAPPED = frozenset(
    {
        "cultural_fit",
        "is_customer",
        "renewal_on",
        "wallet",
        "potential",
        "market",
        "strategic_value",
        "favourable_contact",
        "still_using",
        "margin",
        "sites",
        "employees",
        "has_problem",
        "parent_id",
        "opportunities.type",
        "opportunities.product_line",
    }
)
WORLDS = {60: 11, 100: 12, 365: 13}
"""Usual gap → seed: windows of 365, 600 and 1,095 days."""


def history(random: Random) -> list[int]:
    """Days ago of what was bought."""
    last = random.choice([random.randint(0, 60), random.randint(0, 500), random.randint(0, 1400)])
    kind = random.choice(["none", "once", "even", "uneven", "burst", "seasonal", "stalwart"])
    count = random.randint(2, 9)
    if kind == "none":
        return []
    if kind == "once":
        return [last]
    if kind == "even":
        gap = random.choice([20, 30, 45, 60, 90, 91])
        return [last + gap * number for number in range(count)]
    if kind == "stalwart":
        gap = random.choice([60, 80, 122, 250])
        return list(range(random.randint(0, gap), 1400, gap))
    if kind == "seasonal":
        gap = random.choice([119, 120, 182, 365])
        return [last + gap * number + random.choice([0, 0, random.randint(-20, 20)]) for number in range(count)]
    step = 12 if kind == "burst" else random.choice([70, 200])
    days = [last]
    for _ in range(count - 1):
        days.append(days[-1] + random.randint(0, step))
    return days


def amount(random: Random) -> Fraction | None:
    kind = random.random()
    if kind < 0.05:
        return None
    if kind < 0.10:
        return Fraction(0)
    if kind < 0.17:
        return Fraction(-random.randint(1, 2000))
    return Fraction(random.choice([250, 500, 1000, 1000, 1000, 2500, random.randint(1, 900000) / 100]))


def deals(random: Random) -> tuple[Deal, ...]:
    lines = [f"line {number}" for number in range(random.randint(1, 6))]
    found = [
        Deal("won", ago(max(days, 0)), amount(random), None, None, random.choice(lines)) for days in history(random)
    ]
    if random.random() < 0.04:
        found.append(Deal("won", None, amount(random)))
    if random.random() < 0.04:
        found.append(Deal("won", ago(-random.randint(1, 90)), amount(random)))
    if random.random() < 0.3:
        found.append(_pursued(random))
    return tuple(found)


def _pursued(random: Random) -> Deal:
    kind = random.choice([None, "expansion", "renewal", "other"])
    value = None if random.random() < 0.2 else Fraction(random.choice([500, 1000, 1001, 7000]))
    if random.random() < 0.3:
        return Deal("lost", ago(random.randint(0, 60)), value, kind, ago(random.randint(61, 100)))
    return Deal(
        "open", ago(random.choice([90, 91, -30, random.randint(-60, 130)])), value, kind, ago(random.randint(0, 300))
    )


def some(random: Random, *values: Any, known: float = 0.6) -> Any:
    return random.choice(values) if random.random() < known else None


def account(random: Random) -> Account:
    is_held = random.random() < 0.5
    renewal = ago(random.choice([0, 60, 61, random.randint(-300, 200)])) if random.random() < 0.2 else None
    mean = random.random() < 0.3  # where all answers are no, an account can retire
    known = 1.0 if mean else 0.6
    return Account(
        deals=deals(random),
        tier="Low" if mean else random.choice(["High", "Low", "Unrated"]),
        is_customer=some(random, True, False, False, False),
        target=some(random, True, False, False, False),
        renewal_on=renewal,
        wallet=some(random, *(Fraction(n) for n in (0, 2000, 5000, 10_000))),
        potential=Fraction(0) if mean else some(random, *(Fraction(n) for n in (0, 4000, 4001))),
        market="Toys" if mean else some(random, "Wind", "Toys", "Toys"),
        strategic_value=False if mean else some(random, True, False, False),
        favourable=False if mean else some(random, True, False, False),
        still_using=False if mean else some(random, True, False, False),
        margin=some(random, Fraction(9), Fraction(10), Fraction(30), known=known),
        sites=some(random, 4, 5, 9),
        employees=some(random, 99, 100, 2000),
        has_problem=some(random, True, False),
        is_held=is_held,
        held=random.choice(["Keep", "Keep", "Expand", "Attain", "Recapture", None]) if is_held else None,
        related=some(random, True, False, known=0.3),
    )


def enter(org: Org, name: str, one: Account) -> None:
    """The account as rows."""
    values: Row = {
        "cultural_fit": {"High": True, "Low": False, "Unrated": None}[one.tier],
        "is_customer": one.is_customer,
        "target": one.target,
        "renewal_on": one.renewal_on,
        "market": one.market,
        "strategic_value": one.strategic_value,
        "favourable_contact": one.favourable,
        "still_using": one.still_using,
        "has_problem": one.has_problem,
        "parent_id": None if one.related is None else f"{name} parent",
    }
    numbers = {"wallet": one.wallet, "potential": one.potential, "margin": one.margin}
    counts = {"sites": one.sites, "employees": one.employees}
    org.account(name, **values, **{key: _decimal(value) for key, value in {**numbers, **counts}.items()})
    for deal in one.deals:
        org.deal(
            name,
            deal.outcome,
            deal.closed_on,
            amount=_decimal(deal.amount),
            deal_kind=deal.kind,
            created_on=deal.created_on,
            product_line=deal.line,
        )
    if one.related is not None:
        org.account(f"{name} parent")
        if one.related is False:
            org.won(f"{name} parent", 2000)
    if one.is_held:
        org.hold(name, one.held)


def _decimal(value: Fraction | int | None) -> Any:
    return None if value is None else money(float(value))


@cache
def judged(gap: int, count: int) -> list[tuple[str, Account, Judgement, Row]]:
    random = Random(WORLDS[gap])  # noqa: S311 - seeded on purpose
    accounts = {f"a{number:04}": account(random) for number in range(count)}
    org = Org(MAPPED)
    for name, one in accounts.items():
        enter(org, name, one)
    given: Row = {
        "median_best_year": 4000.0,
        "peer_lines": {"": 4.0},
        "key_revenue": 1500.0,
        "national_revenue": 1000.0,
    }
    rules = fit(strategic_markets=("Wind",), usual_gap=UsualGap(days=gap))
    rows = org.labels(rules, portfolio=figures(gap, **given))
    known = Figures(gap, Fraction(4000), Fraction(4), Fraction(1500), Fraction(1000), ("Wind",))
    return [(name, one, judge(one, known, D), rows[name]) for name, one in accounts.items()]


def compared(judgement: Judgement, row: Row) -> dict[str, tuple[Any, Any]]:
    """What differs: name → (oracle, product)."""
    plan = [answer.rsplit(": ", 1)[1] for answer in row["plan_answers"]][1:]
    pairs = {
        "profile": (judgement.profile, row["profile"]),
        "motion": (judgement.motion, row["motion"]),
        "badge": (judgement.badge, row["badge"]),
        "lapsed": (judgement.lapsed, row["lapsed"]),
        "lapsed_since": (judgement.lapsed_since, row["lapsed_since"]),
        "events": (judgement.events, row["events"]),
        "last_event_on": (judgement.last_event_on, row["last_event_on"]),
        "window_days": (judgement.window_days, row["window_days"]),
        "plan": (judgement.plan, plan),
        "class": (judgement.account_class, row["class"]),
        **_close(judgement, row),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _close(judgement: Judgement, row: Row) -> dict[str, tuple[Any, Any]]:
    """Numbers that are shown rounded: equal where they differ by no more than that."""
    pairs = {
        "expected_gap_days": (judgement.expected_gap, row["expected_gap_days"], 0.06),
        "overdue": (judgement.overdue, row["overdue"], 0.0006),
        "effective_orders": (judgement.effective, row["effective_orders"], 0.0006),
    }
    return {name: (mine, its) for name, (mine, its, by) in pairs.items() if not _near(mine, its, by)}


def _near(mine: Fraction | float | None, its: float | None, by: float) -> bool:
    if mine is None or its is None:
        return mine is its
    return abs(float(mine) - its) <= by


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("gap", WORLDS)
def test_the_product_agrees_with_the_oracle(gap: int, count: int) -> None:
    different = {name: compared(judgement, row) for name, _, judgement, row in judged(gap, count)}
    assert {name: found for name, found in different.items() if found} == {}


def test_all_kinds_of_accounts_were_judged() -> None:
    rows = [row for gap in WORLDS for *_, row in judged(gap, FEW)]
    seen = {(row["profile"], row["motion"], row["badge"], row["lapsed"]) for row in rows}
    assert {profile for profile, *_ in seen} == {"Keep", "Attain", "Recapture", "Expand", None}
    assert {motion for _, motion, *_ in seen} == {"Retain", "Acquire", "Reactivate", "Grow", "Retire", None}
    assert {row["class"] for row in rows} == {"Strategic", "Key", "National", "SMB", None}
