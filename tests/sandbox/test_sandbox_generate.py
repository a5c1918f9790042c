"""The made-up business: the same for the same seed, and with what real CRMs have."""

from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from statistics import median

import pytest

from crm_kare.sandbox.generate import Business, Stage, generate

DAY = date(2026, 11, 3)


@pytest.fixture(scope="module")
def business() -> Business:
    return generate(1500, 7, DAY)


def test_the_same_seed_and_day_give_the_same_business() -> None:
    assert generate(80, 5, DAY) == generate(80, 5, DAY)
    assert generate(80, 5, DAY) != generate(80, 6, DAY)


def test_keys_are_positions_and_point_at_what_is_there(business: Business) -> None:
    for values in (business.reps, business.companies, business.deals, business.people):
        assert [one.key for one in values] == list(range(len(values)))
    for deal in business.deals:
        assert deal.company is None or deal.company < len(business.companies)
        assert deal.owner < len(business.reps)
    assert all(one.parent is None or one.parent < one.key for one in business.companies)  # so there is no cycle


def test_regular_buyers_keep_a_rhythm_and_lapsed_ones_are_silent(business: Business) -> None:
    days = defaultdict(list)
    for deal in business.deals:
        if deal.stage.is_won and deal.company is not None and deal.closed_on <= DAY:
            days[deal.company].append(deal.closed_on)
    for one in business.companies:
        bought = sorted(set(days[one.key]))
        if one.story == "regular" and len(bought) > 5:
            gaps = [(later - earlier).days for earlier, later in pairwise(bought)]
            assert 10 < median(gaps) < 220
        if one.story == "lapsed":
            assert (DAY - max(bought)).days > 100


def test_every_kind_of_customer_and_prospect_occurs(business: Business) -> None:
    stories = Counter(one.story for one in business.companies)
    assert min(stories.values()) > 20
    assert len(stories) == 11
    bought = {deal.company for deal in business.deals if deal.stage.is_won}
    open_ones = {deal.company for deal in business.deals if not deal.stage.is_closed}
    for one in business.companies:
        if one.story in {"prospect", "courted", "refused"}:
            assert one.key not in bought
        assert (one.key in open_ones) or one.story != "courted"


def test_the_data_is_as_messy_as_in_life(business: Business) -> None:
    deals = business.deals
    won = [deal for deal in deals if deal.stage.is_won]
    assert any(deal.amount is None for deal in won)
    assert any(deal.amount == 0 for deal in won)
    assert any((deal.amount or 0) < 0 for deal in won)
    assert any(deal.closed_on > DAY for deal in won)
    assert any(deal.company is None for deal in deals)
    assert any(not deal.stage.is_closed and (DAY - deal.closed_on).days > 90 for deal in deals)
    assert {deal.stage for deal in deals} == set(Stage)
    assert {deal.pipeline for deal in deals} == {"New business", "Expansion", "Renewal", "Projects"}
    names = Counter(one.name for one in business.companies)
    assert names.most_common(1)[0][1] > 1
    assert any(not one.name.isascii() for one in business.companies)
    for field in ("industry", "country", "employees", "revenue", "kind"):
        blank = sum(getattr(one, field) is None for one in business.companies)
        assert 0 < blank < len(business.companies) / 2


def test_contracts_have_a_renewal_day_after_their_last_purchase(business: Business) -> None:
    last = {deal.company: deal.closed_on for deal in business.deals if deal.stage.is_won}
    due = [one for one in business.companies if one.renewal_on]
    assert len(due) > 20
    assert all(one.story == "renewal" and one.renewal_on and one.renewal_on > last[one.key] for one in due)


def test_lines_sum_to_the_amount_of_their_deal(business: Business) -> None:
    with_lines = [deal for deal in business.deals if deal.lines]
    assert len(with_lines) > len(business.deals) / 2
    assert all(sum(line.amount for line in deal.lines) == deal.amount for deal in with_lines)


def test_a_larger_business_begins_with_much_the_same_companies() -> None:
    small, large = generate(100, 3, DAY), generate(400, 3, DAY)
    same = sum(one.name == other.name for one, other in zip(small.companies, large.companies, strict=False))
    assert same > 90
