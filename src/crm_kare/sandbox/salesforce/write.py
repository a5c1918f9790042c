"""Writes of single records and collections."""

from collections.abc import Mapping
from typing import Any, Final

from crm_kare.sandbox.salesforce import ids, money, orders, persons, record_types
from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.derive import derived, stages_of
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.permissions import permission_fault, settle
from crm_kare.sandbox.salesforce.values import Value, fault_of, taken
from crm_kare.sandbox.store import FieldDef, Record

_NO_ACCESS: Final = RecordError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")


def read_body(org: SalesforceOrg, user_id: str, name: str, body: Mapping[str, Any]) -> dict[str, Value]:
    """The values in a record's JSON, as the store keeps them, by field name.

    Raises:
        SalesforceError: a field that is not there (or that the user does not see), or a JSON type that does not fit.
    """
    visible = org.visible(name, user_id)
    values: dict[str, Value] = {}
    for key, value in body.items():
        if key == "attributes":
            continue
        definition = visible.get(key.lower())
        if definition is None:
            raise bad_request("INVALID_FIELD", f"No such column '{key}' on sobject of type {name}")
        values[definition.name] = taken(definition, value)
    return values


def update(org: SalesforceOrg, user_id: str, name: str, record_id: str, values: dict[str, Value]) -> list[RecordError]:
    """Write a record; what is wrong with it, or nothing."""
    before = org.records.get(name, record_id)
    faults = _reachable(org, user_id, name, record_id, before) or _faults(org, user_id, name, before, values)
    if faults or before is None:
        return faults
    org.records.update(name, record_id, _completed(org, name, before, values), user_id)
    keep_history(org, user_id, name, before, values)
    _followed(org, user_id, name, record_id)
    return []


def insert(org: SalesforceOrg, user_id: str, name: str, values: dict[str, Value]) -> str | list[RecordError]:
    """Make a record; its id, or what is wrong with it."""
    fields = org.records.fields(name)
    defaults = _defaults(org, user_id, fields)
    before: Record = dict.fromkeys(fields) | defaults
    faults = _faults(org, user_id, name, before, values)
    if faults:
        return faults
    made = org.records.insert(name, _completed(org, name, before, {**defaults, **values}), user_id)
    _followed(org, user_id, name, made)
    return made


def _defaults(org: SalesforceOrg, user_id: str, fields: Mapping[str, FieldDef]) -> dict[str, Value]:
    """What a new record has where nothing is said: no ticks, its maker as owner, and the maker's currency."""
    told: dict[str, Value] = {one.name: 0 for one in fields.values() if one.type == "boolean"}
    if "OwnerId" in fields:
        told["OwnerId"] = user_id
    if org.settings.multi_currency and "CurrencyIsoCode" in fields:
        told["CurrencyIsoCode"] = org.user(user_id)["DefaultCurrencyIsoCode"]
    return told


def _completed(org: SalesforceOrg, name: str, before: Record, values: Mapping[str, Value]) -> Record:
    """The values to write, with what follows from them."""
    after = {**before, **values}
    made = derived(name, after, values, stages_of(org) if name == "Opportunity" else {})
    made |= money.inherited(org, name, after)
    if name in {"Order", "OrderItem"}:
        made |= orders.priced(name, after, values) | ({} if "_id" in before else orders.numbered(org.records, name))
    return made | persons.named(org, after) if persons.is_person(org, name, after) else made


def _followed(org: SalesforceOrg, user_id: str, name: str, record_id: str) -> None:
    """What a write brings about in other records."""
    settle(org, name, record_id)
    if name == "Account" and org.settings.person_accounts:
        persons.link(org, record_id, user_id)
    if name == "OrderItem" and (held := org.records.get(name, record_id)):
        orders.add_up(org.records, held["OrderId"], user_id)


def delete(org: SalesforceOrg, user_id: str, name: str, record_id: str) -> list[RecordError]:
    """Put a record into the recycle bin; setup objects have none and are gone."""
    held = org.records.get(name, record_id)
    faults = _reachable(org, user_id, name, record_id, held) or _barred(org, user_id, name, held, "Delete")
    if faults:
        return faults
    if BY_NAME[name].setup:
        if name == "PermissionSet":
            _empty_permission_set(org, record_id)
        org.records.purge(name, record_id)
    else:
        org.bin.delete(name, record_id, user_id)
    return []


def refused(faults: list[RecordError]) -> SalesforceError:
    """One record's faults as the answer to a request that was about it alone."""
    statuses = {"ENTITY_IS_DELETED": 404, "INVALID_CROSS_REFERENCE_KEY": 404, "INSUFFICIENT_ACCESS_OR_READONLY": 403}
    status = statuses.get(faults[0].code, 400) if not faults[0].fields else 400
    error = SalesforceError(status, faults[0].code, faults[0].message, faults[0].fields)
    error.errors = faults
    return error


def _empty_permission_set(org: SalesforceOrg, record_id: str) -> None:
    held = (
        ("FieldPermissions", "ParentId"),
        ("ObjectPermissions", "ParentId"),
        ("PermissionSetAssignment", "PermissionSetId"),
    )
    for name, column in held:
        for one in org.records.select(name, f"{column} = ?", (record_id,)):
            org.records.purge(name, one["_id"])


def _reachable(org: SalesforceOrg, user_id: str, name: str, record_id: str, record: Record | None) -> list[RecordError]:
    """Whether there is such a record for the user; one that sharing hides is as if it were not there."""
    if record is None or not org.sharing.sees(org.access(name, user_id).rights, user_id, name, record):
        return [RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")]
    if record["_deleted"]:
        return [RecordError("ENTITY_IS_DELETED", "entity is deleted")]
    if org.faults.hits(f"lock_row:{record_id}") or org.faults.hits(f"lock_row:{name}"):
        message = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
        return [RecordError("UNABLE_TO_LOCK_ROW", message)]
    return []


def _faults(
    org: SalesforceOrg, user_id: str, name: str, before: Record | None, values: Mapping[str, Value]
) -> list[RecordError]:
    """What is wrong: rights first, then each value, then what must be filled, then the customer's own rules."""
    fields = org.fields(name)
    right = "Edit" if before and "_id" in before else "Create"
    shut = _barred(org, user_id, name, before, right)
    if shut:
        return shut
    after = {**(before or {}), **values}
    barred = _barred_fields(org, user_id, name, after, values)
    if barred:
        message = (
            f"Unable to create/update fields: {', '.join(barred)}. Please check the security settings of this field and"
            " verify that it is read/write for your profile or permission set."
        )
        return [RecordError("INVALID_FIELD_FOR_INSERT_UPDATE", message, tuple(barred))]
    checked = [
        _value_fault(org, user_id, fields[one.lower()], value)
        or record_types.fault_of(org, name, after, fields[one.lower()])
        for one, value in values.items()
    ]
    after |= persons.named(org, after) if persons.is_person(org, name, after) else {}
    return (
        [one for one in checked if one]
        or _missing(org, name, after)
        or _owner_fault(org, before, values)
        or _order_fault(org, name, before or {}, after)
        or permission_fault(org, name, after)
        or [one for rule in org.settings.validation_rules if (one := rule(name, after))]
    )


def _barred_fields(
    org: SalesforceOrg, user_id: str, name: str, after: Record, values: Mapping[str, Value]
) -> list[str]:
    """Fields that this user may not write, or nobody on such a record, or nobody any more."""
    editable, fields = org.access(name, user_id).editable, org.fields(name)
    shut = persons.shut_fields(org, name, after)
    fixed = {one for one in values if "_id" in after and fields[one.lower()].extra.get("fixed")}
    return [one for one in values if one not in editable or one in shut or one in fixed]


def _barred(org: SalesforceOrg, user_id: str, name: str, before: Record | None, right: str) -> list[RecordError]:
    """What stands against it: the object's permissions, then sharing."""
    definition, rights = BY_NAME[name], org.access(name, user_id).rights
    if definition.read_only or (definition.setup and right not in rights):
        return [_NO_ACCESS]
    if right not in rights and right != "Delete":
        word = "updated" if right == "Edit" else "inserted"
        message = f"entity type cannot be {word}: {definition.label}"
        return [RecordError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)]
    if right not in rights or (right != "Create" and before and not org.sharing.edits(rights, name, before)):
        return [_NO_ACCESS]
    return []


def _value_fault(org: SalesforceOrg, user_id: str, definition: FieldDef, value: Value) -> RecordError | None:
    if definition.type == "reference" and value is not None:
        known = ids.normalised(str(value))
        if known is None:
            return RecordError(
                "MALFORMED_ID", f"{definition.label}: id value of incorrect type: {value}", (definition.name,)
            )
        target = org.records.get(definition.refers_to, known)
        if target is None:
            return RecordError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (definition.name,))
        rights = org.access(definition.refers_to, user_id).rights
        if not org.sharing.sees(rights, user_id, definition.refers_to, target):
            message = "insufficient access rights on cross-reference id"
            return RecordError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message, (definition.name,))
    return fault_of(definition, value)


def _owner_fault(org: SalesforceOrg, before: Record | None, values: Mapping[str, Value]) -> list[RecordError]:
    """Records are not given to users who left; those that they own stay theirs."""
    owner = values.get("OwnerId")
    if owner is None or owner == (before or {}).get("OwnerId") or org.user(str(owner))["IsActive"]:
        return []
    return [
        RecordError(
            "INACTIVE_OWNER_OR_USER", f"operation performed with inactive user [{owner}] as owner", ("OwnerId",)
        )
    ]


def _order_fault(org: SalesforceOrg, name: str, before: Record, after: Record) -> list[RecordError]:
    fault = orders.order_fault(org.records, before, after) if name == "Order" else None
    return [fault] if fault else []


def _missing(org: SalesforceOrg, name: str, after: Mapping[str, Any]) -> list[RecordError]:
    missing = [
        one.name
        for one in org.records.fields(name).values()
        if one.required and one.writable and one.type != "boolean" and after.get(one.name) is None
    ]
    if not missing:
        return []
    return [
        RecordError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", tuple(missing))
    ]


def keep_history(org: SalesforceOrg, user_id: str, name: str, before: Record, values: Mapping[str, Value]) -> None:
    """Rows of the account's history, for fields whose history is tracked; long texts show no values."""
    if name != "Account":
        return
    fields = org.records.fields(name)
    moved = [
        (key, value)
        for key, value in values.items()
        if before[key] != value and fields[key].extra.get("trackHistory", True)
    ]
    rows = []
    for made, (key, value) in zip(org.records.mint_many("AccountHistory", len(moved)), moved, strict=True):
        told = (None, None) if fields[key].length > 255 else (before[key], value)  # noqa: PLR2004  documented
        row = {"AccountId": before["_id"], "Field": key, "OldValue": told[0], "NewValue": told[1]}
        rows.append({**row, "_id": made, "_created_by": user_id, "_modified_by": user_id})
    org.records.load("AccountHistory", rows)
