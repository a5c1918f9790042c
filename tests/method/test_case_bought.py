"""Rules 4 and 6 on accounts worked through by hand: never bought, and lapsed.

Usual gap 90 days. The only ICP criterion is cultural fit: true = High, false = Low, empty = Unrated.
"""

from datetime import date
from functools import cache
from typing import Any

import pytest
from method.kit import D, Org, Row, ago, figures, fit, money

ATTAIN = {"profile": "Attain", "motion": "Acquire", "lapsed": False}
RETIRE = {"profile": None, "motion": "Retire"}
SILENT = {"profile": None, "motion": None}

Deal = tuple[int, str]
"""Close day in days ago, and outcome."""

NEVER: dict[str, tuple[dict[str, Any], Deal | None, dict[str, Any]]] = {
    "fits": ({"cultural_fit": True}, None, {**ATTAIN, "icp_tier": "High", "icp_score": 100}),
    "off profile": ({"cultural_fit": False}, None, {**RETIRE, "icp_tier": "Low", "icp_score": 0}),
    "unrated": ({}, None, {**SILENT, "icp_tier": "Unrated", "icp_score": None}),
    "target": ({"target": True}, None, {**ATTAIN}),
    "target against the tier": ({"cultural_fit": False, "target": True}, None, {**ATTAIN, "icp_tier": "Low"}),
    "no target": ({"cultural_fit": False, "target": False}, None, {**RETIRE}),
    "open deal ahead": ({}, (-10, "open"), {**ATTAIN, "icp_tier": "Unrated"}),
    "open deal, Low": ({"cultural_fit": False}, (-10, "open"), {**ATTAIN, "icp_tier": "Low"}),
    "open deal 90 days overdue": ({}, (90, "open"), {**ATTAIN}),
    "open deal 91 days overdue": ({}, (91, "open"), {**SILENT}),
    "open deal 91 days overdue, Low": ({"cultural_fit": False}, (91, "open"), {**RETIRE}),
    "lost deal": ({}, (20, "lost"), {**SILENT}),
    "lost deal, fits": ({"cultural_fit": True}, (20, "lost"), {**ATTAIN}),
    # called a customer by the CRM: never Attain, whatever speaks for it
    "customer without orders": ({"is_customer": True}, None, {**SILENT}),
    "customer without orders, fits": ({"is_customer": True, "cultural_fit": True}, None, {"profile": None}),
    "customer without orders, target": ({"is_customer": True, "target": True}, None, {"profile": None}),
    "customer without orders, open deal": ({"is_customer": True}, (-10, "open"), {"profile": None}),
    "prospect by the CRM's word": ({"is_customer": False, "cultural_fit": True}, None, {**ATTAIN}),
}


OVERRIDES: dict[str, tuple[str, date | None, tuple[str | None, str | None]]] = {
    "until today": ("Expand", D, ("Expand", "Grow")),
    "until tomorrow": ("Expand", ago(-1), ("Expand", "Grow")),
    "until yesterday": ("Expand", ago(1), ("Keep", "Retain")),
    "without end": ("Recapture", None, ("Recapture", "Reactivate")),
    "attain": ("Attain", None, ("Attain", "Acquire")),
}


@cache
def never() -> dict[str, Row]:
    org = Org(frozenset({"cultural_fit", "is_customer"}))
    for account, (values, deal, _) in NEVER.items():
        org.account(account, **values)
        if deal:
            org.deal(account, deal[1], ago(deal[0]))
    org.deal(org.account("open deal without date"), "open", None)
    org.accounts.append({"account_id": "nothing known"})
    for account, (profile, until, _) in OVERRIDES.items():
        org.customer(account, 10, 40, 70, override=profile, override_until=until)
    org.customer("none", 10, 40, 70, override="None")
    return org.labels(fit(), portfolio=figures())


@pytest.mark.parametrize("account", NEVER)
def test_never_bought(account: str) -> None:
    row = never()[account]
    expected = NEVER[account][2]
    assert {name: row[name] for name in expected} == expected, row["reasons"]


def test_an_open_deal_without_date_counts_as_open() -> None:
    assert never()["open deal without date"]["profile"] == "Attain"


def test_unknown_everything_names_the_fields_to_fill() -> None:
    row = never()["nothing known"]
    assert (row["profile"], row["motion"], row["icp_tier"], row["icp_completeness"]) == (None, None, "Unrated", 0)
    assert "Cultural fit" in " ".join(row["reasons"])


def test_low_and_unrated_are_said_of_an_account_with_an_open_deal() -> None:
    assert "ICP Low" in never()["open deal, Low"]["reason"]
    assert "ranked last" in never()["open deal, Low"]["reason"]
    assert "ICP Unrated" in never()["open deal ahead"]["reason"]


def test_a_customer_without_orders_is_said_to_be_one() -> None:
    assert "ustomer without orders in the CRM" in never()["customer without orders, fits"]["reason"]


ASKED = frozenset({"potential", "market", "strategic_value", "cultural_fit", "favourable_contact", "still_using"})
ALL_NO: Row = {
    "potential": money(0),
    "market": "Elsewhere",
    "strategic_value": False,
    "cultural_fit": False,
    "favourable_contact": False,
    "still_using": False,
}
RECAPTURE = {"profile": "Recapture", "motion": "Reactivate", "lapsed": True}

LAPSED: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "all no": (400, {}, {**RETIRE, "lapsed": True}),
    "potential": (400, {"potential": money(1)}, {**RECAPTURE}),
    "strategic value": (400, {"strategic_value": True}, {**RECAPTURE}),
    "strategic market": (400, {"market": "Wind"}, {**RECAPTURE}),
    "ICP": (400, {"cultural_fit": True}, {**RECAPTURE}),
    "contact": (400, {"favourable_contact": True}, {**RECAPTURE}),
    "use": (400, {"still_using": True}, {**RECAPTURE}),
    "potential unknown": (400, {"potential": None}, {**RECAPTURE}),
    "contact unknown": (400, {"favourable_contact": None}, {**RECAPTURE}),
    "value unknown, market no": (400, {"strategic_value": None}, {**RECAPTURE}),
    "value no, market unknown": (400, {"market": None}, {**RECAPTURE}),
    "use unknown": (400, {"still_using": None}, {**RECAPTURE}),
    "ICP unknown": (400, {"cultural_fit": None}, {**RECAPTURE}),
    # 36 months are 1,095 days
    "unknown, day 1095": (1095, {"still_using": None}, {**RECAPTURE}),
    "unknown, day 1096": (1096, {"still_using": None}, {"profile": None, "lapsed": True}),
    "yes, day 1096": (1096, {"still_using": True}, {**RECAPTURE}),
    "no, day 1096": (1096, {}, {**RETIRE}),
}


@cache
def lapsed() -> dict[str, Row]:
    org = Org(ASKED)
    for account, (days, values, _) in LAPSED.items():
        org.customer(account, days, **{**ALL_NO, **values})
    for account, amount in (("best year 5000", 2500), ("best year 5001", 2500.5)):
        # both orders lie in one period of 365 days; the median customer's best brought 5,000
        org.customer(account, 400, 764, amount=amount, **ALL_NO)
    org.customer("two years", 400, 765, amount=4000, **ALL_NO)  # 365 days apart: never in one period of 365 days
    for account, due in (("deal", -10), ("deal day 90", 90), ("deal day 91", 91)):
        org.customer(account, 400, **ALL_NO)
        org.deal(account, "open", ago(due))
    return org.labels(fit(strategic_markets=("Wind",)), portfolio=figures())


@pytest.mark.parametrize("account", LAPSED)
def test_lapsed(account: str) -> None:
    row = lapsed()[account]
    expected = LAPSED[account][2]
    assert {name: row[name] for name in expected} == expected, row["reasons"]


@pytest.mark.parametrize(
    ("account", "profile"),
    [
        ("best year 5000", None),
        ("best year 5001", "Recapture"),
        ("two years", None),
        ("deal", "Recapture"),
        ("deal day 90", "Recapture"),
        ("deal day 91", None),
    ],
)
def test_lapsed_by_revenue_and_deal(account: str, profile: str | None) -> None:
    assert lapsed()[account]["profile"] == profile, lapsed()[account]["reasons"]


def test_unknown_answers_are_said_and_ranked_last() -> None:
    assert "ranked last" in lapsed()["use unknown"]["reason"]
    assert lapsed()["use unknown"]["unknown"]
    ranked = {a: lapsed()[a]["rank"] for a in ("potential", "use unknown", "ICP unknown")}
    known = [row["rank"] for a, row in lapsed().items() if row["profile"] == "Recapture" and "unknown" not in a]
    assert all(rank is None or rank > max(r or 0 for r in known) for a, rank in ranked.items() if "unknown" in a)


def test_bought_once_is_its_own_reason() -> None:
    assert "ought once, on 17 Oct 2025" in lapsed()["all no"]["reason"]


def test_favourable_decision_makers_may_come_from_contacts() -> None:
    org = Org(frozenset({"contacts.favourable", "contacts.decision_maker"}))
    for account in ("yes", "only the clerk", "no"):
        org.customer(account, 400)
    org.contacts = [
        {"contact_id": "1", "account_id": "yes", "decision_maker": True, "favourable": True},
        {"contact_id": "2", "account_id": "only the clerk", "decision_maker": False, "favourable": True},
        {"contact_id": "3", "account_id": "no", "decision_maker": True, "favourable": False},
    ]
    rows = org.labels(fit(), portfolio=figures())
    assert rows["yes"]["profile"] == "Recapture"
    assert rows["no"]["profile"] is None


@pytest.mark.parametrize("account", OVERRIDES)
def test_override(account: str) -> None:
    row = never()[account]
    assert (row["profile"], row["motion"]) == OVERRIDES[account][2]
    assert row["computed_profile"] == "Keep"


def test_override_none_takes_the_profile_away() -> None:
    row = never()["none"]
    assert (row["profile"], row["computed_profile"], row["overridden"]) == (None, "Keep", True)
    assert row["motion"] != "Retain"
