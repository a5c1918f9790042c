"""What follows from a record's values, and what permissions' records may say."""

from collections.abc import Mapping
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import STAGES
from crm_kare.sandbox.salesforce.errors import RecordError
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import Record

_STAGES: Final = {stage[0]: stage for stage in STAGES}


def derived(name: str, after: Mapping[str, Any], values: Mapping[str, Any]) -> Record:
    """`values` with what follows from them; `after` is the record as it will be."""
    made = dict(values)
    if name == "Opportunity":
        made |= _of_stage(str(after["StageName"]), values)
        chance = made["Probability"] if "Probability" in made else after["Probability"]
        made["ExpectedRevenue"] = round(float(after["Amount"] or 0) * (chance or 0) / 100, 2)
    elif name in {"Contact", "User"}:
        made["Name"] = " ".join(str(part) for part in (after["FirstName"], after["LastName"]) if part)
    return made


def _of_stage(stage: str, values: Mapping[str, Any]) -> Record:
    """Flags follow the stage always; the probability does where the stage is written and the probability is not."""
    _, closed, won, category, chance = _STAGES.get(stage, (stage, False, False, "Pipeline", 0))
    flags: Record = {"IsClosed": int(closed), "IsWon": int(won), "ForecastCategory": category}
    return flags | ({"Probability": chance} if "StageName" in values and "Probability" not in values else {})


def permission_fault(org: SalesforceOrg, name: str, after: Mapping[str, Any]) -> list[RecordError]:
    """What is wrong with a record of permissions, or of their assignment."""
    if name == "FieldPermissions":
        return _field_permission_fault(org, after)
    if name == "ObjectPermissions":
        return _object_permission_fault(org, after)
    if name == "PermissionSetAssignment" and _twin(org, name, after, ("PermissionSetId", "AssigneeId")):
        return [RecordError("DUPLICATE_VALUE", "Duplicate PermissionSetAssignment. Assignee: the user already has it")]
    if name == "PermissionSet" and _twin(org, name, after, ("Name",)):
        message = "The API name you specified is already in use. Use a different API name."
        return [RecordError("DUPLICATE_DEVELOPER_NAME", message, ("Name",))]
    return []


def _field_permission_fault(org: SalesforceOrg, after: Mapping[str, Any]) -> list[RecordError]:
    entity, _, column = str(after["Field"]).partition(".")
    known = org.records.fields(entity).get(column) if entity in org.records.objects() else None
    if known is None or entity != after["SobjectType"] or (known.required and known.custom):
        message = f"Field Name: bad value for restricted picklist field: {after['Field']}"
        return [RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Field",))]
    if after.get("PermissionsEdit") and not after.get("PermissionsRead"):
        return [RecordError("FIELD_INTEGRITY_EXCEPTION", "Edit permission needs read permission", ("PermissionsRead",))]
    if after.get("PermissionsEdit") and not known.writable:
        return [RecordError("FIELD_INTEGRITY_EXCEPTION", "This field cannot be made editable", ("PermissionsEdit",))]
    if _twin(org, "FieldPermissions", after, ("ParentId", "Field")):
        return [RecordError("DUPLICATE_VALUE", "duplicate value found: ParentId, Field duplicates value on record")]
    return []


def _object_permission_fault(org: SalesforceOrg, after: Mapping[str, Any]) -> list[RecordError]:
    if after["SobjectType"] not in org.records.objects():
        message = f"sObject Type Name: bad value for restricted picklist field: {after['SobjectType']}"
        return [RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("SobjectType",))]
    if after.get("PermissionsEdit") and not after.get("PermissionsRead"):
        return [RecordError("FIELD_INTEGRITY_EXCEPTION", "Edit permission needs read permission", ("PermissionsRead",))]
    if _twin(org, "ObjectPermissions", after, ("ParentId", "SobjectType")):
        return [
            RecordError("DUPLICATE_VALUE", "duplicate value found: ParentId, SobjectType duplicates value on record")
        ]
    return []


def _twin(org: SalesforceOrg, name: str, after: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    where = " AND ".join(f"{key} = ?" for key in keys)
    found = org.records.select(name, where, [after[key] for key in keys])
    return any(one["_id"] != after.get("_id") for one in found)
