"""Custom fields, permission sets, and what `check` and `schema` make of them."""

from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

import pytest

from crm_kare.errors import AccessError, ConfigError
from crm_kare.labels import LABELS, Editor
from crm_kare.model import Kind
from crm_kare.ports import LabelField, ProvisionStep, SourceField, StreamSpec
from crm_kare.sandbox.faults import Fault
from crm_kare.testing import steps
from crm_kare_salesforce.connector import SalesforceConnector
from crm_kare_salesforce.provision import metadata

FEW = frozenset({"Profile", "Reason", "Reasons", "ICP_Score", "Changed_On", "Override", "Target"})


@pytest.fixture
def org(salesforce: Any) -> Any:
    return salesforce


def fields(*names: str) -> tuple[LabelField, ...]:
    chosen = frozenset(names) or FEW
    return tuple(LabelField(one, f"KARE_{one.name}__c") for one in LABELS if one.name in chosen)


def codes(org: Any, connector: Any, *labels: LabelField) -> list[str]:
    return [one.code for one in connector.check([org.setting.specs["accounts"]], labels) if one.level == "error"]


def test_names_follow_the_prefix(org: Any) -> None:
    connector = org.connector()
    named = {one.name: connector.field_name(one, "ACME_") for one in LABELS}
    assert (named["Profile"], named["ICP_Score"]) == ("ACME_Profile__c", "ICP_Score__c")


@pytest.mark.parametrize("label", LABELS, ids=lambda one: one.name)
def test_metadata_keeps_to_salesforces_limits(label: Any) -> None:
    told = metadata(label)
    assert len(told["label"]) <= 40
    assert len(told["inlineHelpText"]) <= 510
    if told["type"] == "Picklist":
        assert told["valueSet"]["restricted"]
        assert [one["valueName"] for one in told["valueSet"]["valueSetDefinition"]["value"]] == list(label.values)
    assert told["type"] != "LongTextArea" or (256 <= told["length"] <= 131_072 and told["visibleLines"] >= 2)


def test_every_label_can_be_made_and_is_right_at_once(org: Any) -> None:
    connector = org.connector()
    made = connector.provision("Account", org.setting.fields, dry_run=False)
    assert len([one for one in made if one.action == "create"]) == len(org.setting.fields) + 2
    infos = {one.name: one for one in connector.schema("Account")}
    profile = infos["KARE_Profile__c"]
    assert (profile.values, profile.kind, profile.custom) == (
        ("Keep", "Attain", "Recapture", "Expand"),
        Kind.TEXT,
        True,
    )
    assert infos["KARE_Reasons__c"].length == 32_768
    editable = {one.field for one in org.setting.fields if infos[one.field].updateable}
    assert editable == {one.field for one in org.setting.fields if one.label.editor is Editor.OURS}


def test_a_dry_run_sends_no_write(org: Any) -> None:
    org.connector().provision("Account", fields(), dry_run=True)
    org.connector().deprovision("Account", fields(), dry_run=True)
    assert {one.method for one in org.running.faults.calls("/services/data/*")} == {"GET"}


def rights(org: Any, set_name: str) -> dict[str, tuple[int, int]]:
    (found,) = org.org.records.select("PermissionSet", "Name = ?", (set_name,))
    granted = org.org.records.select("FieldPermissions", "ParentId = ?", (found["_id"],))
    return {one["Field"]: (one["PermissionsRead"], one["PermissionsEdit"]) for one in granted}


def test_the_sets_grant_what_each_of_them_needs_and_no_more(org: Any) -> None:
    org.connector().provision("Account", fields("Profile", "Override"), dry_run=False)
    ours, people = "Account.KARE_Profile__c", "Account.KARE_Override__c"
    assert rights(org, "KARE_Integration") == {ours: (1, 1), people: (1, 0)}
    assert rights(org, "KARE_Reps") == {ours: (1, 0), people: (1, 1)}


def step(made: list[ProvisionStep], what: str) -> ProvisionStep:
    (found,) = [one for one in made if one.what == what]
    return found


def test_what_an_admin_changed_is_brought_back_and_nothing_is_lost(org: Any) -> None:
    connector, wanted = org.connector(), fields("Profile", "Reason")
    connector.provision("Account", wanted, dry_run=False)
    records = org.org.records
    profile = records.fields("Account")["KARE_Profile__c"]
    kept = profile.options[0]
    theirs = type(kept)("Dormant", "Dormant")
    records.change_field("Account", replace(profile, options=(kept, theirs), restricted=False, help="old"))
    assert codes(org, org.connector(), *wanted) == ["picklist-values"]
    changed = step(org.connector().provision("Account", wanted, dry_run=False), "Account.KARE_Profile__c")
    assert changed.action == "change"
    assert "values missing: Attain, Recapture, Expand" in changed.detail
    after = records.fields("Account")["KARE_Profile__c"]
    assert [one.value for one in after.options] == ["Keep", "Attain", "Recapture", "Expand", "Dormant"]
    assert after.restricted
    again = org.connector().provision("Account", wanted, dry_run=False)
    assert {one.action for one in again} == {"none"}


def test_a_field_that_exists_unseen_is_granted_and_not_made_again(org: Any) -> None:
    connector, wanted = org.connector(), fields("Profile")
    connector.provision("Account", wanted, dry_run=False)
    for one in org.org.records.select("FieldPermissions", "Field = 'Account.KARE_Profile__c'"):
        org.org.records.purge("FieldPermissions", one["_id"])
    assert codes(org, org.connector(), *wanted) == ["label-missing"]
    made = [one.action for one in org.connector().provision("Account", wanted, dry_run=False)]
    assert "create" not in made
    assert "grant" in made
    assert codes(org, org.connector(), *wanted) == []


def test_a_field_of_our_name_with_another_type_is_refused_before_anything_is_made(org: Any) -> None:
    connector = org.connector()
    connector.provision("Account", fields("Changed_On"), dry_run=False)
    clash = tuple(LabelField(one.label, "KARE_Changed_On__c") for one in fields("Profile"))
    before = len(org.org.records.fields("Account"))
    with pytest.raises(ConfigError, match="KARE_Changed_On__c is Date, not Picklist"):
        connector.provision("Account", (*clash, *fields("Reason")), dry_run=False)
    assert len(org.org.records.fields("Account")) == before


def test_without_the_right_to_customise_it_is_an_access_error(org: Any) -> None:
    for one in org.org.records.select("PermissionSet", "IsOwnedByProfile = 1"):
        org.org.records.update("PermissionSet", one["_id"], {"PermissionsCustomizeApplication": 0}, "")
    with pytest.raises(AccessError):
        org.connector().provision("Account", fields("Profile"), dry_run=False)


def test_deprovision_leaves_nothing_behind(org: Any) -> None:
    connector = org.connector()
    connector.provision("Account", fields(), dry_run=False)
    connector.deprovision("Account", fields(), dry_run=False)
    assert not [name for name in org.org.records.fields("Account") if name.startswith("KARE_")]
    assert not org.org.records.select("PermissionSet", "Name LIKE 'KARE%'")
    assert not org.org.records.select("FieldPermissions", "Field LIKE '%KARE%'")


def test_check_tells_each_label_that_cannot_be_written(org: Any) -> None:
    connector = org.connector()
    wanted = fields("Profile", "Reason", "Override")
    connector.provision("Account", wanted, dry_run=False)
    (granted,) = [
        one
        for one in org.org.records.select("FieldPermissions", "Field = 'Account.KARE_Reason__c'")
        if one["PermissionsEdit"]
    ]
    org.org.records.update("FieldPermissions", granted["_id"], {"PermissionsEdit": 0}, "")
    found = org.connector().check([org.setting.specs["accounts"]], wanted)
    (problem,) = [one for one in found if one.level == "error"]
    assert (problem.code, problem.where) == ("label-read-only", "Account.KARE_Reason__c")
    assert "KARE_Integration" in problem.fix


def test_check_names_an_object_that_is_not_there(org: Any) -> None:
    odd = StreamSpec("purchases", "Invoice__c", (SourceField("purchase_id", "Id", Kind.TEXT),))
    (problem,) = [one for one in org.connector().check([odd], []) if one.level == "error"]
    assert (problem.code, problem.where) == ("object-missing", "stream purchases")


def test_check_tells_of_a_used_up_allowance(org: Any) -> None:
    org.org.settings.daily_limit = 10
    connector = org.connector()
    for _ in range(4):
        connector.organisation()
    found = org.connector().check([org.setting.specs["opportunities"]], [])
    assert "quota-low" in {one.code for one in found}


def test_check_does_without_the_limits_where_the_user_may_not_see_them(org: Any) -> None:
    refused = '[{"message": "no", "errorCode": "INSUFFICIENT_ACCESS"}]'
    org.running.faults.order(Fault("*/limits", status=403, body=refused))
    assert codes(org, org.connector()) == []


@pytest.mark.parametrize("body", ["[]", "{}", '{"DailyApiRequests": {"Max": "x"}}', "<html>"])
def test_check_takes_odd_limits_for_a_problem(org: Any, body: str) -> None:
    org.running.faults.order(Fault("*/limits", status=200, body=body, times=0))
    assert [one.level for one in org.connector().check([], [])] == ["error"]


def test_check_names_a_label_field_of_another_type(org: Any) -> None:
    connector = org.connector()
    connector.provision("Account", fields("Changed_On"), dry_run=False)
    clash = [LabelField(one.label, "KARE_Changed_On__c") for one in fields("Profile")]
    assert codes(org, org.connector(), *clash) == ["label-type"]


def test_a_given_token_is_assigned_the_set_by_the_identity_that_the_api_tells(org: Any) -> None:
    token = org.org.log_in(org.org.integration_user)
    given = {"SALESFORCE_INSTANCE_URL": org.running.url, "SALESFORCE_ACCESS_TOKEN": token}
    made = org.connected(given).provision("Account", fields("Profile"), dry_run=False)
    assert step(made, "assignment of KARE_Integration").action == "grant"


def test_check_stays_a_list_when_the_org_is_down(org: Any) -> None:
    org.running.faults.order(Fault("/services/data/*", status=503, times=0))
    found = org.connector().check(list(org.setting.specs.values()), org.setting.fields)
    assert [one.code for one in found] == ["server"]


def test_fill_rates_are_shares_of_all_records(org: Any) -> None:
    steps.seeded(org, 4)
    (key, *_) = org.records("accounts")
    org.edit("accounts", key, {"industry": None})
    infos = {one.name: one for one in org.connector().schema("Account", fill_rates=True)}
    assert infos["Industry"].filled == 0.75
    assert infos["Name"].filled == 1.0
    assert infos["Description"].filled is None


def test_the_connector_is_named_by_its_entry_point_however_often_it_is_loaded(org: Any) -> None:
    (found,) = entry_points(group="crm_kare.connectors", name="salesforce")
    assert callable(found.load())
    assert isinstance(org.connector(), SalesforceConnector)
    assert callable(found.load())
