"""Permission sets as an org's admins make them: behind the profiles, and what a test takes from the integration user."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from crm_kare.sandbox.salesforce.definitions import BY_NAME, OBJECT_RIGHTS, SYSTEM_PERMISSIONS
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import Record

LEAST: Final = "Minimum Access - API Only Integrations"
ADMIN: Final = "admin@sandbox.example"
"""Profile of an integration user without rights of its own, and user name of the admin beside it."""

_OWN_RIGHTS: Final = ("Read", "Create", "Edit", "Delete")


def add_set(org: SalesforceOrg, name: str, label: str, system: Collection[str], *, profile: str | None = None) -> str:
    """A permission set with these system permissions; its id. One behind a profile is named after it."""
    told = {"Name": name, "Label": label, "ProfileId": profile, "IsOwnedByProfile": int(profile is not None)}
    given = {f"Permissions{one}": int(one in system) for one in SYSTEM_PERMISSIONS}
    return org.records.insert("PermissionSet", told | given, "")


def assign(org: SalesforceOrg, set_id: str, users: Iterable[str]) -> None:
    """Give a permission set to users."""
    for user in users:
        org.records.insert("PermissionSetAssignment", {"PermissionSetId": set_id, "AssigneeId": user}, "")


def grant_object(org: SalesforceOrg, set_id: str, entity: str, rights: Collection[str]) -> None:
    """Give rights (`Read`, `Edit` …) on an object."""
    given = {f"Permissions{one}": int(one in rights) for one in OBJECT_RIGHTS}
    org.records.insert("ObjectPermissions", {"ParentId": set_id, "SobjectType": entity} | given, "")


def grant_fields(org: SalesforceOrg, set_id: str, entity: str, fields: Iterable[str], *, edit: bool) -> None:
    """Give fields of an object to read, and those that can be written to edit."""
    known = org.fields(entity)
    for name in fields:
        told = {"ParentId": set_id, "SobjectType": entity, "Field": f"{entity}.{name}", "PermissionsRead": 1}
        org.records.insert(
            "FieldPermissions", told | {"PermissionsEdit": int(edit and known[name.lower()].writable)}, ""
        )


def grant_all(org: SalesforceOrg, set_id: str, entity: str) -> None:
    """Give everything on an object of the business that rests on records of its own, and all its fields."""
    definition = BY_NAME[entity]
    if definition.governor == entity:
        grant_object(org, set_id, entity, _OWN_RIGHTS)
    names = [one.name for one in org.fields(entity).values() if definition.permissionable(one)]
    grant_fields(org, set_id, entity, names, edit=True)


def least_privilege(
    org: SalesforceOrg,
    objects: Mapping[str, Collection[str]] | None = None,
    fields: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """Leave the integration user only the API and what is named here; a new admin takes its place, whose id is given.

    Args:
        org: where.
        objects: rights by object.
        fields: fields to read by object; those of the system, names and required ones need no grant.
    """
    user = org.user(org.integration_user)
    admin_id = _second_admin(org, user)
    for one in _assignments(org, user["_id"]):
        assign(org, one["PermissionSetId"], [admin_id])
        org.records.purge("PermissionSetAssignment", one["_id"])
    profile = org.records.insert("Profile", {"Name": LEAST}, "")
    org.records.update("User", user["_id"], {"ProfileId": profile}, admin_id)
    least = add_set(org, f"X{profile}", LEAST, {"ApiEnabled"}, profile=profile)
    assign(org, least, [user["_id"]])
    for entity, rights in (objects or {}).items():
        grant_object(org, least, entity, rights)
    for entity, known in (fields or {}).items():
        grant_fields(org, least, entity, known, edit=False)
    return admin_id


def _second_admin(org: SalesforceOrg, like: Record) -> str:
    alike = {one: like[one] for one in ("ProfileId", "TimeZoneSidKey", "UserType", "IsActive")}
    names = {"FirstName": "Ada", "LastName": "Admin", "Name": "Ada Admin"}
    return org.records.insert("User", alike | names | {"Username": ADMIN, "Email": ADMIN}, "")


def _assignments(org: SalesforceOrg, user_id: str) -> list[Record]:
    return org.records.select("PermissionSetAssignment", "AssigneeId = ?", (user_id,))
