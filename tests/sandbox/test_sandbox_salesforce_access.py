"""What a user may do with single records, as UserRecordAccess tells it, and the org-wide defaults behind it."""

from typing import Any

from crm_kare.sandbox.salesforce import profiles


def _access(rig: Any, *ids: str) -> Any:
    listed = ", ".join(f"'{one}'" for one in ids)
    wanted = (
        "SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = '{}' AND RecordId IN ({})"
    )
    return rig.call("GET", "/query", q=wanted.format(rig.org.integration_user, listed))


def test_it_follows_permissions_and_sharing(salesforce: Any) -> None:
    first, second, third = (one["_id"] for one in salesforce.org.records.select("Account", limit=3))
    profiles.least_privilege(salesforce.org, {"Account": ("Read", "Edit")})
    salesforce.org.sharing.lock("Account", [first])
    salesforce.org.sharing.hide("Account", [second])
    rows = {one["RecordId"]: one for one in _access(salesforce, first, second, third).body["records"]}
    told = {key: (one["HasReadAccess"], one["HasEditAccess"]) for key, one in rows.items()}
    assert told == {first: (True, False), second: (False, False), third: (True, True)}


def test_it_takes_two_hundred_records_of_one_user(salesforce: Any) -> None:
    (one,) = (one["_id"] for one in salesforce.org.records.select("Account", limit=1))
    assert _access(salesforce, *[one] * 201).body[0]["errorCode"] == "MALFORMED_QUERY"
    unbound = salesforce.call("GET", "/query", q="SELECT RecordId FROM UserRecordAccess")
    assert unbound.body[0]["errorCode"] == "MALFORMED_QUERY"


def test_the_default_of_an_object_is_told_as_it_is_set(salesforce: Any) -> None:
    query = "SELECT InternalSharingModel FROM EntityDefinition WHERE QualifiedApiName = 'Opportunity'"
    assert salesforce.call("GET", "/query", q=query).body["records"][0]["InternalSharingModel"] == "ReadWrite"
    salesforce.org.sharing.make_private("Opportunity")
    assert salesforce.call("GET", "/query", q=query).body["records"][0]["InternalSharingModel"] == "Private"
