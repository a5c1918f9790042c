"""HubSpot's side of setting up: provisioning, checks, what the portal says of itself."""

from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import AccessError, ConfigError
from crm_kare.model import Kind
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot import definitions
from crm_kare.sandbox.hubspot.limits import Limits
from crm_kare.testing import steps

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)


def test_provisioned_properties_are_what_the_labels_say(rig: Any) -> None:
    steps.ready(rig)
    made = {name: one.extra["property"] for name, one in rig.portal.org.fields("companies").items()}
    profile, reasons, target = made["kare_profile"], made["kare_reasons"], made["kare_target"]
    assert (profile.type, profile.field_type, profile.group) == ("enumeration", "select", "kare")
    assert [(one.value, one.label) for one in profile.options][:2] == [("Keep", "Keep"), ("Attain", "Attain")]
    assert (reasons.type, reasons.field_type) == ("string", "textarea")
    assert [one.value for one in target.options] == ["true", "false"]
    assert made["kare_changed_on"].type == "date"
    assert made["icp_score"].type == "number"
    assert all(made[one.field].description == one.label.help for one in rig.setting.fields)


def test_a_definition_that_moved_is_mended_and_peoples_options_stay(rig: Any) -> None:
    connector, fields = steps.ready(rig), rig.setting.fields
    held = rig.portal.org.fields("companies")["kare_lapse_reason"]
    known = held.extra["property"]
    added = replace(known.options[0], value="Moved abroad", label="Moved abroad")
    moved = replace(known, label="Other title", options=(*known.options[1:], added))
    rig.portal.org.change_field("companies", moved.as_field())
    told = {one.what: one for one in connector.provision("companies", fields, dry_run=False)}
    assert told["property kare_lapse_reason"].action == "change"
    assert told["property kare_lapse_reason"].detail == "label, options"
    now = rig.portal.org.fields("companies")["kare_lapse_reason"].extra["property"]
    assert now.label == "KARE Lapse Reason"
    assert {one.value for one in now.options} == {one.value for one in known.options} | {"Moved abroad"}
    assert {one.action for one in connector.provision("companies", fields, dry_run=False)} == {"none"}


def test_what_another_run_created_meanwhile_is_no_error(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.ready(rig)
    late = rig.connector()
    monkeypatch.setattr("crm_kare_hubspot.definitions.Definitions.fetched", _blind_once())
    told = late.provision("companies", rig.setting.fields, dry_run=False)
    assert {one.action for one in told} == {"none"}


def _blind_once() -> Any:
    """`Definitions.fetched` that saw nothing yet, the first time for each list."""
    from crm_kare_hubspot.definitions import Definitions  # noqa: PLC0415  the name is about to be replaced

    usual, seen = Definitions.fetched, set[bool]()

    def fetched(self: Definitions, source: str, *, archived: bool = False) -> Any:
        if archived not in seen:
            seen.add(archived)
            return {}
        return usual(self, source, archived=archived)

    return fetched


def test_a_dry_run_makes_no_write_call(rig: Any) -> None:
    connector = rig.connector()
    told = connector.provision("companies", rig.setting.fields, dry_run=True)
    assert {one.action for one in told} == {"create"}
    assert connector.calls().write == 0


def test_the_group_stays_where_others_put_a_property_into_it(rig: Any) -> None:
    connector = steps.ready(rig)
    some = rig.setting.fields[:-1]
    told = connector.deprovision("companies", some, dry_run=False)
    assert [one.action for one in told] == ["delete"] * len(some) + ["none"]
    assert rig.setting.fields[-1].field in told[-1].detail


def test_provisioning_without_the_scope_names_it(rig: Any) -> None:
    settings = rig.portal.settings
    rig.portal.settings = replace(settings, scopes=settings.scopes - {"crm.schemas.companies.write"})
    with pytest.raises(AccessError, match=r"crm\.schemas\.companies\.write"):
        rig.connector().provision("companies", rig.setting.fields, dry_run=False)


def test_check_names_every_missing_scope_and_where_to_tick_it(rig: Any) -> None:
    connector = steps.ready(rig)
    gone = {
        "crm.objects.deals.read",
        "crm.schemas.deals.read",
        "crm.objects.owners.read",
        "crm.objects.companies.write",
        "crm.objects.line_items.read",
    }
    rig.portal.settings = replace(rig.portal.settings, scopes=rig.portal.settings.scopes - gone)
    told = connector.check(list(rig.setting.specs.values()), rig.setting.fields)
    fixes = " ".join(one.fix for one in told)
    assert [scope for scope in gone if scope not in fixes] == []
    assert all("Settings > Integrations > Service Keys" in one.fix for one in told)


def test_check_tells_options_and_types_that_do_not_fit(rig: Any) -> None:
    connector = steps.ready(rig)
    org = rig.portal.org
    profile = org.fields("companies")["kare_profile"].extra["property"]
    score = org.fields("companies")["icp_score"].extra["property"]
    org.change_field("companies", replace(profile, options=profile.options[1:]).as_field())
    org.change_field("companies", replace(score, type="string", field_type="text").as_field())
    told = {one.code: one for one in connector.check([steps.accounts(rig)], rig.setting.fields)}
    assert set(told) == {"label-options", "label-type"}
    assert "Keep" in told["label-options"].message
    assert "icp_score" in told["label-type"].message
    assert told["label-type"].fix == "Run `crm-kare provision portal`."


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


def test_an_archived_name_that_hubspot_does_not_give_back_is_named_and_the_others_are_made(rig: Any) -> None:
    rig.running.faults.order(Fault("/crm/v3/properties/companies", "POST", status=409, body="{}", skip=2))
    with pytest.raises(ConfigError) as caught:
        rig.connector().provision("companies", rig.setting.fields, dry_run=False)
    refused = rig.setting.fields[2].field
    assert refused in caught.value.message
    assert "Archived" in caught.value.fix
    made = rig.portal.org.fields("companies")
    assert [one.field for one in rig.setting.fields if one.field not in made] == [refused]


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
    assert [(one.code, one.level) for one in told] == [("quota", "warning")]
    rig.portal.meter.used_today = 170
    connector.schema("deals")
    before = rig.calls()
    problems = connector.check([steps.accounts(rig)], ())
    assert "share" in problems[0].message
    assert rig.calls() == before
