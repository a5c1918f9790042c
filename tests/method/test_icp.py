"""Section 2 on accounts worked through by hand: score, completeness, tier, best and worst, proposed ranges, off criteria."""

from functools import cache
from typing import Any

import pytest
from method.kit import Org, Row, figures, money

from crm_kare.config.rulebook import Between, Criterion, Grade, Icp, OneOf, Rulebook, UsualGap

CRITERIA = {
    "size": Criterion(title="Size", weight=40, test="employees >= 100"),
    "fit": Criterion(title="Cultural fit", weight=30, test="cultural_fit"),
    "sales": Criterion(
        title="Company sales",
        weight=30,
        grades=(Grade(test="annual_revenue >= 10000000", share=1), Grade(test="annual_revenue >= 1000000", share=0.5)),
    ),
    "budget": Criterion(title="Confirmed budget", weight=1000, test="budget_confirmed"),  # not mapped below: off
    "quality": Criterion(title="Quality", weight=1000, one_of=OneOf(column="quality")),  # no target set: off
    "terms": Criterion(title="Terms", weight=1000),  # no test set: off
}

RATED: dict[str, tuple[tuple[int | None, bool | None, int | None], dict[str, Any]]] = {
    # employees, cultural fit, annual revenue in thousands
    "all met": ((100, True, 10_000), {"icp_score": 100, "icp_tier": "High", "icp_completeness": 100}),
    "none met": ((99, False, 999), {"icp_score": 0, "icp_tier": "Low", "icp_completeness": 100}),
    "70": ((100, True, 0), {"icp_score": 70, "icp_tier": "High"}),
    "60": ((99, True, 10_000), {"icp_score": 60, "icp_tier": "Moderate"}),
    "graded": ((100, False, 1_000), {"icp_score": 55, "icp_tier": "Moderate"}),  # 40 + half of 30
    "40": ((100, False, 0), {"icp_score": 40, "icp_tier": "Moderate"}),
    "30": ((0, True, 0), {"icp_score": 30, "icp_tier": "Low"}),
    # 60 of 100 known (the set share): rated by what is known
    "size unknown": ((None, True, 10_000), {"icp_score": 100, "icp_tier": "High", "icp_completeness": 60}),
    "half known": ((None, True, 0), {"icp_score": 50, "icp_tier": "Moderate", "icp_completeness": 60}),
    # 40 known: Unrated, not Low and not High
    "size only": ((100, None, None), {"icp_tier": "Unrated", "icp_completeness": 40}),
    "size only, unmet": ((0, None, None), {"icp_tier": "Unrated", "icp_completeness": 40}),
    "nothing": ((None, None, None), {"icp_score": None, "icp_tier": "Unrated", "icp_completeness": 0}),
}


@cache
def rated() -> dict[str, Row]:
    org = Org(frozenset({"employees", "cultural_fit", "annual_revenue", "quality"}))
    for account, ((employees, culture, sales), _) in RATED.items():
        revenue = None if sales is None else sales * 1000
        org.account(account, employees=money(employees), cultural_fit=culture, annual_revenue=money(revenue))
    rules = Rulebook(icp=Icp(criteria=CRITERIA, complete_from=60), usual_gap=UsualGap(days=90))
    return org.labels(rules, portfolio=figures())


@pytest.mark.parametrize("account", RATED)
def test_score_and_tier(account: str) -> None:
    row = rated()[account]
    expected = RATED[account][1]
    assert {name: row[name] for name in expected} == expected, row["reasons"]


def test_each_criterion_has_its_answer_and_one_that_is_off_has_none() -> None:
    assert rated()["graded"]["icp"] == {"size": "met", "fit": "unmet", "sales": "partly"}
    assert rated()["size only"]["icp"] == {"size": "met", "fit": "unknown", "sales": "unknown"}


def test_best_and_worst_possible_score_are_shown() -> None:
    # 60 of 100 are met and 40 unknown: between 60 and 100, whatever the employees are
    assert "between 60 and 100" in " ".join(rated()["size unknown"]["reasons"])
    assert "between 40 and 100" in " ".join(rated()["size only"]["reasons"])


def test_what_is_unknown_is_named() -> None:
    assert "employees" in rated()["size unknown"]["unknown"]
    assert rated()["all met"]["unknown"] == []


def test_the_tier_makes_the_profile_of_a_prospect() -> None:
    profiles = {account: rated()[account]["profile"] for account in ("70", "40", "30", "nothing")}
    assert profiles == {"70": "Attain", "40": "Attain", "30": None, "nothing": None}


PROPOSED = {
    "industry": Criterion(title="Industry", weight=1, one_of=OneOf(column="industry", propose=True)),
    "size": Criterion(title="Size", weight=1, between=Between(column="employees")),
    "growth": Criterion(title="Growth market", weight=1, one_of=OneOf(column="market")),
}


@cache
def proposed() -> tuple[dict[str, Row], Any]:
    org = Org(frozenset({"industry", "employees", "market"}))
    for number in range(20):
        days = (10, 40, 70)
        org.customer(f"good {number:02}", *days, industry="Tools", employees=money(100 + number), market="Wind")
    org.customer("once", 10, industry="Toys", employees=money(9), market="Wind")
    org.account("alike", industry="Tools", employees=money(110))
    org.account("unlike", industry="Toys", employees=money(9))
    rules = Rulebook(icp=Icp(criteria=PROPOSED), usual_gap=UsualGap(days=90))
    scored = org.scored(rules)
    return {row["account_id"]: row for row in scored.labels.to_pylist()}, scored.portfolio


def test_a_fresh_org_shows_attain_accounts_on_day_one() -> None:
    rows, portfolio = proposed()
    assert (rows["alike"]["icp_tier"], rows["alike"]["profile"]) == ("High", "Attain")
    assert (rows["unlike"]["icp_tier"], rows["unlike"]["profile"]) == ("Low", None)
    assert rows["alike"]["icp"] == {"industry": "met", "size": "met"}  # growth needs a target that nobody set
    assert portfolio.proposed["industry"].values == ("Tools",)
    assert "proposed" in " ".join(rows["alike"]["reasons"])


def test_a_proposed_range_covers_the_set_share_of_good_customers() -> None:
    found = proposed()[1].proposed["size"]
    assert 100 <= found.least < found.most <= 119
    assert sum(found.least <= 100 + number <= found.most for number in range(20)) in {16, 17, 18}
