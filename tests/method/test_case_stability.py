"""Rule 8 on accounts worked through by hand: a label moves when the evaluations as of D and D − 30 agree, or at once.

Usual gap 90 days. Five orders ten days apart: gap 220 ÷ 6, lapsed on the 221st day of silence, which is confirmed on the 251st.
"""

from datetime import date
from functools import cache

import pytest
from method.kit import Org, Row, ago, figures, fit, money

from crm_kare.config.rulebook import UsualGap

SOUND = (40, 130, 220, 310)
FRESH = (5, 100, 190)
"""Sound today (one order in each of three quarters), not on D − 30 (two orders)."""


def five(silence: int) -> tuple[int, ...]:
    return tuple(silence + one for one in (0, 10, 20, 30, 40))


@cache
def labels() -> dict[str, Row]:
    org = Org(frozenset({"wallet", "opportunities.type", "still_using"}))
    room: Row = {"wallet": money(1_000_000), "still_using": True}
    none: Row = {"wallet": money(1), "still_using": True}
    for held in (None, "Keep", "Recapture"):
        for silence in (230, 250, 251):
            account = org.customer(f"silent {silence}, {held}", *five(silence), **none)
            if held:
                org.hold(account, held)
    org.hold(org.customer("silent 230, Expand", *five(230), **none), "Expand")
    org.hold(org.customer("silent 251, Expand", *five(251), **none), "Expand")
    org.hold(org.customer("ordered again", 1, *five(300), **none), "Recapture")
    org.hold(org.customer("ordered again, retired", 1, 500, **none), None)
    org.hold(org.customer("first order", 1, **none), "Attain")
    for held in (None, "Keep", "Expand"):
        for name, days, values in (("fresh", FRESH, room), ("both", SOUND, room), ("no room", SOUND, none)):
            account = org.customer(f"{name}, {held}", *days, **values)
            if held:
                org.hold(account, held)
    org.hold(org.customer("overridden", *five(230), override="Attain", **none), "Keep")
    _deals(org)
    return org.labels(fit(), portfolio=figures())


def _deals(org: Org) -> None:
    for name, held, outcome, closed, created in (
        ("deal opened", "Keep", "open", -20, 1),
        ("deal opened, none held", None, "open", -20, 1),
        ("deal lost", "Expand", "lost", 1, 60),
        ("deal lost, none held", None, "lost", 1, 60),
    ):
        account = org.customer(name, *SOUND, wallet=money(1), still_using=True)
        org.deal(account, outcome, ago(closed), deal_kind="expansion", created_on=ago(created))
        if held:
            org.hold(account, held)


@pytest.mark.parametrize(
    ("account", "profile"),
    [
        # lapsed for 10 and 30 days: D − 30 does not agree yet
        ("silent 230, None", "Keep"),
        ("silent 250, None", "Keep"),
        ("silent 251, None", "Recapture"),
        ("silent 230, Keep", "Keep"),
        ("silent 250, Keep", "Keep"),
        ("silent 251, Keep", "Recapture"),
        # nothing holds back what is held already
        ("silent 230, Recapture", "Recapture"),
        ("silent 251, Recapture", "Recapture"),
        ("silent 230, Expand", "Expand"),
        ("silent 251, Expand", "Recapture"),
        ("ordered again", "Keep"),
        ("ordered again, retired", "Keep"),
        ("first order", "Keep"),
        # room and soundness agree on both days, or the held label stays; with none held that of D − 30 is shown
        ("fresh, None", "Keep"),
        ("fresh, Keep", "Keep"),
        ("fresh, Expand", "Expand"),
        ("both, None", "Expand"),
        ("both, Keep", "Expand"),
        ("both, Expand", "Expand"),
        ("no room, None", "Keep"),
        ("no room, Keep", "Keep"),
        ("no room, Expand", "Keep"),
        # an open expansion deal lets in at once, its end lets out at once
        ("deal opened", "Expand"),
        ("deal opened, none held", "Expand"),
        ("deal lost", "Keep"),
        ("deal lost, none held", "Keep"),
    ],
)
def test_profile(account: str, profile: str) -> None:
    assert labels()[account]["profile"] == profile, labels()[account]["reasons"]


def test_an_account_that_waits_says_from_when() -> None:
    # lapsed since day 221; ten days later 30 more are asked: 11 Nov + 30 = 11 Dec 2026
    row = labels()["silent 230, Keep"]
    assert row["lapsed"] is True
    assert row["lapsed_since"] == ago(9)
    assert "12 Nov 2026" in row["reason"]
    assert "12 Dec 2026" in row["reason"]


def test_won_back_is_new() -> None:
    assert labels()["ordered again"]["badge"] == "New"
    assert labels()["first order"]["badge"] == "New"


@cache
def quick() -> dict[str, Row]:
    org = Org()
    org.customer("once", 20)
    return org.labels(fit(usual_gap=UsualGap(days=5)), portfolio=figures(5))


def test_first_run_with_nothing_30_days_ago_shows_keep_and_new() -> None:
    # usual gap 5: one order 20 days ago is lapsed since day 6; on D − 30 the account had not bought
    row = quick()["once"]
    assert (row["profile"], row["badge"], row["lapsed"], row["lapsed_since"]) == ("Keep", "New", True, ago(14))


def test_an_override_is_never_the_held_label() -> None:
    row = labels()["overridden"]
    assert (row["profile"], row["computed_profile"]) == ("Attain", "Keep")


CALENDAR = {
    "regular": (10, 60, 110, 170, 220, 300),
    "late": five(215),
    "lapsing": five(220),
    "confirmed": five(249),
    "once": (89,),
    "yearly": (364, 729, 1094, 1459),
    "gone": (900, 920),
}


@cache
def day_by_day() -> list[tuple[date, dict[str, Row]]]:
    org = Org(frozenset({"wallet", "renewal_on", "still_using", "cultural_fit"}))
    for account, days in CALENDAR.items():
        org.customer(account, *days, still_using=True, wallet=money(9000))
    org.customer("contract", 300, renewal_on=ago(-1))
    org.account("prospect", cultural_fit=True)
    org.account("dealing")
    org.deal("dealing", "open", ago(88))
    return [(ago(-ahead), org.labels(fit(), ago(-ahead), figures())) for ahead in (0, 1, 2)]


@pytest.mark.parametrize("account", [*CALENDAR, "contract", "prospect", "dealing"])
def test_no_text_changes_by_the_calendar_alone(account: str) -> None:
    """A day more changes a text only together with the judgement: profile, badge or lapse."""
    states: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    for _, rows in day_by_day():
        row = rows[account]
        state = (row["profile"], row["badge"], row["lapsed"], row["lapsed_since"])
        states.setdefault(state, set()).add((row["reason"], *row["reasons"]))
    assert {state: len(texts) for state, texts in states.items()} == dict.fromkeys(states, 1)
