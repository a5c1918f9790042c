"""A large org is made of copies of a small one."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from crm_kare.sandbox.multiply import copies_for, thinned
from crm_kare.sandbox.server import build
from crm_kare.sandbox.state import Sandbox


@pytest.fixture
def large(still_clock: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A hundred accounts as five copies of twenty, in both orgs."""
    monkeypatch.setattr("crm_kare.sandbox.multiply.BASE", 20)
    made = build(still_clock, accounts=100, seed=3)
    with closing(made.store):
        yield made


def test_only_large_orgs_are_copied() -> None:
    assert [copies_for(number) for number in (300, 20_000, 25_000, 200_000)] == [1, 1, 5, 40]


def test_every_copy_is_tied_in_itself(large: Sandbox) -> None:
    records = large.store.orgs["salesforce"]
    ids = [one["_id"] for one in records.select("Account")]
    assert len(ids) == 20 * large.copies == 100
    accounts = [records.get("Account", one) or {} for one in ids]
    deals = [records.count("Opportunity", "AccountId = ?", (one,)) for one in ids]
    parents = [ids.index(one["ParentId"]) if one["ParentId"] else None for one in accounts]
    assert deals == deals[:20] * 5
    assert [one["Name"] for one in accounts[80:]] == [f"{one['Name']} 5" for one in accounts[:20]]
    for copy in range(1, 5):
        twins = [None if one is None else one + copy * 20 for one in parents[:20]]
        assert parents[copy * 20 :][:20] == twins
    lines = records.select("OpportunityLineItem")
    assert {one["OpportunityId"] for one in lines} <= {one["_id"] for one in records.select("Opportunity")}


def test_links_are_copied_too(large: Sandbox) -> None:
    portal = large.store.orgs["hubspot"]
    companies = [one["_id"] for one in portal.select("companies")]
    links = portal.links("companies", "deals", companies)
    assert len(links) == 5 * len(portal.links("companies", "deals", sorted(companies, key=int)[:20]))
    deals = {one["_id"]: one for one in portal.select("deals")}
    for company, deal, kind in links:
        if kind == "6":
            assert deals[deal]["hs_primary_associated_company"] == company


def test_indexes_are_there_again(large: Sandbox) -> None:
    plan = large.store.rows('EXPLAIN QUERY PLAN SELECT * FROM "salesforce_Opportunity" WHERE AccountId = ?', ("x",))
    assert "USING INDEX" in str(plan)


def test_deals_are_left_out_evenly(large: Sandbox) -> None:
    business: Any = large.businesses["salesforce"]
    half = thinned(business, len(business.deals) // 2)
    assert [one.key for one in half.deals] == list(range(len(business.deals) // 2))
    assert thinned(business, 10**6) is business
