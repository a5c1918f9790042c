"""What records of permissions, and of their assignment to users, may say."""

from collections.abc import Mapping
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.errors import RecordError
from crm_kare.sandbox.salesforce.org import SalesforceOrg

_NEEDS: Final = {
    "Create": ("Read",),
    "Edit": ("Read",),
    "Delete": ("Read", "Edit"),
    "ViewAllRecords": ("Read",),
    "ModifyAllRecords": ("Read", "Edit", "Delete", "ViewAllRecords"),
}
"""Rights on an object, and those that each of them needs."""

_UNDER: Final = dict.fromkeys(("Contact", "Opportunity", "Order"), "Account")
"""Objects that a permission set lets nobody read without the object above them."""


def permission_fault(org: SalesforceOrg, name: str, after: Mapping[str, Any]) -> list[RecordError]:
    """What is wrong with a record of permissions, or of their assignment; nothing for other objects."""
    match name:
        case "FieldPermissions":
            return _of_field(org, after)
        case "ObjectPermissions":
            return _of_object(org, after)
        case "PermissionSetAssignment":
            return _of_assignment(org, after)
        case "PermissionSet" if _twin(org, name, after, ("Name",)):
            message = "The API name you specified is already in use. Use a different API name."
            return [RecordError("DUPLICATE_DEVELOPER_NAME", message, ("Name",))]
    return []


def settle(org: SalesforceOrg, name: str, record_id: str) -> None:
    """A record of permissions that no longer gives so much as Read is deleted."""
    if name not in {"FieldPermissions", "ObjectPermissions"}:
        return
    held = org.records.get(name, record_id)
    if held is not None and not held["PermissionsRead"]:
        org.records.purge(name, record_id)


def _of_assignment(org: SalesforceOrg, after: Mapping[str, Any]) -> list[RecordError]:
    held = org.records.get("PermissionSet", str(after["PermissionSetId"]))
    if held is not None and held["IsOwnedByProfile"]:
        return [RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ("PermissionSetId",))]
    if not org.user(str(after["AssigneeId"]))["IsActive"]:
        message = f"operation performed with inactive user [{after['AssigneeId']}]"
        return [RecordError("INACTIVE_OWNER_OR_USER", message, ("AssigneeId",))]
    if _twin(org, "PermissionSetAssignment", after, ("PermissionSetId", "AssigneeId")):
        message = (
            f"Duplicate PermissionSetAssignment. Assignee: {after['AssigneeId']};"
            f" Permission Set: {after['PermissionSetId']}"
        )
        return [RecordError("DUPLICATE_VALUE", message)]
    return []


def _of_field(org: SalesforceOrg, after: Mapping[str, Any]) -> list[RecordError]:
    """`Field` is a restricted picklist of the fields to which field-level security applies."""
    entity, _, column = str(after["Field"]).partition(".")
    known = org.fields(entity).get(column.lower()) if entity in org.records.objects() else None
    if known is None or entity != after["SobjectType"] or not BY_NAME[entity].permissionable(known):
        message = f"Field Name: bad value for restricted picklist field: {after['Field']}"
        return [RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Field",))]
    if after.get("PermissionsEdit") and not after.get("PermissionsRead"):
        return [_dependent(f"Edit {after['Field']}", [f"Read {after['Field']}"], "PermissionsRead")]
    if after.get("PermissionsEdit") and not known.writable:
        return [RecordError("FIELD_INTEGRITY_EXCEPTION", "This field cannot be made editable", ("PermissionsEdit",))]
    return _doubled(org, "FieldPermissions", after, ("ParentId", "Field"))


def _of_object(org: SalesforceOrg, after: Mapping[str, Any]) -> list[RecordError]:
    entity = str(after["SobjectType"])
    if entity not in org.records.objects() or BY_NAME[entity].governor != entity:
        message = f"sObject Type Name: bad value for restricted picklist field: {entity}"
        return [RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("SobjectType",))]
    for right, needed in _NEEDS.items():
        missing = [f"{one} {entity}" for one in needed if not after.get(f"Permissions{one}")]
        if after.get(f"Permissions{right}") and missing:
            return [_dependent(f"{right} {entity}", missing, f"Permissions{right}")]
    above = _UNDER.get(entity)
    if above and after.get("PermissionsRead") and not _reads(org, str(after["ParentId"]), above):
        return [_dependent(f"Read {entity}", [f"Read {above}"], "PermissionsRead")]
    return _doubled(org, "ObjectPermissions", after, ("ParentId", "SobjectType"))


def _reads(org: SalesforceOrg, set_id: str, entity: str) -> bool:
    where = "ParentId = ? AND SobjectType = ? AND PermissionsRead = 1"
    return org.records.count("ObjectPermissions", where, (set_id, entity)) > 0


def _dependent(right: str, missing: list[str], field: str) -> RecordError:
    message = f"Permission {right} depends on permission(s): {', '.join(missing)}"
    return RecordError("FIELD_INTEGRITY_EXCEPTION", message, (field,))


def _doubled(org: SalesforceOrg, name: str, after: Mapping[str, Any], keys: tuple[str, ...]) -> list[RecordError]:
    if not _twin(org, name, after, keys):
        return []
    return [RecordError("DUPLICATE_VALUE", f"duplicate value found: {', '.join(keys)} duplicates value on record")]


def _twin(org: SalesforceOrg, name: str, after: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    where = " AND ".join(f"{key} = ?" for key in keys)
    found = org.records.select(name, where, [after[key] for key in keys])
    return any(one["_id"] != after.get("_id") for one in found)
