"""Rule 9, the days of the windows, and the usual gap, on small orgs."""

from datetime import date
from functools import cache

import pytest
from method.kit import Org, Row, ago, figures, fit, money

from crm_kare.config.rulebook import Rulebook, UsualGap
from crm_kare.method import Portfolio, portfolio_from_json, portfolio_to_json


def measured(gap: int, repeaters: int = 30, rulebook: Rulebook | None = None) -> Portfolio:
    org = Org()
    for number in range(repeaters):
        org.customer(f"a{number}", 100, 100 + gap)
    org.customer("once", 3)
    return org.scored(rulebook or fit(usual_gap=UsualGap())).portfolio


@pytest.mark.parametrize(("gap", "usual"), [(47, 45), (48, 50), (2, 5)])
def test_the_usual_gap_is_rounded_to_five_days_and_at_least_five(gap: int, usual: int) -> None:
    figure = measured(gap)
    assert (figure.usual_gap, figure.measured_gap, figure.repeat_accounts) == (usual, True, 30)


@pytest.mark.parametrize(("business", "usual"), [("yearly contracts", 365), ("projects", 540)])
def test_with_fewer_than_30_repeat_accounts_the_business_decides(business: str, usual: int) -> None:
    rules = fit(usual_gap=UsualGap.model_validate({"business": business}))
    figure = measured(47, 29, rules)
    assert (figure.usual_gap, figure.measured_gap, figure.repeat_accounts) == (usual, False, 29)


@cache
def by_segment() -> dict[str, Row]:
    org = Org(frozenset({"segment"}))
    for gap in (5, 90, 91, 95, 182, 183, 540):
        org.customer(f"gap {gap}", 1, segment=f"s{gap}")
    org.customer("no segment", 1)
    days = {f"s{gap}": gap for gap in (5, 91, 95, 182, 183, 540)}
    rules = fit(usual_gap=UsualGap.model_validate({"days": 90, "by": "segment", "days_by": days}))
    return org.labels(rules, portfolio=figures())


@pytest.mark.parametrize(
    ("account", "window"),
    [
        ("gap 5", 365),
        ("gap 90", 365),
        ("gap 91", 546),  # 6 × 91
        ("gap 95", 570),
        ("gap 182", 1092),
        ("gap 183", 1095),  # 1,098 is above 36 months
        ("gap 540", 1095),
        ("no segment", 365),
    ],
)
def test_window(account: str, window: int) -> None:
    assert by_segment()[account]["window_days"] == window


def test_each_segment_has_its_own_expected_gap() -> None:
    # one order: the expected gap is the usual gap
    gaps = {account: row["expected_gap_days"] for account, row in by_segment().items()}
    assert gaps["gap 5"] == 5.0
    assert gaps["gap 540"] == 540.0
    assert gaps["no segment"] == 90.0


@cache
def long_cycle() -> dict[str, Row]:
    # usual gap 180: window 1,080 days; five orders 100 days apart: gap (400 + 360) ÷ 6 = 126.67, patience 6 gaps = 760 days,
    # but 12 months and 2 gaps (253 days) of silence are always enough
    org = Org()
    for silence in (365, 366):
        org.customer(f"silent {silence}", *(silence + back for back in (0, 100, 200, 300, 400)))
    # gap (0 + 540) ÷ … : two orders on 1 and 400 days: span 600, gap (600 + 360) ÷ 3 = 320, patience 2: 640 days; both
    # 12 months and 2 gaps are over on day 641
    for silence in (366, 640, 641):
        org.customer(f"pair {silence}", silence, silence + 600)
    return org.labels(fit(usual_gap=UsualGap(days=180)), portfolio=figures(180))


@pytest.mark.parametrize(
    ("account", "lapsed"), [("silent 365", False), ("silent 366", True), ("pair 366", False), ("pair 641", True)]
)
def test_twelve_months_and_two_gaps_are_always_enough(account: str, lapsed: bool) -> None:  # noqa: FBT001 - a case's value
    assert long_cycle()[account]["lapsed"] is lapsed


def test_an_order_leaves_a_long_window() -> None:
    # on day 480 of silence the first of the two orders is 1,080 days back: one order in the window, patience 1: 320 days
    assert long_cycle()["pair 640"]["lapsed_since"] == ago(640 - 480)


MEASURED = date(2026, 10, 5)


def standing(best: float) -> Portfolio:
    """Measured on 5 Oct; the org of `moving` would say: usual gap 90 (too few to measure), median best year 1,000."""
    return figures(measured_on=MEASURED, median_best_year=best)


def moving(day: date, best: float) -> Portfolio:
    org = Org()
    org.customer("a", 10, 100)
    org.customer("b", 10)
    org.customer("c", 10)
    return org.scored(Rulebook(), day, standing(best)).portfolio


def test_between_measuring_days_the_figures_stand() -> None:
    assert moving(date(2026, 10, 31), 1.0) == standing(1.0)


def test_on_the_measuring_day_they_are_replaced_where_one_moved_by_more_than_a_tenth() -> None:
    # 15 Nov is after 1 Nov, the first measuring day since
    replaced = moving(date(2026, 11, 15), 1.0)
    assert (replaced.median_best_year, replaced.usual_gap) == (1000.0, 90)
    assert replaced.measured_on == date(2026, 11, 15)


def test_figures_that_did_not_move_stand() -> None:
    org = Org()
    org.customer("a", 10, 100)
    org.customer("b", 10)
    org.customer("c", 10)
    first = org.scored(Rulebook(), date(2026, 11, 20)).portfolio
    assert first.measured_on == date(2026, 11, 20)
    # 1 Dec is a measuring day; nothing was ordered since and no year is over
    again = org.scored(Rulebook(), date(2026, 12, 1), first).portfolio
    assert (again.median_best_year, again.usual_gap) == (first.median_best_year, first.usual_gap)


def test_figures_travel_as_json() -> None:
    figure = figures(peer_lines={"Tools": 3.0, "": 2.0}, median_best_year=None)
    assert portfolio_from_json(portfolio_to_json(figure)) == figure


def test_one_order_moves_no_other_account() -> None:
    org = Org(frozenset({"wallet", "industry"}))
    for number in range(6):
        org.customer(f"a{number}", 10 + number, 60, 130, 220, 310, amount=100 * number + 1, wallet=money(10_000))
    before = org.labels(fit(), portfolio=figures())
    org.won("a0", 0, amount=1_000_000)
    after = org.labels(fit(), portfolio=figures())
    for account in ("a1", "a2", "a3", "a4", "a5"):
        # the rank is a place among others; that it stays between measuring days is the run's affair
        assert {**before[account], "rank": None} == {**after[account], "rank": None}
