"""What `check` tells of an org beside its fields: automation, sharing, currencies, person accounts, silent changes."""

from dataclasses import replace
from typing import Any

import pytest

from crm_kare.model import Kind, Problem
from crm_kare.ports import SourceField, StreamSpec
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.salesforce import automation, money, persons, profiles
from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.testing import steps


@pytest.fixture
def org(salesforce: Any) -> Any:
    salesforce.org.settings.page_limit = 2000
    return salesforce


def found(org: Any, *streams: str, connector: Any = None) -> dict[str, Problem]:
    """Problems by code; of several with one code the last."""
    specs = [org.setting.specs[name] for name in streams or ("accounts",)]
    return {one.code: one for one in (connector or org.connector()).check(specs, [])}


def test_automation_that_writes_set_off_is_listed_by_kind(org: Any) -> None:
    automation.add_flow(org.org, "Route_Account", "Account", trigger="RecordAfterSave", saved="Update", namespace="pkg")
    automation.add_flow(org.org, "Only_New", "Account", saved="Create")
    automation.add_flow(org.org, "Only_Gone", "Account", trigger="RecordBeforeDelete", saved="Delete")
    automation.add_flow(org.org, "Of_Contacts", "Contact", trigger="RecordAfterSave", saved="Update")
    automation.add_flow(org.org, "Old_Process", process="Workflow", trigger=None, saved=None)
    automation.add_trigger(org.org, "OnInsert", "Account", "AfterInsert")
    automation.add_workflow_rule(org.org, "Mail the owner", "Account")
    told = found(org)
    assert "2 active record-triggered flows" in told["automation-flows"].message
    assert "Account_Set_Defaults, pkg__Route_Account." in told["automation-flows"].message
    assert told["automation-processes"].message.startswith("1 active Process Builder process would")
    assert told["automation-triggers"].message.endswith(": AccountTrigger.")
    assert told["automation-validations"].message.endswith(": Renewal_Is_Not_Ancient.")
    assert told["automation-workflows"].message.endswith(": Mail the owner.")
    assert {one.level for code, one in told.items() if code.startswith("automation")} == {"warning"}
    assert all("--limit 50" in one.fix for code, one in told.items() if code.startswith("automation"))


def test_a_flow_counts_by_its_active_version_though_a_newer_draft_is_there(org: Any) -> None:
    flow = automation.add_flow(org.org, "Redrafted", "Account", trigger="RecordAfterSave", saved="Update")
    org.org.records.update("FlowDefinitionView", flow, {"IsActive": 0}, "")
    assert "Redrafted" in found(org)["automation-flows"].message


def test_many_names_are_cut_to_the_first_ten(org: Any) -> None:
    for number in range(12):
        automation.add_trigger(org.org, f"T{number:02}", "Account", "BeforeUpdate")
    assert found(org)["automation-triggers"].message.endswith("T08 and 3 more.")


def least(org: Any, *, edit: bool = True) -> None:
    """The integration user keeps reading (and editing) accounts and opportunities, and nothing beside."""
    rights = ("Read", "Edit") if edit else ("Read",)
    fields = {
        name: [one for one in told if one in {field.source for field in org.setting.specs[stream].fields}]
        for name, stream in (("Account", "accounts"), ("Opportunity", "opportunities"))
        for told in ([field.name for field in org.org.fields(name).values()],)
    }
    shown = {
        name: [one for one in names if BY_NAME[name].permissionable(org.org.fields(name)[one.lower()])]
        for name, names in fields.items()
    }
    profiles.least_privilege(org.org, {"Account": rights, "Opportunity": ("Read",)}, shown)


def test_without_the_right_to_see_setup_that_is_told_and_nothing_fails(org: Any) -> None:
    least(org)
    told = found(org, "accounts", "opportunities")
    assert [one for one in told.values() if one.level == "error"] == []
    assert {"setup-unseen", "automation-unseen"} <= set(told)
    assert "Apex triggers" in told["automation-unseen"].message


def test_accounts_that_may_be_read_and_not_edited_are_counted(org: Any) -> None:
    accounts = steps.seeded(org, 5)
    org.org.sharing.lock("Account", accounts[:2])
    assert "records-read-only" not in found(org)
    least(org)
    problem = found(org)["records-read-only"]
    assert "Of 5 Account records looked at, this user may read but not edit 2" in problem.message
    assert (problem.level, "modify_all: [Account]" in problem.fix) == ("warning", True)
    org.org.sharing.lock("Account", accounts)
    assert found(org)["records-read-only"].level == "error"


def test_provision_names_the_access_to_records_that_is_left_to_share(org: Any) -> None:
    accounts = steps.seeded(org, 5)
    admin = profiles.least_privilege(org.org, {"Account": ("Read", "Edit")})
    for one in org.org.records.select("PermissionSetAssignment", "AssigneeId = ?", (admin,)):
        profiles.assign(org.org, one["PermissionSetId"], [org.org.integration_user])
    for one in org.org.records.select("PermissionSet", "PermissionsModifyAllData = 1"):
        org.org.records.update(
            "PermissionSet", one["_id"], {"PermissionsModifyAllData": 0, "PermissionsViewAllData": 0}, ""
        )
    org.org.sharing.lock("Account", accounts[:2])
    told = org.connector().provision("Account", org.setting.fields[:1], dry_run=True)
    assert org.connector().provision("Account", org.setting.fields[:1], dry_run=False) == told
    (left,) = [one for one in told if one.action == "by hand"]
    assert left.what == "access to records"
    assert "may read but not edit 2" in left.detail


def test_opportunities_that_are_hidden_are_said_with_their_number(org: Any) -> None:
    org.seed("opportunities", steps.stream_rows(org, "opportunities", 4))
    records = org.org.records
    mine, *_ = org.records("opportunities")
    records.update("Opportunity", mine, {"OwnerId": org.org.integration_user}, "")
    stranger = records.insert("User", {"LastName": "Rep", "IsActive": 1}, "")
    for one in set(org.records("opportunities")) - {mine}:
        records.update("Opportunity", one, {"OwnerId": stranger}, "")
    org.org.sharing.make_private("Opportunity")
    assert "records-hidden" not in found(org, "accounts", "opportunities")
    least(org)
    problem = found(org, "accounts", "opportunities")["records-hidden"]
    assert "This user sees 1 of about 4 Opportunity records" in problem.message
    assert "view_all: [Opportunity]" in problem.fix


def test_where_the_org_does_not_count_hidden_records_are_said_without_a_number(org: Any) -> None:
    org.org.sharing.make_private("Opportunity")
    least(org)
    refused = '[{"message": "no", "errorCode": "INSUFFICIENT_ACCESS"}]'
    org.running.faults.order(Fault("*/limits/recordCount*", status=403, body=refused, times=0))
    problem = found(org, "accounts", "opportunities")["sharing"]
    assert problem.level == "info"
    assert "org-wide default is private" in problem.message


def test_amounts_of_a_multi_currency_org_need_their_currency_mapped(org: Any) -> None:
    assert "currency-unmapped" not in found(org, "accounts", "opportunities")
    money.activate(org.org)
    problem = found(org, "opportunities")["currency-unmapped"]
    assert (problem.level, problem.where) == ("error", "stream opportunities")
    spec = org.setting.specs["opportunities"]
    right = replace(spec, fields=(*spec.fields, SourceField("currency", "CurrencyIsoCode", Kind.TEXT)))
    assert "currency-unmapped" not in {one.code for one in org.connector().check([right], [])}


def test_person_accounts_are_hinted_at_until_the_mapping_knows_them(org: Any) -> None:
    persons.activate(org.org)
    assert found(org)["person-accounts"].level == "info"
    spec = org.setting.specs["accounts"]
    known = replace(spec, fields=(*spec.fields, SourceField("is_person", "IsPersonAccount", Kind.BOOL)))
    assert "person-accounts" not in {one.code for one in org.connector().check([known], [])}


def test_values_that_change_without_the_stamp_are_named(org: Any) -> None:
    fields = org.org.records.fields("Account")
    org.org.records.change_field("Account", replace(fields["Sites__c"], extra={"calculated": True}))
    spec = org.setting.specs["accounts"]
    with_owner = replace(spec, fields=(*spec.fields, SourceField("owner", "Owner.Name", Kind.TEXT)))
    (problem,) = [one for one in org.connector().check([with_owner], []) if one.code == "field-computed"]
    assert "Sites__c (computed: formula or roll-up) and Owner.Name (of a related record)" in problem.message
    assert (problem.level, "--full" in problem.fix) == ("info", True)


def test_a_version_that_salesforce_retired_is_told_before_anything_is_asked(org: Any) -> None:
    told = found(org, connector=org.connector(api_version="30.0"))
    assert list(told) == ["api-version"]


def test_an_object_that_is_hidden_is_told_once(org: Any) -> None:
    profiles.least_privilege(org.org)
    specs = [StreamSpec("accounts", "Account", (SourceField("account_id", "Id", Kind.TEXT),))]
    errors = [one.code for one in org.connector().check(specs, org.setting.fields) if one.level == "error"]
    assert errors == ["object-missing"]
