"""Merged records read by the ids that they had."""

from typing import Any

import pytest

from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS
from crm_kare.sandbox.hubspot.merging import merge
from crm_kare.testing import steps


@pytest.mark.parametrize("rig", ["hubspot"], indirect=True)
def test_hubspots_merged_records_are_gone_and_the_new_one_comes(rig: Any) -> None:
    one, two, three = steps.seeded(rig, 3)
    held = rig.portal.org.get_many("companies", [one, two])
    new = str(merge(rig.portal, BY_ADDRESS["companies"], held[one], held[two], "user:61000000")["_id"])
    page = steps.ready(rig).fetch(steps.accounts(rig), [two, three])
    assert set(page.records.column(0).to_pylist()) == {new, three}
    assert set(page.deleted) == {one, two}


@pytest.mark.parametrize("rig", ["salesforce"], indirect=True)
def test_salesforces_merged_record_is_gone_and_the_one_that_stays_comes(rig: Any) -> None:
    winner, loser, other = steps.seeded(rig, 3)
    rig.org.merge("Account", winner, loser, rig.person)
    page = steps.ready(rig).fetch(steps.accounts(rig), [loser, other])
    assert set(page.records.column(0).to_pylist()) == {winner, other}
    assert page.deleted == (loser,)
