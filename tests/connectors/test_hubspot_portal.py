"""What the portal says of itself: who it is, its fields, its allowance."""

from dataclasses import replace
from typing import Any

import pytest

from crm_kare.model import Kind
from crm_kare.sandbox.hubspot import definitions
from crm_kare.sandbox.hubspot.limits import Limits
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)


def test_the_portal_and_its_records_have_addresses(rig: Any) -> None:
    connector = rig.connector()
    portal = connector.organisation()
    assert (portal.id, portal.timezone, portal.currency) == ("48151623", "Europe/Berlin", "EUR")
    assert connector.record_url("companies", "7") == f"{rig.running.url}/contacts/48151623/record/0-2/7"


def test_the_schema_tells_kinds_options_and_what_cannot_be_written(rig: Any) -> None:
    found = {one.name: one for one in rig.connector().schema("deals")}
    assert (found["amount"].kind, found["closedate"].kind, found["hs_is_closed_won"].kind) == (
        Kind.NUMBER,
        Kind.DATE,
        Kind.BOOL,
    )
    assert found["dealname"].updateable
    assert not found["hs_is_closed_won"].updateable
    assert found["dealtype"].values == ("newbusiness", "existingbusiness")
    assert {"@primary_company", "@stage_is_won", "@stage_is_closed"} <= set(found)


def test_line_items_show_their_products_properties_where_the_scope_allows(rig: Any) -> None:
    connector = rig.connector()
    assert "@product.product_line" in {one.name for one in connector.schema("line_items")}
    products = definitions.BY_ADDRESS["products"].scope
    held = frozenset(one for one in rig.portal.settings.scopes if f".{products}." not in one)
    rig.portal.settings = replace(rig.portal.settings, scopes=held | {"crm.objects.line_items.read"})
    shown = {one.name for one in rig.connector().schema("line_items")}
    assert "product_line" in shown


def test_the_days_share_is_kept(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, limits=Limits(daily=200))
    connector = rig.static()
    steps.seeded(rig, 1)
    assert connector.quota().limit is None
    rig.portal.meter.count_day("Europe/Berlin")
    rig.portal.meter.used_today = 150
    connector.organisation()
    assert (connector.quota().used, connector.quota().limit) == (151, 200)
    told = connector.check([steps.accounts(rig)], ())
    assert ("quota", "warning") in [(one.code, one.level) for one in told]
    rig.portal.meter.used_today = 170
    connector.schema("deals")
    before = rig.calls()
    problems = connector.check([steps.accounts(rig)], ())
    assert "share" in problems[0].message
    assert rig.calls() == before
