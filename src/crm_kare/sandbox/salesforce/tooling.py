"""Custom fields, as the Tooling API makes, changes and deletes them."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import FieldDef, Option, Record

NAME: Final = re.compile(r"[A-Za-z](?!.*__.*__c)[A-Za-z0-9_]*(?<!_)__c")
LONGEST_NAME: Final = 40
LONGEST_HELP: Final = 510
LONGEST_LINE: Final = 255

_TYPES: Final = {
    "Text": "string",
    "LongTextArea": "textarea",
    "TextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Date": "date",
    "DateTime": "datetime",
    "Checkbox": "boolean",
    "Picklist": "picklist",
    "Url": "url",
    "Email": "email",
    "Phone": "phone",
}
"""The Metadata API's word for a type, and describe's. Others the sandbox does not know."""


def create(org: SalesforceOrg, user_id: str, body: Any) -> dict[str, Any]:
    """A new custom field, which nobody sees until it is granted."""
    _need_right(org, user_id)
    full_name, metadata = _read(body)
    entity, _, name = full_name.partition(".")
    _check_place(org, entity, name)
    definition = definition_of(name, metadata)
    with org.records.store.transaction():
        org.records.add_field(entity, definition)
        record_id = keep(org, entity, definition, metadata, user_id)
    return {"id": record_id, "success": True, "errors": [], "warnings": [], "infos": []}


def change(org: SalesforceOrg, user_id: str, record_id: str, body: Any) -> None:
    """Another label, help text, length or list of values; the type stays.

    Values of a picklist that are left out become inactive, and records keep them.
    """
    _need_right(org, user_id)
    record = _find(org, record_id)
    metadata = body.get("Metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict):
        raise bad_request("JSON_PARSER_ERROR", "Metadata is missing")
    entity, name = record["TableEnumOrId"], f"{record['DeveloperName']}__c"
    held, definition = org.records.fields(entity)[name], definition_of(name, metadata)
    was, now = _kind(held), _kind(definition)
    if was != now:
        raise bad_request(
            "FIELD_INTEGRITY_EXCEPTION", f"Cannot update a field to a {metadata['type']} from something else"
        )
    definition, metadata = _with_old_values(held, definition, metadata)
    org.records.change_field(entity, definition)
    told = {"Metadata": json.dumps(metadata), "InlineHelpText": definition.help or None}
    org.records.update("CustomField", record["_id"], told, user_id)


def _kind(definition: FieldDef) -> tuple[str, bool]:
    """What cannot be changed: the type, and for texts on several lines whether they are long."""
    return definition.type, definition.type == "textarea" and definition.length > LONGEST_LINE


def _with_old_values(
    held: FieldDef, definition: FieldDef, metadata: Mapping[str, Any]
) -> tuple[FieldDef, Mapping[str, Any]]:
    kept = {one.value for one in definition.options}
    gone = [replace(one, active=False) for one in held.options if one.value not in kept]
    if not gone:
        return definition, metadata
    told = json.loads(json.dumps(metadata))
    inactive = [{"valueName": one.value, "label": one.label, "default": False, "isActive": False} for one in gone]
    told["valueSet"]["valueSetDefinition"]["value"] += inactive
    return replace(definition, options=(*definition.options, *gone)), told


def delete(org: SalesforceOrg, user_id: str, record_id: str) -> None:
    """Take a custom field away, with its values and what was granted on it."""
    _need_right(org, user_id)
    record = _find(org, record_id)
    entity, name = record["TableEnumOrId"], f"{record['DeveloperName']}__c"
    with org.records.store.transaction():
        org.records.drop_field(entity, name)
        for granted in org.records.select("FieldPermissions", "Field = ?", (f"{entity}.{name}",)):
            org.records.purge("FieldPermissions", granted["_id"])
        org.records.purge("CustomField", record["_id"])


def keep(org: SalesforceOrg, entity: str, definition: FieldDef, metadata: Mapping[str, Any], user_id: str) -> str:
    """The field's own record, which the Tooling API's queries find."""
    record = {
        "DeveloperName": definition.name.removesuffix("__c"),
        "TableEnumOrId": entity,
        "EntityDefinitionId": entity,
        "FullName": f"{entity}.{definition.name}",
        "InlineHelpText": definition.help or None,
        "Metadata": json.dumps(dict(metadata)),
    }
    return org.records.insert("CustomField", record, user_id)


def _need_right(org: SalesforceOrg, user_id: str) -> None:
    if not org.may(user_id, "CustomizeApplication"):
        raise SalesforceError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")


def _read(body: Any) -> tuple[str, dict[str, Any]]:
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("FullName"), str)
        or not isinstance(body.get("Metadata"), dict)
    ):
        raise bad_request("JSON_PARSER_ERROR", "CustomField needs FullName and Metadata")
    unknown = set(body) - {"FullName", "Metadata", "attributes"}
    if unknown:
        raise bad_request("INVALID_FIELD", f"No such column '{min(unknown)}' on sobject of type CustomField")
    return body["FullName"], body["Metadata"]


def _check_place(org: SalesforceOrg, entity: str, name: str) -> None:
    if entity not in org.records.objects() or BY_NAME[entity].setup:
        raise bad_request("INVALID_CROSS_REFERENCE_KEY", f"no CustomObject named {entity} found")
    if not NAME.fullmatch(name) or len(name.removesuffix("__c")) > LONGEST_NAME:
        message = (
            "The Field Name field can only contain underscores and alphanumeric characters. It must be unique, begin with a"
            " letter, not include spaces, not end with an underscore, and not contain two consecutive underscores."
        )
        raise bad_request("INVALID_FULL_NAME", message)
    if name.lower() in org.fields(entity):
        message = f"There is already a field named {name.removesuffix('__c')} on {entity}."
        raise bad_request("DUPLICATE_DEVELOPER_NAME", message)


def _find(org: SalesforceOrg, record_id: str) -> Record:
    found = org.records.get("CustomField", record_id)
    if found is None:
        raise not_found()
    return found


def definition_of(name: str, metadata: Mapping[str, Any]) -> FieldDef:
    """The field that a `Metadata` value describes.

    Raises:
        SalesforceError: FIELD_INTEGRITY_EXCEPTION where a part is missing, or out of its range.
    """
    type_, label = metadata.get("type"), metadata.get("label")
    if type_ not in _TYPES:
        raise _wrong(f"{type_} is not a valid value for the enum 'FieldType'")
    if not isinstance(label, str) or not 0 < len(label) <= LONGEST_NAME:
        raise _wrong("Field Label: Enter a value of at most 40 characters")
    help_text = metadata.get("inlineHelpText") or ""
    if len(help_text) > LONGEST_HELP:
        raise _wrong("Help Text: data value too large (max length=510)")
    plain = FieldDef(
        name, label, _TYPES[type_], custom=True, help=help_text,
        extra={"trackHistory": bool(metadata.get("trackHistory")), "externalId": bool(metadata.get("externalId"))},
    )  # fmt: skip
    return _sized(plain, str(type_), metadata)


def _sized(plain: FieldDef, type_: str, metadata: Mapping[str, Any]) -> FieldDef:
    match type_:
        case "Text":
            return replace(plain, length=_whole(metadata, "length", 1, 255))
        case "LongTextArea":
            _whole(metadata, "visibleLines", 2, 50)
            return replace(plain, length=_whole(metadata, "length", 256, 131_072))
        case "Number" | "Currency" | "Percent":
            precision = _whole(metadata, "precision", 1, 18)
            return replace(plain, precision=precision, scale=_whole(metadata, "scale", 0, precision))
        case "Checkbox":
            if "defaultValue" not in metadata:
                raise _wrong("Must specify 'defaultValue' for a CustomField of type Checkbox")
            return plain
        case "Picklist":
            return _with_values(plain, metadata)
        case _:
            return replace(plain, length={"TextArea": 255, "Url": 255, "Email": 80, "Phone": 40}.get(type_, 0))


def _with_values(plain: FieldDef, metadata: Mapping[str, Any]) -> FieldDef:
    value_set = metadata.get("valueSet")
    listed = value_set.get("valueSetDefinition", {}).get("value") if isinstance(value_set, dict) else None
    if not isinstance(value_set, dict) or not isinstance(listed, list) or not listed:
        raise _wrong("Must specify 'valueSet' with its values for a CustomField of type Picklist")
    names = [one.get("fullName") or one.get("valueName") for one in listed]
    if any(not isinstance(name, str) or not name for name in names) or len(set(names)) < len(names):
        raise _wrong("Each picklist value needs a fullName of its own")
    options = tuple(
        Option(str(name), str(one.get("label") or name), active=one.get("isActive") is not False)
        for name, one in zip(names, listed, strict=True)
    )
    return replace(plain, length=255, options=options, restricted=bool(value_set.get("restricted")))


def _whole(metadata: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = metadata.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(
            f"Must specify '{key}' between {least} and {most} for a CustomField of type {metadata.get('type')}"
        )
    return value


def _wrong(message: str) -> SalesforceError:
    return bad_request("FIELD_INTEGRITY_EXCEPTION", message)
