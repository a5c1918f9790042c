"""What an object says of itself, as one user sees it."""

from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import OBJECTS, ObjectDef
from crm_kare.sandbox.salesforce.ids import PREFIXES
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import FieldDef

_SOAP: Final = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "date": "xsd:date", "datetime": "xsd:dateTime",
    "double": "xsd:double", "currency": "xsd:double", "percent": "xsd:double", "int": "xsd:int",
}  # fmt: skip


def list_objects(root: str) -> dict[str, Any]:
    """All objects that plain REST shows."""
    shown = [_head(one, root) for one in OBJECTS if not one.tooling]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown}


def describe(org: SalesforceOrg, definition: ObjectDef, user_id: str, root: str) -> dict[str, Any]:
    """One object with the fields that the user sees; `updateable` is what the user may write."""
    fields = [_field(org, definition, one, user_id) for one in org.visible(definition.name, user_id).values()]
    return _head(definition, root) | {
        "fields": fields,
        "recordTypeInfos": _record_types(org, definition.name),
        "childRelationships": [],
        "searchLayoutable": True,
    }


def _head(definition: ObjectDef, root: str) -> dict[str, Any]:
    name = definition.name
    writable = not definition.read_only
    return {
        "name": name,
        "label": definition.label,
        "labelPlural": f"{definition.label}s",
        "keyPrefix": PREFIXES[name],
        "custom": False,
        "createable": writable,
        "updateable": writable,
        "deletable": writable,
        "queryable": True,
        "retrieveable": True,
        "mergeable": definition.mergeable,
        "undeletable": writable and not definition.setup,
        "urls": {
            "sobject": f"{root}/sobjects/{name}",
            "describe": f"{root}/sobjects/{name}/describe",
            "rowTemplate": f"{root}/sobjects/{name}/{{ID}}",
        },
    }


def _field(org: SalesforceOrg, entity: ObjectDef, one: FieldDef, user_id: str) -> dict[str, Any]:
    long = one.type == "textarea" and one.length > 255  # noqa: PLR2004  documented
    editable = org.editable(entity.name, one, user_id) and not entity.read_only
    return {
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "soapType": _SOAP.get(one.type, "xsd:string"),
        "length": one.length,
        "byteLength": one.length * 3,
        "precision": 0 if one.type == "int" else one.precision,
        "digits": one.precision if one.type == "int" else 0,
        "scale": one.scale,
        "custom": one.custom,
        "nillable": not one.required and one.type != "boolean",
        "updateable": editable,
        "createable": editable,
        "calculated": bool(one.extra.get("calculated")),
        "autoNumber": False,
        "externalId": bool(one.extra.get("externalId")),
        "unique": False,
        "aggregatable": not long and one.type != "boolean",
        "filterable": not long,
        "sortable": not long,
        "groupable": not long and one.type not in {"double", "currency", "percent", "datetime"},
        "defaultedOnCreate": one.type == "boolean" or one.name == "OwnerId",
        "restrictedPicklist": one.restricted,
        "picklistValues": [
            {
                "value": option.value,
                "label": option.label,
                "active": option.active,
                "defaultValue": False,
                "validFor": None,
            }
            for option in one.options
        ],
        "referenceTo": [one.refers_to] if one.refers_to else [],
        "relationshipName": one.relationship or None,
        "inlineHelpText": one.help or None,
        "nameField": one.name == "Name",
    }


def _record_types(org: SalesforceOrg, name: str) -> list[dict[str, Any]]:
    found = org.records.select("RecordType", "SobjectType = ?", (name,))
    return [
        {
            "name": one["Name"],
            "developerName": one["DeveloperName"],
            "recordTypeId": one["_id"],
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": place == 0,
            "master": False,
        }
        for place, one in enumerate(found)
    ]
