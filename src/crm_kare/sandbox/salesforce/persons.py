"""Person accounts: a customer who is one person is an account and a contact in one. On by `activate`.

Their name is the person's and cannot be written; the fields of a person do not take values on other accounts.
"""

from collections.abc import Mapping
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import BY_NAME, PERSON_ACCOUNTS
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.profiles import grant_fields
from crm_kare.sandbox.store import Record

RECORD_TYPE: Final = "PersonAccount"
_ON_CONTACT: Final = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "PersonEmail": "Email",
    "PersonTitle": "Title",
    "In_Favour__pc": "In_Favour__c",
    "OwnerId": "OwnerId",
}
"""Fields of a person account, and where its contact keeps them."""

_PERSONAL: Final = frozenset(_ON_CONTACT) - {"OwnerId"}


def activate(org: SalesforceOrg) -> None:
    """Turn person accounts on, as cannot be undone: every account is a business until it is made otherwise."""
    org.settings.person_accounts = True
    with org.records.store.transaction() as database:
        for name in ("Account", "Contact"):
            database.execute(f"UPDATE {org.records.table(name)} SET IsPersonAccount = 0")  # noqa: S608  names are ours
        told = {"Name": "Person Account", "DeveloperName": RECORD_TYPE, "SobjectType": "Account", "IsActive": 1}
        org.records.insert("RecordType", told | {"IsPersonType": 1}, org.integration_user)
        _grant(org)


def add(org: SalesforceOrg, first: str, last: str, **values: Any) -> str:
    """A person account; its id. `values` are fields of the account, as the store keeps them."""
    told = {"FirstName": first, "LastName": last, "IsPersonAccount": 1, "OwnerId": org.integration_user} | values
    (held,) = org.records.select("RecordType", "DeveloperName = ?", (RECORD_TYPE,))
    account = org.records.insert(
        "Account", told | {"Name": f"{first} {last}", "RecordTypeId": held["_id"]}, org.integration_user
    )
    link(org, account, org.integration_user)
    return account


def link(org: SalesforceOrg, account_id: str, user_id: str) -> None:
    """Make a person account's contact, or bring it up to date; nothing for other accounts."""
    account = org.records.get("Account", account_id)
    if account is None or not account["IsPersonAccount"]:
        return
    told = {there: account[here] for here, there in _ON_CONTACT.items()}
    told |= {"Name": account["Name"], "AccountId": account_id, "IsPersonAccount": 1}
    if account["PersonContactId"]:
        org.records.update("Contact", account["PersonContactId"], told, user_id)
    else:
        contact = org.records.insert("Contact", told, user_id)
        org.records.recompute("Account", account_id, {"PersonContactId": contact})


def is_person(org: SalesforceOrg, name: str, record: Mapping[str, Any]) -> bool:
    """Whether a record is, or is about to be made, a person account: a new account with a last name is one."""
    if name != "Account" or not org.settings.person_accounts:
        return False
    return bool(record.get("IsPersonAccount")) or ("_id" not in record and record.get("LastName") is not None)


def shut_fields(org: SalesforceOrg, name: str, record: Mapping[str, Any]) -> frozenset[str]:
    """Fields that this kind of account takes no values for."""
    if name != "Account" or not org.settings.person_accounts:
        return frozenset()
    return frozenset({"Name"}) if is_person(org, name, record) else _PERSONAL


def named(org: SalesforceOrg, record: Mapping[str, Any]) -> Record:
    """What makes an account a person's: it is called by the whole name, and has a record type for persons."""
    told: Record = {"Name": " ".join(str(one) for one in (record["FirstName"], record["LastName"]) if one)}
    if not record["RecordTypeId"]:
        told["RecordTypeId"] = org.records.select("RecordType", "DeveloperName = ?", (RECORD_TYPE,))[0]["_id"]
    return told | {"IsPersonAccount": 1}


def _grant(org: SalesforceOrg) -> None:
    """The new fields, to the permission sets that read accounts' fields already."""
    held = BY_NAME["Account"]
    new = [one.name for one in held.fields if one.extra.get("needs") == PERSON_ACCOUNTS and held.permissionable(one)]
    for row in org.records.select("FieldPermissions", "Field = 'Account.Industry'"):
        grant_fields(org, row["ParentId"], "Account", new, edit=bool(row["PermissionsEdit"]))
