"""Rights in the Salesforce org: objects, fields, records, permission sets and who has them."""

from typing import Any

import pytest

from crm_kare.sandbox.salesforce import profiles

pytestmark = pytest.mark.slow

READ = {"Account": ("Read",), "Opportunity": ("Read",)}
EDIT = {"Account": ("Read", "Edit")}


def _least(rig: Any, objects: Any = None, fields: Any = None) -> str:
    """Leave the integration user next to nothing; id of the admin."""
    return profiles.least_privilege(rig.org, objects, fields)


def _patch(rig: Any, account: str, **values: Any) -> Any:
    return rig.call("PATCH", f"/sobjects/Account/{account}", values)


def _patch_all(rig: Any, *accounts: str, **values: Any) -> Any:
    records = [{"attributes": {"type": "Account"}, "id": one, **values} for one in accounts]
    return rig.call("PATCH", "/composite/sobjects", {"allOrNone": False, "records": records}).body


def _accounts(rig: Any) -> list[str]:
    return [one["_id"] for one in rig.org.records.select("Account")]


def _found(rig: Any, account: str) -> Any:
    return rig.query(f"SELECT Id FROM Account WHERE Id = '{account}'")  # noqa: S608  SOQL


def _permission_set(rig: Any, name: str = "KARE") -> str:
    return str(rig.call("POST", "/sobjects/PermissionSet", {"Name": name, "Label": name}).body["id"])


# objects


def test_an_object_without_read_is_not_there(salesforce: Any) -> None:
    _least(salesforce, READ)
    assert salesforce.refused("SELECT Id FROM Contact")["errorCode"] == "INVALID_TYPE"
    for path in ("/sobjects/Contact/describe", "/sobjects/Contact/003000000000001", "/sobjects/OrderItem/describe"):
        assert salesforce.call("GET", path).status == 404
    names = [one["name"] for one in salesforce.call("GET", "/sobjects").body["sobjects"]]
    assert "Contact" not in names
    assert {"Account", "Opportunity", "OpportunityLineItem", "AccountHistory", "User"} <= set(names)
    whole = _records_refused(salesforce, "Contact")
    assert (whole.status, whole.body[0]["errorCode"]) == (400, "INVALID_TYPE")


def _records_refused(rig: Any, name: str) -> Any:
    return rig.call("PATCH", "/composite/sobjects", {"records": [{"attributes": {"type": name}, "id": "003"}]})


def test_relationships_do_not_lead_to_an_object_without_read(salesforce: Any) -> None:
    _least(salesforce, {"Opportunity": ("Read",)}, {"Opportunity": ("AccountId",)})
    assert salesforce.query("SELECT AccountId FROM Opportunity LIMIT 1")
    assert salesforce.refused("SELECT Account.Name FROM Opportunity")["errorCode"] == "INVALID_FIELD"


def test_without_edit_on_the_object_each_record_is_refused(salesforce: Any) -> None:
    _least(salesforce, READ, {"Account": ("Rating",)})
    told = salesforce.call("GET", "/sobjects/Account/describe").body
    assert (told["updateable"], told["queryable"]) == (False, True)
    assert not any(one["updateable"] for one in told["fields"])
    account = salesforce.account()
    single = _patch(salesforce, account, Name="New")
    assert (single.status, single.body[0]["errorCode"]) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    assert single.body[0]["message"] == "entity type cannot be updated: Account"
    several = _patch_all(salesforce, account, Name="New")
    assert several[0]["errors"][0]["statusCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    made = salesforce.call("POST", "/sobjects/Account", {"Name": "New"})
    assert made.body[0]["message"] == "entity type cannot be inserted: Account"
    gone = salesforce.call("DELETE", f"/sobjects/Account/{account}")
    assert (gone.status, gone.body[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")


def test_rights_on_objects_need_those_below_them(salesforce: Any) -> None:
    told = {"ParentId": _permission_set(salesforce), "SobjectType": "Account"}
    path = "/sobjects/ObjectPermissions"
    blind = salesforce.call("POST", path, told | {"PermissionsEdit": True})
    assert blind.body[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    assert blind.body[0]["message"] == "Permission Edit Account depends on permission(s): Read Account"
    rights = dict.fromkeys(("PermissionsRead", "PermissionsModifyAllRecords"), True)
    assert "Edit Account, Delete Account" in salesforce.call("POST", path, told | rights).body[0]["message"]
    child = salesforce.call("POST", path, told | {"SobjectType": "OpportunityLineItem", "PermissionsRead": True})
    assert child.body[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_what_hangs_on_accounts_is_not_read_without_them(salesforce: Any) -> None:
    told = {"ParentId": _permission_set(salesforce), "SobjectType": "Opportunity", "PermissionsRead": True}
    early = salesforce.call("POST", "/sobjects/ObjectPermissions", told)
    assert early.body[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    assert early.body[0]["message"] == "Permission Read Opportunity depends on permission(s): Read Account"
    for name in ("Account", "Opportunity"):
        assert salesforce.call("POST", "/sobjects/ObjectPermissions", told | {"SobjectType": name}).status == 201


def test_permissions_that_give_nothing_any_more_are_deleted(salesforce: Any) -> None:
    told = {"ParentId": _permission_set(salesforce), "SobjectType": "Account", "PermissionsRead": True}
    made = salesforce.call("POST", "/sobjects/ObjectPermissions", told).body["id"]
    path = f"/sobjects/ObjectPermissions/{made}"
    assert salesforce.call("PATCH", path, {"PermissionsRead": False}).status == 204
    assert salesforce.call("GET", path).status == 404


# fields


def test_fields_are_seen_where_they_are_granted(salesforce: Any) -> None:
    _least(salesforce, READ, {"Account": ("Industry",)})
    names = {one["name"] for one in salesforce.call("GET", "/sobjects/Account/describe").body["fields"]}
    assert {"Id", "Name", "OwnerId", "SystemModstamp", "Industry", "RecordTypeId"} <= names
    assert not {"Type", "Wallet__c", "ParentId"} & names
    assert "No such column 'Type' on entity 'Account'" in salesforce.refused("SELECT Type FROM Account")["message"]


def test_only_permissionable_fields_can_be_granted(salesforce: Any) -> None:
    set_id = _permission_set(salesforce)
    for entity, open_ones, others in (
        ("Account", ("Industry", "Wallet__c", "Region__c"), ("Name", "OwnerId", "SystemModstamp", "RecordTypeId")),
        ("Opportunity", ("Amount", "AccountId"), ("StageName", "CloseDate", "Id")),
    ):
        fields = {one["name"]: one for one in salesforce.call("GET", f"/sobjects/{entity}/describe").body["fields"]}
        for name in (*open_ones, *others):
            assert fields[name]["permissionable"] is (name in open_ones)
            told = {"ParentId": set_id, "SobjectType": entity, "Field": f"{entity}.{name}", "PermissionsRead": True}
            answer = salesforce.call("POST", "/sobjects/FieldPermissions", told)
            assert (answer.status == 201) is (name in open_ones)
            assert name in open_ones or answer.body[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_formulas_are_granted_for_reading_only(salesforce: Any) -> None:
    told = {"ParentId": _permission_set(salesforce), "SobjectType": "Account", "Field": "Account.Region__c"}
    both = told | {"PermissionsRead": True, "PermissionsEdit": True}
    answer = salesforce.call("POST", "/sobjects/FieldPermissions", both)
    assert answer.body[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    assert salesforce.call("POST", "/sobjects/FieldPermissions", told | {"PermissionsRead": True}).status == 201


def test_a_grant_is_for_one_field_for_ever(salesforce: Any) -> None:
    told = {"ParentId": _permission_set(salesforce), "SobjectType": "Account", "Field": "Account.Type"}
    made = salesforce.call("POST", "/sobjects/FieldPermissions", told | {"PermissionsRead": True}).body["id"]
    answer = salesforce.call("PATCH", f"/sobjects/FieldPermissions/{made}", {"Field": "Account.Industry"})
    assert answer.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


# records


def test_hidden_records_are_simply_not_there(salesforce: Any) -> None:
    _least(salesforce, EDIT)
    first, second, *rest = _accounts(salesforce)
    salesforce.org.sharing.hide("Account", [first])
    assert _found(salesforce, first) == []
    total = salesforce.call("GET", "/query", q="SELECT COUNT() FROM Account").body["totalSize"]
    assert total == 1 + len(rest)
    assert salesforce.call("GET", f"/sobjects/Account/{first}").status == 404
    assert _patch(salesforce, first, Name="New").status == 404
    several = _patch_all(salesforce, first, second, Name="New")
    assert [one["success"] for one in several] == [False, True]
    assert several[0]["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"
    link = _patch(salesforce, second, ParentId=first)
    assert link.body[0]["errorCode"] in {"INVALID_FIELD", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"}


def test_locked_records_are_read_and_not_written(salesforce: Any) -> None:
    _least(salesforce, EDIT)
    first, second, *_ = _accounts(salesforce)
    salesforce.org.sharing.lock("Account", [first])
    assert _found(salesforce, first)
    answer = _patch(salesforce, first, Name="New")
    assert (answer.status, answer.body[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert [one["success"] for one in _patch_all(salesforce, first, second, Name="New")] == [False, True]


def test_private_opportunities_are_their_owners_with_all_that_belongs_to_them(salesforce: Any) -> None:
    _least(salesforce, READ, {"Opportunity": ("AccountId",)})
    assert salesforce.query("SELECT Id FROM OpportunityLineItem LIMIT 1")
    salesforce.org.sharing.make_private("Opportunity")
    for name in ("Opportunity", "OpportunityLineItem"):
        assert salesforce.query(f"SELECT Id FROM {name}") == []  # noqa: S608  SOQL
    rep = salesforce.org.records.select("Opportunity", limit=1)[0]["OwnerId"]
    salesforce.token = salesforce.org.log_in(rep)
    owners = {one["OwnerId"] for one in salesforce.query("SELECT OwnerId FROM Opportunity")}
    assert owners == {rep}


@pytest.mark.parametrize(("right", "status"), [("ViewAllRecords", 403), ("ModifyAllRecords", 204)])
def test_all_records_are_open_to_who_may_view_or_modify_all(salesforce: Any, right: str, status: int) -> None:
    _least(salesforce, {"Account": ("Read", "Edit", "Delete", right)})
    first = salesforce.account()
    salesforce.org.sharing.hide("Account", [first])
    salesforce.org.sharing.lock("Account", [first])
    assert _found(salesforce, first)
    assert _patch(salesforce, first, Name="New").status == status


# users, profiles, permission sets


def test_permissions_are_shown_to_who_may_view_setup(salesforce: Any) -> None:
    _least(salesforce, READ)
    for name in ("FieldPermissions", "ObjectPermissions", "PermissionSet", "PermissionSetAssignment"):
        assert salesforce.refused(f"SELECT Id FROM {name}")["errorCode"] == "INVALID_TYPE"  # noqa: S608  SOQL
    for name in ("CustomField", "ApexTrigger", "ValidationRule"):
        answer = salesforce.call("GET", "/tooling/query", q=f"SELECT Id FROM {name}")  # noqa: S608  SOQL
        assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_TYPE")


def test_limits_are_told_to_who_may_view_setup(salesforce: Any) -> None:
    assert salesforce.call("GET", "/limits").status == 200
    _least(salesforce)
    answer = salesforce.call("GET", "/limits")
    assert (answer.status, answer.body[0]["errorCode"]) == (403, "FORBIDDEN")
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")


def test_an_admin_gives_the_integration_user_what_it_needs(salesforce: Any) -> None:
    admin = _least(salesforce)
    user, token = salesforce.org.integration_user, salesforce.token
    salesforce.token = salesforce.org.log_in(admin)
    set_id = _permission_set(salesforce)
    rights = {"ParentId": set_id, "SobjectType": "Account", "PermissionsRead": True, "PermissionsEdit": True}
    assert salesforce.call("POST", "/sobjects/ObjectPermissions", rights).status == 201
    assert salesforce.call("POST", "/sobjects/FieldPermissions", rights | {"Field": "Account.Rating"}).status == 201
    given = {"PermissionSetId": set_id, "AssigneeId": user}
    assert salesforce.call("POST", "/sobjects/PermissionSetAssignment", given).status == 201
    salesforce.token = token
    assert _patch(salesforce, salesforce.account(), Rating="Hot").status == 204
    assert salesforce.call("POST", "/sobjects/PermissionSetAssignment", given).status == 404


def test_a_permission_set_is_assigned_once_and_to_active_users_only(salesforce: Any) -> None:
    set_id = _permission_set(salesforce)
    reps = salesforce.query("SELECT Id, Profile.Name, UserRole.Name FROM User WHERE Profile.Name = 'Standard User'")
    rep = reps[0]["Id"]
    path, given = "/sobjects/PermissionSetAssignment", {"PermissionSetId": set_id, "AssigneeId": rep}
    assert salesforce.call("POST", path, given).status == 201
    assert salesforce.call("POST", path, given).body[0]["errorCode"] == "DUPLICATE_VALUE"
    left = reps[1]["Id"]
    assert salesforce.call("PATCH", f"/sobjects/User/{left}", {"IsActive": False}).status == 204
    refused = salesforce.call("POST", path, given | {"AssigneeId": left})
    assert refused.body[0]["errorCode"] == "INACTIVE_OWNER_OR_USER"
    owned = salesforce.query("SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = true LIMIT 1")[0]["Id"]
    assert salesforce.call("POST", path, given | {"PermissionSetId": owned}).status == 400


def test_a_record_is_not_given_to_a_user_who_left(salesforce: Any) -> None:
    rep = salesforce.org.records.select("User", "UserRoleId IS NOT NULL AND IsActive = 1")[-1]["_id"]
    account = salesforce.account()
    assert _patch(salesforce, account, OwnerId=rep).status == 204
    salesforce.org.records.update("User", rep, {"IsActive": 0}, salesforce.org.integration_user)
    assert _patch(salesforce, account, OwnerId=rep, Rating="Hot").status == 204
    other = _accounts(salesforce)[-1]
    salesforce.org.records.update("Account", other, {"OwnerId": salesforce.org.integration_user}, rep)
    assert _patch(salesforce, other, OwnerId=rep).body[0]["errorCode"] == "INACTIVE_OWNER_OR_USER"
