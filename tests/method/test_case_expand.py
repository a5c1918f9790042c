"""Rule 5 on accounts worked through by hand: sound, with named evidence of room.

Usual gap 90 days, window 365 days; its quarters begin 0, 92, 183 and 274 days ago (a quarter is 91.25 days).
A *sound* account here orders 40, 130, 220 and 310 days ago: gap (270 + 180) ÷ 5 = 90, one order in each quarter, and one in
each on 22 Oct (D − 30), too, so that no label waits for a confirmation.
"""

from functools import cache
from typing import Any

import pytest
from method.kit import Org, Row, ago, figures, fit, money

SOUND = (40, 130, 220, 310)
EXPAND = {"profile": "Expand", "motion": "Grow", "badge": None}
KEEP = {"profile": "Keep", "motion": "Retain"}

WALLET: dict[str, tuple[tuple[int, ...], float, float | None, dict[str, Any]]] = {
    # days ago, amount of each order, wallet
    "sound, room": (SOUND, 1750, 100_000, EXPAND),
    "69.99 %": (SOUND, 1750, 10_001, EXPAND),
    "70 %": (SOUND, 1750, 10_000, KEEP),
    "above": (SOUND, 1750, 8_000, KEEP),
    "wallet unknown": (SOUND, 1750, None, KEEP),
    # orders 35 … 100 days ago and (on D − 30) 5 … 70 days: one quarter, then two
    "one quarter": ((35, 50, 70, 90), 1000, 100_000, KEEP),
    "two quarters": ((35, 50, 70, 125, 150), 1000, 100_000, KEEP),
    "three quarters": ((40, 130, 215), 1000, 100_000, EXPAND),
    "two orders": ((40, 130), 1000, 100_000, KEEP),
    # At risk: gap 90, E = 4 × ½^(R/2) < 2 from R > 2: 180 days
    "at risk": ((200, 205, 292, 340, 360), 1000, 100_000, {**KEEP, "badge": "At risk"}),
}


@cache
def wallets() -> dict[str, Row]:
    org = Org(frozenset({"wallet", "renewal_on"}))
    for account, (days, amount, wallet, _) in WALLET.items():
        org.customer(account, *days, amount=amount, wallet=money(wallet))
    _contracts(org)
    _falling(org)
    return org.labels(fit(), portfolio=figures())


def _contracts(org: Org) -> None:
    room: Row = {"wallet": money(100_000)}
    org.customer("renewed once", 40, 405, renewal_on=ago(-325), **room)
    org.customer("first term", 200, renewal_on=ago(-165), **room)
    org.customer("in grace", 20, 385, renewal_on=ago(10), **room)
    yearly = (200, 565, 930, 1295)
    org.customer("rhythm kept", *yearly, **room)
    org.customer("rhythm late", *(days + 200 for days in yearly), **room)


def _falling(org: Org) -> None:
    """749 × 4 against 1,000 × 4 is 25.1 % less, 750 × 4 is 25 %, in the 365 days that end with the last order."""
    for account, amount in (("fallen", 749), ("a quarter less", 750)):
        org.customer(account, *SOUND, amount=amount, wallet=money(100_000))
        org.won(account, 410, 460, 520, 580, amount=1000)


@pytest.mark.parametrize("account", WALLET)
def test_wallet(account: str) -> None:
    row = wallets()[account]
    expected = WALLET[account][3]
    assert {name: row[name] for name in expected} == expected, row["reasons"]


def test_room_unknown_is_said_and_room_judged_is_not() -> None:
    assert "Keep (room unknown)" in wallets()["wallet unknown"]["reason"]
    assert "wallet" in wallets()["wallet unknown"]["unknown"]
    assert "room unknown" not in wallets()["70 %"]["reason"]


@cache
def lines() -> dict[str, Row]:
    org = Org(frozenset({"opportunities.product_line"}))
    for count in (79, 80, 99, 100):
        for held in (None, "Keep", "Expand"):
            account = org.customer(f"{count} {held}", *SOUND[1:])
            for line in range(count):
                org.won(account, SOUND[0], product_line=f"line {line}", amount=10)
            if held:
                org.hold(account, held)
    return org.labels(fit(), portfolio=figures(peer_lines={"": 100.0}))


@pytest.mark.parametrize(
    ("account", "profile"),
    [
        ("79 None", "Expand"),
        ("79 Keep", "Expand"),
        ("80 None", "Keep"),
        ("80 Keep", "Keep"),
        ("80 Expand", "Expand"),  # let in below 80 %, stays until 100 %
        ("99 None", "Keep"),
        ("99 Expand", "Expand"),
        ("100 Expand", "Keep"),
    ],
)
def test_product_lines(account: str, profile: str) -> None:
    assert lines()[account]["profile"] == profile, lines()[account]["reasons"]


@cache
def family() -> dict[str, Row]:
    org = Org(frozenset({"parent_id", "affiliate_id", "in_scope", "cultural_fit"}))
    org.customer("alone", *SOUND)
    for name, sister in (
        ("prospect", {}),
        ("low", {"cultural_fit": False}),
        ("out of scope", {"in_scope": False}),
        ("fits", {"cultural_fit": True, "in_scope": True}),
    ):
        org.customer(f"top {name}", *SOUND)
        org.customer(f"sister of {name}", *SOUND, parent_id=f"top {name}")
        org.account(f"sister {name}", parent_id=f"top {name}", **sister)
    org.customer("top all buy", *SOUND)
    org.customer("daughter all buy", *SOUND, parent_id="top all buy")
    org.account("parent buys nothing")
    org.customer("daughter of nothing", *SOUND, parent_id="parent buys nothing")
    org.customer("cycle a", *SOUND, parent_id="cycle b")
    org.account("cycle b", parent_id="cycle a")
    org.customer("own parent", *SOUND, parent_id="own parent")
    org.customer("parent not there", *SOUND, parent_id="nowhere")
    for depth in range(10):
        org.customer(f"depth {depth}", *SOUND, parent_id=f"depth {depth + 1}")
    org.account("depth 10")
    org.account("joint venture")
    org.customer("with joint venture", *SOUND, affiliate_id="joint venture")
    org.customer("lapsed top", 500)
    org.customer("daughter of lapsed", *SOUND, parent_id="lapsed top")
    return org.labels(fit(), portfolio=figures())


@pytest.mark.parametrize(
    ("account", "profile"),
    [
        ("alone", "Keep"),
        ("sister of prospect", "Expand"),
        ("top prospect", "Expand"),
        ("sister of low", "Keep"),
        ("sister of out of scope", "Keep"),
        ("sister of fits", "Expand"),
        ("daughter all buy", "Keep"),
        ("daughter of nothing", "Expand"),
        ("cycle a", "Expand"),
        ("own parent", "Keep"),
        ("parent not there", "Keep"),
        ("depth 0", "Expand"),
        ("depth 9", "Expand"),
        ("with joint venture", "Expand"),
        ("daughter of lapsed", "Keep"),  # a former customer is not one that never bought
    ],
)
def test_related_companies(account: str, profile: str) -> None:
    assert family()[account]["profile"] == profile, family()[account]["reasons"]


DEALS: dict[str, tuple[dict[str, Any], str]] = {
    "expansion": ({"deal_kind": "expansion"}, "Expand"),
    "renewal": ({"deal_kind": "renewal", "amount": 9000}, "Keep"),
    "other": ({"deal_kind": "other", "amount": 9000}, "Keep"),
    "type unknown, larger": ({"deal_kind": None, "amount": 1000.01}, "Expand"),
    "type unknown, as large": ({"deal_kind": None, "amount": 1000}, "Keep"),
    "type and amount unknown": ({"deal_kind": None, "amount": None}, "Keep"),
    "expansion, amount unknown": ({"deal_kind": "expansion", "amount": None}, "Expand"),
    "expansion, day 90": ({"deal_kind": "expansion", "due": 90}, "Expand"),
    "expansion, day 91": ({"deal_kind": "expansion", "due": 91}, "Keep"),
    "expansion, lost": ({"deal_kind": "expansion", "outcome": "lost", "due": 50}, "Keep"),
}


@cache
def deals() -> dict[str, Row]:
    org = Org(frozenset({"opportunities.type"}))
    for account, (values, _) in DEALS.items():
        org.customer(account, *SOUND)
        deal = {"created_on": ago(200), "outcome": "open", "due": -20, **values}
        org.deal(account, deal.pop("outcome"), ago(deal.pop("due")), **deal)
    org.customer("not sound", 35, 50, 70)
    org.deal("not sound", "open", ago(-20), deal_kind="expansion", created_on=ago(200))
    return org.labels(fit(), portfolio=figures())


@pytest.mark.parametrize("account", DEALS)
def test_expansion_deal(account: str) -> None:
    assert deals()[account]["profile"] == DEALS[account][1], deals()[account]["reasons"]


def test_a_deal_does_not_make_an_unsound_account_expand() -> None:
    assert deals()["not sound"]["profile"] == "Keep"


@pytest.mark.parametrize(
    ("account", "profile", "badge"),
    [
        ("renewed once", "Expand", None),
        ("first term", "Keep", None),
        ("rhythm kept", "Expand", None),
        ("rhythm late", "Keep", "At risk"),
    ],
)
def test_sound_by_contract_or_rhythm(account: str, profile: str, badge: str | None) -> None:
    row = wallets()[account]
    assert (row["profile"], row["badge"]) == (profile, badge), row["reasons"]


def test_falling_revenue_is_said_and_changes_nothing() -> None:
    fallen, less = wallets()["fallen"], wallets()["a quarter less"]
    assert fallen["profile"] == less["profile"] == "Expand"
    assert "25 % below" in " ".join(fallen["reasons"])
    assert "% below" not in " ".join(less["reasons"])
