"""Sections 3 and 4 on accounts worked through by hand: the plan test, the class, the three mistakes.

Usual gap 90 days; the median customer's best 12 months 5,000 (the floor of question 3); Key from 3,000 in 365 days, National
from 2,000.
"""

from functools import cache
from typing import Any

import pytest
from method.kit import Org, Row, ago, figures, fit, money

from crm_kare.config.rulebook import Criterion, Icp, OneOf

SOUND = (40, 130, 220, 310)
CRITERIA = {
    "market_experience": Criterion(title="Market", weight=1, one_of=OneOf(column="industry", values=("Tools",))),
    "challenges": Criterion(title="Challenge", weight=1, one_of=OneOf(column="challenge", values=("Wear",))),
    "fit": Criterion(title="Cultural fit", weight=8, test="cultural_fit"),
}
RULES = fit(icp=Icp(criteria=CRITERIA, complete_from=80), strategic_markets=("Wind",))
ALL: Row = {
    "industry": "Tools",
    "challenge": "Wear",
    "has_problem": True,
    "potential": money(5001),
    "market": "Wind",
    "cultural_fit": True,
    "target": True,
}
Y, N, U, X = "yes", "no", "unknown", "not asked"

PROSPECTS: dict[str, tuple[Row, list[str], str, str]] = {
    "all": ({}, [Y, Y, Y, X, Y, Y], "5/6", "Yes"),
    "four": ({"market": "Toys"}, [Y, Y, Y, X, N, Y], "4/6", "Yes"),
    "three": ({"market": "Toys", "industry": "Toys"}, [N, Y, Y, X, N, Y], "3/6", "No"),
    "unknowns": ({"market": None, "industry": None}, [U, Y, Y, X, U, Y], "3/6", "No"),
    "at the floor": ({"potential": money(5000)}, [Y, Y, N, X, Y, Y], "4/6", "Yes"),
    "growth unknown": ({"potential": None}, [Y, Y, U, X, Y, Y], "4/6", "Yes"),
    "Low": ({"cultural_fit": False}, [Y, Y, Y, X, Y, N], "4/6", "Yes"),
    "Unrated": ({"cultural_fit": None}, [Y, Y, Y, X, Y, U], "4/6", "Yes"),
    # the challenge answers where the problem itself is empty; a person's answer wins
    "problem by challenge": ({"has_problem": None}, [Y, Y, Y, X, Y, Y], "5/6", "Yes"),
    "no problem": ({"has_problem": False}, [Y, N, Y, X, Y, Y], "4/6", "Yes"),
    "problem unknown": ({"has_problem": None, "challenge": None}, [Y, U, Y, X, Y, Y], "4/6", "Yes"),
}


@cache
def planned() -> dict[str, Row]:
    org = Org(frozenset({*ALL, "wallet"} - {"target"}))
    for account, (values, *_) in PROSPECTS.items():
        org.account(account, **{**ALL, **values})
    org.account("pipeline", **{**ALL, "potential": None})
    org.deal("pipeline", "open", ago(-10), amount=5001)
    grown = {**ALL, "potential": None}
    org.customer("wallet", *SOUND, wallet=money(9001), **grown)  # 9,001 − 4,000 = 5,001; share 44 %
    org.customer("wallet at the floor", *SOUND, wallet=money(9000), **grown)
    org.customer("potential before wallet", *SOUND, wallet=money(90_000), **{**ALL, "potential": money(1)})
    org.customer("full", *SOUND, wallet=money(4000), **grown)
    org.account("overridden", override="Keep", **ALL)
    return org.labels(RULES, portfolio=figures())


def answers(account: str) -> list[str]:
    return [answer.rsplit(": ", 1)[1] for answer in planned()[account]["plan_answers"]]


@pytest.mark.parametrize("account", PROSPECTS)
def test_plan_of_a_prospect(account: str) -> None:
    row = planned()[account]
    assert (answers(account), row["plan_test"], row["plan_warranted"]) == PROSPECTS[account][1:]


@pytest.mark.parametrize(
    ("account", "growth", "share"),
    [("wallet", Y, Y), ("wallet at the floor", N, Y), ("potential before wallet", N, Y), ("pipeline", Y, X)],
)
def test_growth_in_money_and_share_of_purchases(account: str, growth: str, share: str) -> None:
    assert (answers(account)[2], answers(account)[3]) == (growth, share), planned()[account]["reasons"]


def test_no_plan_test_outside_attain_and_expand() -> None:
    assert planned()["wallet"]["plan_test"] == "6/6"
    for account in ("full", "overridden"):
        row = planned()[account]
        assert (row["profile"], row["plan_test"], row["plan_warranted"]) == ("Keep", None, None)


BIG: Row = {"market": "Toys", "wallet": money(100_000)}
"""Room, no strategic market."""

CLASSES: dict[str, tuple[tuple[float, ...], Row, str | None, str | None]] = {
    # amounts 40, 130, 220, 310 and 1,200 days ago; fields; class; what the warning says
    "strategic": ((1000,) * 5, {"market": "Wind"}, "Strategic", None),
    "strategic as target": ((1000,) * 5, {"target": True}, "Strategic", None),
    "key by room": ((1000,) * 5, {}, "Key", None),
    "key by market": ((1000,) * 5, {"market": "Wind", "wallet": money(4000)}, "Key", None),
    "just not key": ((750, 750, 750, 749, 9000), {}, None, None),
    "just key": ((750, 750, 750, 750, 9000), {}, "Key", None),
    "easy sell": ((1000,) * 5, {"wallet": money(4000)}, None, "asy sell"),
    "easy sell, by a person": ((1000,) * 5, {"wallet": money(4000), "class_override": "Key"}, "Key", "asy sell"),
    "easy sell with sites": ((1000,) * 5, {"wallet": money(4000), "sites": money(5)}, "National", "asy sell"),
    "one order of 63 %": ((6300, 1200, 1200, 1300, 1000), {}, None, "one order is 63 % of revenue"),
    "one order of half": ((3000, 1000, 1000, 1000, 1000), {}, "Key", None),
    "margin 9.9": ((1000,) * 5, {"margin": money(9.9)}, None, "ig volume"),
    "margin below zero": ((1000,) * 5, {"margin": money(-2.5)}, None, "its margin of -2.5 % is below 10 %"),
    "margin 10": ((1000,) * 5, {"margin": money(10)}, "Key", None),
    "margin unknown": ((1000,) * 5, {"margin": None}, "Key", None),
    "national": ((500,) * 5, {"sites": money(5), "employees": money(10)}, "National", None),
    "4 sites": ((500,) * 5, {"sites": money(4), "employees": money(100)}, None, None),
    "revenue below national": ((499,) * 5, {"sites": money(5), "employees": money(99)}, "SMB", None),
    "99 employees": ((1,) * 5, {"employees": money(99)}, "SMB", None),
    "100 employees": ((1,) * 5, {"employees": money(100)}, None, None),
    "employees unknown": ((1,) * 5, {}, None, None),
}


@cache
def classed() -> dict[str, Row]:
    org = Org(frozenset({"market", "wallet", "margin", "sites", "employees"}))
    for account, (amounts, values, *_) in CLASSES.items():
        org.account(account, **{"margin": money(30), **BIG, **values})
        for days, amount in zip((*SOUND, 1200), amounts, strict=True):
            org.won(account, days, amount=amount)
    org.customer("two years", *SOUND, 700, margin=money(30), **BIG)
    org.customer("two quarters", 10, 20, 30, 100, 1200, margin=money(30), **BIG)
    org.customer("two orders", 10, 200, 1200, amount=2000, margin=money(30), **BIG)
    org.account("prospect", employees=money(20))
    return org.labels(fit(strategic_markets=("Wind",)), portfolio=figures(key_revenue=3000.0, national_revenue=2000.0))


@pytest.mark.parametrize("account", CLASSES)
def test_class(account: str) -> None:
    row = classed()[account]
    _, _, expected, warning = CLASSES[account]
    assert row["class"] == expected, row["class_warnings"]
    said = [one for one in row["class_warnings"] if not one.startswith("note")]
    assert bool(said) == (warning is not None), said
    assert warning is None or warning in " ".join(said)


@pytest.mark.parametrize("account", ["two years", "two quarters", "two orders"])
def test_a_key_account_buys_over_years_and_quarters(account: str) -> None:
    assert classed()[account]["class"] is None
    assert classed()[account]["class_warnings"]


def test_a_prospect_may_have_a_class() -> None:
    assert classed()["prospect"]["class"] == "SMB"


def test_where_the_records_are_shorter_the_years_are_a_note() -> None:
    org = Org(frozenset({"wallet"}))
    org.customer("a", *SOUND, wallet=money(100_000))
    row: dict[str, Any] = org.labels(fit(), portfolio=figures(key_revenue=3000.0, first_event_on=ago(800)))["a"]
    assert row["class"] == "Key"
    assert [warning.split(":")[0] for warning in row["class_warnings"]] == ["note"]
