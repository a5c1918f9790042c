"""What `doctor` finds in a portal: scopes, properties, stages, deals that count for nobody, room, quota."""

import json
from dataclasses import replace
from typing import Any

import pytest

from crm_kare.errors import AccessError
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.hubspot.pipelines import Stage
from crm_kare.testing import steps
from crm_kare_hubspot.scopes import areas

pytestmark = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)


def check(rig: Any, *streams: str, **options: Any) -> dict[str, Any]:
    """What is found with these streams mapped, by code."""
    specs = [rig.setting.specs[name] for name in streams or ("accounts",)]
    return {one.code: one for one in rig.connector(**options).check(specs, rig.setting.fields)}


def without(rig: Any, *scopes: str) -> None:
    """The admin takes scopes from the login."""
    rig.portal.settings = replace(rig.portal.settings, scopes=rig.portal.settings.scopes - set(scopes))


def test_every_missing_scope_is_named_at_once_with_where_to_tick_it(rig: Any) -> None:
    connector = steps.ready(rig)
    gone = {
        "crm.objects.deals.read",
        "crm.objects.owners.read",
        "crm.objects.companies.write",
        "crm.objects.line_items.read",
    }
    without(rig, *gone)
    told = connector.check(list(rig.setting.specs.values()), rig.setting.fields)
    (lacking,) = [one for one in told if one.level == "error"]
    assert [scope for scope in gone if scope not in lacking.fix] == []
    assert "4 scopes" in lacking.message
    assert "write companies" in lacking.message
    assert all(place in lacking.fix for place in ("Service Keys", "Private Apps", "installed again"))


def test_a_pull_that_lacks_scopes_names_them_all_not_the_first_alone(rig: Any) -> None:
    steps.ready(rig)
    gone = {"crm.objects.deals.read", "crm.objects.companies.read"}
    without(rig, *gone)
    with pytest.raises(AccessError, match="2 scopes") as caught:
        list(rig.connector().pull(rig.setting.specs["opportunities"], None))
    assert [scope for scope in gone if scope not in caught.value.fix] == []


def test_only_the_scopes_that_the_mapping_needs_are_asked_for(rig: Any) -> None:
    steps.ready(rig)
    rig.portal.settings = replace(
        rig.portal.settings, scopes=frozenset({"oauth", "crm.objects.companies.read", "crm.objects.companies.write"})
    )
    assert check(rig) == {}
    assert "crm.objects.deals.read" in check(rig, "accounts", "opportunities")["access"].fix


def test_the_scopes_of_a_mapping_are_told_without_a_call(rig: Any) -> None:
    connector = rig.connector()
    specs = [rig.setting.specs[name] for name in ("accounts", "opportunities", "line_items", "owners")]
    found = areas(connector._client, specs, "", writes=True)
    assert {one.scope for one in found} == {
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.objects.deals.read",
        "crm.objects.line_items.read",
        "crm.objects.owners.read",
    }
    assert connector.calls().read == 0


def test_a_login_that_fails_tells_what_the_next_one_has_to_be_allowed(rig: Any) -> None:
    specs = [rig.setting.specs[name] for name in ("accounts", "opportunities")]
    told = {one.code: one for one in rig.stranger().check(specs, rig.setting.fields)}
    assert told["access"].level == "error"
    needed = told["scopes-needed"]
    assert needed.level == "info"
    wanted = ("companies.read", "companies.write", "deals.read")
    assert all(f"crm.objects.{name}" in needed.message for name in wanted)
    assert "crm.schemas.companies.write" in needed.message
    assert "contacts" not in needed.message


def test_looking_for_the_right_to_write_writes_nothing(rig: Any) -> None:
    connector = steps.ready(rig)
    (account,) = steps.seeded(rig, 1)
    before = rig.records("accounts")[account]
    connector.check(list(rig.setting.specs.values()), rig.setting.fields)
    assert rig.records("accounts")[account] == before


def test_a_batch_of_nothing_may_be_refused_as_such(rig: Any) -> None:
    steps.ready(rig)
    body = '{"status":"error","message":"inputs must not be empty","category":"VALIDATION_ERROR"}'
    rig.running.faults.order(Fault("*/batch/update", "POST", status=400, body=body))
    assert check(rig) == {}


def test_the_scope_for_properties_is_asked_for_while_there_is_something_to_provision(rig: Any) -> None:
    without(rig, "crm.schemas.companies.write")
    without(rig, "crm.objects.deals.read")
    lacking = check(rig, "accounts", "opportunities")["access"]
    assert "2 scopes" in lacking.message
    assert all(scope in lacking.fix for scope in ("crm.schemas.companies.write", "crm.objects.deals.read"))
    without(rig, "crm.schemas.companies.read")
    rig.portal.settings = replace(
        rig.portal.settings, scopes=rig.portal.settings.scopes | {"crm.schemas.companies.write"}
    )
    steps.ready(rig)
    without(rig, "crm.schemas.companies.write")
    assert check(rig) == {}


def test_options_that_are_missing_are_told(rig: Any) -> None:
    steps.ready(rig)
    profile = rig.portal.org.fields("companies")["kare_profile"].extra["property"]
    rig.portal.org.change_field("companies", replace(profile, options=profile.options[1:]).as_field())
    told = check(rig)
    assert set(told) == {"label-options"}
    assert "Keep" in told["label-options"].message
    assert told["label-options"].fix == "Run `crm-kare provision portal`."


def test_a_type_that_does_not_fit_is_told_with_another_way_than_provision(rig: Any) -> None:
    steps.ready(rig)
    score = rig.portal.org.fields("companies")["icp_score"].extra["property"]
    rig.portal.org.change_field("companies", replace(score, type="string", field_type="text").as_field())
    told = check(rig)
    assert set(told) == {"label-type"}
    assert "icp_score" in told["label-type"].message
    assert "prefix" in told["label-type"].fix


def test_archived_properties_are_told_as_such(rig: Any) -> None:
    connector = steps.ready(rig)
    connector.deprovision("companies", rig.setting.fields[:1], dry_run=False)
    archived = check(rig)["label-missing"]
    assert "archived" in archived.message
    wallet = rig.portal.org.fields("companies")["annual_wallet"].extra["property"]
    rig.portal.org.drop_field("companies", "annual_wallet")
    rig.portal.archived["companies"]["annual_wallet"] = replace(wallet, archived=True)
    gone = check(rig)["field-missing"]
    assert "annual_wallet is archived" in gone.message
    assert "Archived" in gone.fix


def test_definitions_are_asked_for_afresh(rig: Any) -> None:
    connector = rig.connector()
    specs = [steps.accounts(rig)]
    before = connector.check(specs, rig.setting.fields)
    steps.ready(rig)
    after = connector.check(specs, rig.setting.fields)
    assert [one.code for one in before if one.code == "label-missing"]
    assert [one.code for one in after if one.code == "label-missing"] == []


def test_what_enrols_on_our_properties_cannot_be_seen_and_that_is_said_before_the_first_run(rig: Any) -> None:
    told = check(rig)["automation-unseen"]
    assert told.level == "info"
    assert "Workflows" in told.fix
    steps.ready(rig)
    assert "automation-unseen" not in check(rig)


def test_a_portal_without_room_for_our_properties_is_told(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, most_properties=10)
    assert "of 10" in check(rig)["property-limit"].message


def test_a_portal_that_does_not_tell_its_room_passes(rig: Any) -> None:
    rig.running.faults.order(Fault("*/limits/custom-properties", status=404, body="{}", times=0))
    assert "property-limit" not in check(rig)


def test_stages_that_tell_nothing_are_named(rig: Any) -> None:
    steps.ready(rig)
    first = rig.portal.pipelines[0]
    silent = replace(first, stages=(*first.stages, Stage("limbo", "Limbo", "", closed=False)))
    body = {
        "results": [
            {"id": silent.id, "label": silent.label, "stages": [{"id": "limbo", "label": "Limbo", "metadata": {}}]}
        ]
    }
    rig.running.faults.order(Fault("/crm/v3/pipelines/deals", status=200, body=json.dumps(body), times=0))
    assert "Limbo" in check(rig, "accounts", "opportunities")["stage-unknown"].message


def test_deals_that_count_for_nobody_are_counted(rig: Any) -> None:
    steps.ready(rig)
    (account,) = steps.seeded(rig, 1)
    deal = {"stage": "closedwon", "closed_on": "2026-10-01T10:00:00Z", "amount": "5"}
    assert "deals-without-company" not in check(rig, "accounts", "opportunities")
    rig.seed("opportunities", [deal, {**deal, "account_id": account}])
    told = check(rig, "accounts", "opportunities")["deals-without-company"]
    assert (told.level, told.message[:2]) == ("info", "1 ")
