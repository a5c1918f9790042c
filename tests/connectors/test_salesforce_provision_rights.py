"""What the permission sets grant and to whom, and what becomes of what Salesforce refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from crm_kare.errors import ConfigError, RetryError
from crm_kare.labels import LABELS
from crm_kare.model import Kind, OutcomeStatus
from crm_kare.ports import (
    Connector,
    Context,
    LabelField,
    ProvisionStep,
    RecordWrite,
    SourceField,
    StreamSpec,
    WriteRequest,
)
from crm_kare.sandbox.faults import Fault
from crm_kare.sandbox.salesforce import profiles, record_types
from crm_kare.testing import steps
from crm_kare_salesforce import connector as connect

HAND = "by hand"


class Rights(NamedTuple):
    """Object rights by object, and (read, edit) by field."""

    objects: dict[str, set[str]]
    fields: dict[str, tuple[int, int]]


@pytest.fixture
def org(salesforce: Any) -> Any:
    salesforce.org.settings.page_limit = 2000
    return salesforce


def labels(*names: str) -> tuple[LabelField, ...]:
    return tuple(LabelField(one, f"KARE_{one.name}__c") for one in LABELS if one.name in names)


def mapped(org: Any, user: str = "", specs: tuple[StreamSpec, ...] = (), **options: Any) -> Connector:
    """A connector that knows the mapping, logged in as that user, or as the integration user."""
    given = {
        "SALESFORCE_INSTANCE_URL": org.running.url,
        "SALESFORCE_ACCESS_TOKEN": org.org.log_in(user or org.org.integration_user),
    }
    secret = {name: SecretStr(value) for name, value in given.items()}
    chosen = specs or tuple(org.setting.specs.values())
    return connect(Context("org", secret, org.clock, Path(), Path(), options, specs=chosen))


def granted(org: Any, name: str) -> Rights:
    (found,) = org.org.records.select("PermissionSet", "Name = ?", (name,))
    mine = "ParentId = ?", (found["_id"],)
    objects = {
        one["SobjectType"]: {key.removeprefix("Permissions") for key, value in one.items() if value == 1}
        for one in org.org.records.select("ObjectPermissions", *mine)
    }
    fields = {
        one["Field"]: (one["PermissionsRead"], one["PermissionsEdit"])
        for one in org.org.records.select("FieldPermissions", *mine)
    }
    return Rights(objects, fields)


def done(made: list[ProvisionStep], action: str) -> dict[str, str]:
    return {one.what: one.detail for one in made if one.action == action}


def test_what_is_mapped_is_granted_for_reading_and_nothing_else(org: Any) -> None:
    mapped(org).provision("Account", labels("Profile"), dry_run=False)
    ours, theirs = granted(org, "KARE_Integration"), granted(org, "KARE_Reps")
    assert ours.objects == {
        "Account": {"Read", "Edit"},
        "Opportunity": {"Read"},
        "Contact": {"Read"},
        "Product2": {"Read"},
    }
    assert {name for name, right in ours.fields.items() if right[1]} == {"Account.KARE_Profile__c"}
    wanted = {"Account.Industry", "Account.Wallet__c", "Opportunity.Amount", "Product2.Family", "Contact.AccountId"}
    assert wanted < set(ours.fields)
    assert not {"Account.Rating", "Account.Name", "Opportunity.StageName", "User.Department"} & set(ours.fields)
    assert theirs == Rights({}, {"Account.KARE_Profile__c": (1, 0)})


def test_the_integration_set_alone_reads_what_is_mapped_and_writes_labels(org: Any) -> None:
    (account,) = org.seed("accounts", [{"name": "Alpha", "industry": "Banking", "wallet": "12"}])
    org.clock.advance(steps.DAY)
    admin = profiles.least_privilege(org.org)
    assign = {"KARE_Integration": [org.org.credentials.username]}
    mapped(org, admin, assign=assign).provision("Account", labels("Profile"), dry_run=False)
    connector = mapped(org)
    specs = list(org.setting.specs.values())
    assert [one for one in connector.check(specs, labels("Profile")) if one.level == "error"] == []
    pulled = steps.pull(connector, org.setting.specs["accounts"], None)
    assert pulled.rows[account]["industry"] == "Banking"
    write = RecordWrite(account, {"Profile": "Keep"}, {"Profile": None})
    (outcome,) = connector.write(WriteRequest("Account", labels("Profile"), (write,)))
    assert outcome.status is OutcomeStatus.CHANGED


def test_a_dry_run_tells_the_same_steps_and_a_second_run_none(org: Any) -> None:
    options: dict[str, Any] = {
        "assign": {"KARE_Reps": [org.org.credentials.username, "gone@x.example"]},
        "view_all": ["Opportunity"],
    }
    wanted = labels("Profile", "Override")
    told = mapped(org, **options).provision("Account", wanted, dry_run=True)
    assert mapped(org, **options).provision("Account", wanted, dry_run=False) == told
    again = mapped(org, **options).provision("Account", wanted, dry_run=False)
    assert {one.action for one in again} == {"none", HAND}
    assert list(done(again, HAND)) == ["assignment of KARE_Reps to gone@x.example"]


def test_view_all_and_modify_all_come_by_option_only(org: Any) -> None:
    options: dict[str, Any] = {"view_all": ["opportunity"], "modify_all": ["Account"]}
    made = mapped(org, **options).provision("Account", labels("Profile"), dry_run=False)
    objects = granted(org, "KARE_Integration").objects
    assert objects["Opportunity"] == {"Read", "ViewAllRecords"}
    assert objects["Account"] == {"Read", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords"}
    assert "delete" in done(made, "grant")["KARE_Integration: Account"]


def test_sets_are_assigned_to_whom_the_mapping_names(org: Any) -> None:
    records = org.org.records
    told = {
        "LastName": "Rep",
        "Email": "rep@x.example",
        "ProfileId": org.org.user(org.org.integration_user)["ProfileId"],
    }
    rep = records.insert("User", {**told, "Username": "Rep@x.example", "IsActive": 1}, "")
    records.insert("User", {**told, "Username": "left@x.example", "IsActive": 0}, "")
    assign = {"KARE_Reps": ["rep@x.example", "left@x.example", "nobody@x.example"]}
    made = mapped(org, assign=assign).provision("Account", labels("Profile"), dry_run=False)
    (reps,) = records.select("PermissionSet", "Name = 'KARE_Reps'")
    held = records.select("PermissionSetAssignment", "PermissionSetId = ?", (reps["_id"],))
    assert [one["AssigneeId"] for one in held] == [rep]
    left = done(made, HAND)
    assert "not active" in left["assignment of KARE_Reps to left@x.example"]
    assert "no user" in left["assignment of KARE_Reps to nobody@x.example"]


@pytest.mark.parametrize(
    "options",
    [
        {"assign": ["a@x.example"]},
        {"assign": {"Others": []}},
        {"assign": {"KARE_Reps": "a@x.example"}},
        {"view_all": "Account"},
    ],
)
def test_an_option_of_another_form_is_refused_before_any_call(org: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        mapped(org, **options)


def test_one_refused_grant_does_not_lose_the_others(org: Any) -> None:
    odd = StreamSpec(
        "accounts",
        "Account",
        (SourceField("account_id", "Id", Kind.TEXT), SourceField("industry", "Nope__c", Kind.TEXT),
         SourceField("country", "Hidden__r.Name", Kind.TEXT), SourceField("domain", "Website", Kind.TEXT)),
    )  # fmt: skip
    made = mapped(org, specs=(odd,)).provision("Account", labels("Profile"), dry_run=False)
    assert set(done(made, HAND)) == {
        "KARE_Integration: Account.Nope__c",
        "KARE_Integration: Account.Hidden__c",
        "KARE_Integration: Account.Hidden__r.Name",
    }
    assert {"Account.Website", "Account.KARE_Profile__c"} <= set(granted(org, "KARE_Integration").fields)


def test_fields_are_made_where_the_sets_may_not_be(org: Any) -> None:
    for one in org.org.records.select("PermissionSet", "PermissionsManageProfilesPermissionsets = 1"):
        told = {"PermissionsManageProfilesPermissionsets": 0, "PermissionsModifyAllData": 0}
        org.org.records.update("PermissionSet", one["_id"], told, "")
    made = mapped(org).provision("Account", labels("Profile"), dry_run=False)
    assert "Account.KARE_Profile__c" in done(made, "create")
    assert set(done(made, HAND)) == {"permission set KARE_Integration", "permission set KARE_Reps"}


def test_what_stopped_half_way_converges(org: Any) -> None:
    wanted = labels("Profile", "Reason", "Target")
    org.running.faults.order(Fault("*/tooling/sobjects/CustomField", "POST", status=500, skip=1, after=True))
    with pytest.raises(RetryError):
        mapped(org).provision("Account", wanted, dry_run=False)
    org.running.faults.clear()
    mapped(org).provision("Account", wanted, dry_run=False)
    again = mapped(org).provision("Account", wanted, dry_run=False)
    assert {one.action for one in again} == {"none"}
    assert {f"Account.{one.field}" for one in wanted} <= set(granted(org, "KARE_Reps").fields)


def test_a_name_that_is_taken_unseen_is_left_to_a_person(org: Any) -> None:
    body = json.dumps(
        [{"errorCode": "DUPLICATE_DEVELOPER_NAME", "message": "There is already a field named KARE_Profile."}]
    )
    org.running.faults.order(Fault("*/tooling/sobjects/CustomField", "POST", status=400, body=body))
    made = mapped(org).provision("Account", labels("Profile", "Reason"), dry_run=False)
    assert list(done(made, HAND)) == ["Account.KARE_Profile__c"]
    assert "Deleted Fields" in done(made, HAND)["Account.KARE_Profile__c"]
    assert "Account.KARE_Reason__c" in granted(org, "KARE_Integration").fields


def test_a_field_that_seems_to_be_ours_renamed_is_not_made_again(org: Any) -> None:
    renamed = tuple(LabelField(one.label, "Sales_Class__c") for one in labels("Profile"))
    mapped(org).provision("Account", renamed, dry_run=False)
    made = mapped(org).provision("Account", labels("Profile"), dry_run=False)
    assert "labels.fields: {Profile: Sales_Class__c}" in done(made, HAND)["Account.KARE_Profile__c"]
    assert "KARE_Profile__c" not in org.org.records.fields("Account")


def test_another_prefix_is_another_projects_field(org: Any) -> None:
    other = tuple(LabelField(one.label, f"ACME_{one.label.name}__c") for one in labels("Profile"))
    mapped(org).provision("Account", other, dry_run=False)
    made = mapped(org).provision("Account", labels("Profile"), dry_run=False)
    assert "Account.KARE_Profile__c" in done(made, "create")


def custom_field(org: Any) -> dict[str, Any]:
    (found,) = org.org.records.select("CustomField", "DeveloperName = 'KARE_Profile'")
    return dict(found)


def test_a_changed_definition_keeps_what_is_the_orgs_own(org: Any) -> None:
    (wanted,) = labels("Profile")
    mapped(org).provision("Account", (wanted,), dry_run=False)
    held = custom_field(org)
    told = json.loads(held["Metadata"]) | {"description": "Ours since 2024", "trackHistory": True}
    values = told["valueSet"]["valueSetDefinition"]["value"]
    values += [{"valueName": "Dormant", "label": "Dormant"}, {"valueName": "Old", "label": "Old", "isActive": False}]
    client = mapped(org)._client  # type: ignore[attr-defined]  # as an admin edits the field
    client.patch(f"tooling/sobjects/CustomField/{held['_id']}", {"Metadata": told})
    newer = replace(wanted.label, help="Said better.", values=(*wanted.label.values, "Park"))
    made = mapped(org).provision("Account", (replace(wanted, label=newer),), dry_run=False)
    assert done(made, "change")["Account.KARE_Profile__c"] == (
        "help text; values missing: Park; keeps the org's own values: Dormant"
    )
    after = json.loads(custom_field(org)["Metadata"])
    assert (after["description"], after["trackHistory"], after["inlineHelpText"]) == (
        "Ours since 2024",
        True,
        "Said better.",
    )
    options = {one.value: one.active for one in org.org.records.fields("Account")["KARE_Profile__c"].options}
    assert options == {**dict.fromkeys([*newer.values, "Dormant"], True), "Old": False}


def test_record_types_let_the_values_of_new_picklists_through(org: Any) -> None:
    org.org.settings.new_picklists_closed = True
    (account, *_) = steps.seeded(org, 1)
    (direct,) = org.org.records.select("RecordType", "Name = 'Direct'")
    org.org.records.update("Account", account, {"RecordTypeId": direct["_id"]}, "")
    made = mapped(org).provision("Account", labels("Profile"), dry_run=False)
    assert {"record type Direct", "record type Partner"} <= set(done(made, "change"))
    write = RecordWrite(account, {"Profile": "Keep"}, {"Profile": None})
    (outcome,) = mapped(org).write(WriteRequest("Account", labels("Profile"), (write,)))
    assert outcome.status is OutcomeStatus.CHANGED


def test_a_record_type_that_leaves_values_out_is_found_and_widened(org: Any) -> None:
    wanted = labels("Profile")
    mapped(org).provision("Account", wanted, dry_run=False)
    record_types.narrow(org.org, "Direct", "KARE_Profile__c", {"Keep"})
    specs = [org.setting.specs["accounts"]]
    (problem,) = [one for one in mapped(org).check(specs, wanted) if one.code == "record-type-values"]
    assert "Direct" in problem.message
    assert list(done(mapped(org).provision("Account", wanted, dry_run=False), "change")) == ["record type Direct"]
    assert "record-type-values" not in {one.code for one in mapped(org).check(specs, wanted)}


def test_a_record_type_that_cannot_be_widened_is_left_to_a_person(org: Any) -> None:
    wanted = labels("Profile")
    mapped(org).provision("Account", wanted, dry_run=False)
    record_types.narrow(org.org, "Direct", "KARE_Profile__c", {"Keep"})
    body = json.dumps([{"errorCode": "FIELD_INTEGRITY_EXCEPTION", "message": "no"}])
    org.running.faults.order(Fault("*/tooling/sobjects/RecordType/*", "PATCH", status=400, body=body))
    left = done(mapped(org).provision("Account", wanted, dry_run=False), HAND)
    assert "add the values of KARE_Profile__c" in left["record type Direct"]


def test_deprovision_counts_what_would_be_lost(org: Any) -> None:
    wanted = labels("Profile", "Reasons", "Target")
    mapped(org).provision("Account", wanted, dry_run=False)
    (first, second, _) = steps.seeded(org, 3)
    org.org.records.update("Account", first, {"KARE_Profile__c": "Keep", "KARE_Target__c": 1}, "")
    org.org.records.update("Account", second, {"KARE_Profile__c": "Expand"}, "")
    told = mapped(org).deprovision("Account", wanted, dry_run=True)
    lost = done(told, "delete")
    assert lost["Account.KARE_Profile__c"].endswith("its 2 values")
    assert lost["Account.KARE_Target__c"].endswith("its 1 value")
    assert "cannot be counted" in lost["Account.KARE_Reasons__c"]
    assert lost["permission set KARE_Integration"] == "with its 1 assignment"
    assert "15 days" in done(told, HAND)["deleted fields of Account"]
    assert mapped(org).deprovision("Account", wanted, dry_run=False) == told
    assert mapped(org).deprovision("Account", wanted, dry_run=False) == []


def test_a_field_in_use_does_not_keep_the_others(org: Any) -> None:
    wanted = labels("Profile", "Reason")
    mapped(org).provision("Account", wanted, dry_run=False)
    body = json.dumps([{"errorCode": "DEPENDENCY_EXISTS", "message": "This field is used in a flow."}])
    org.running.faults.order(Fault("*/tooling/sobjects/CustomField/*", "DELETE", status=400, body=body))
    made = mapped(org).deprovision("Account", wanted, dry_run=False)
    assert "used in a flow" in done(made, HAND)["Account.KARE_Profile__c"]
    assert [name for name in org.org.records.fields("Account") if name.startswith("KARE_")] == ["KARE_Profile__c"]
