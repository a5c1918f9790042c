"""What an object says of itself, as one user sees it."""

from typing import Any, Final

from crm_kare.sandbox.salesforce.children import child_relationships
from crm_kare.sandbox.salesforce.definitions import ObjectDef
from crm_kare.sandbox.salesforce.ids import PREFIXES
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import FieldDef

_SOAP: Final = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "date": "xsd:date", "datetime": "xsd:dateTime",
    "double": "xsd:double", "currency": "xsd:double", "percent": "xsd:double", "int": "xsd:int",
}  # fmt: skip

_NO_OBJECT: Final = dict.fromkeys(
    (
        "activateable",
        "customSetting",
        "deepCloneable",
        "deprecatedAndHidden",
        "hasSubtypes",
        "isInterface",
        "isSubtype",
    ),
    False,
)
"""Flags of a describe that are set for none of these objects."""

_NO_FIELD: Final = dict.fromkeys(
    (
        "aiPredictionField", "cascadeDelete", "caseSensitive", "dependentPicklist", "deprecatedAndHidden",
        "displayLocationInDecimal", "encrypted", "formulaTreatNullNumberAsZero", "highScaleNumber", "htmlFormatted",
        "namePointing", "polymorphicForeignKey", "queryByDistance", "restrictedDelete", "searchPrefilterable",
        "writeRequiresMasterRead",
    ),
    False,
)  # fmt: skip
"""The same for their fields."""

_UNTOLD: Final = dict.fromkeys(
    (
        "calculatedFormula", "compoundFieldName", "controllerName", "defaultValue", "defaultValueFormula",
        "extraTypeInfo", "filteredLookupInfo", "mask", "maskType", "referenceTargetField", "relationshipOrder",
    ),
)  # fmt: skip
"""What a describe has no value for, with any of these fields."""

MASTER: Final = "012000000000000AAA"
"""Id of the record type of objects that have none of their own."""


def list_objects(org: SalesforceOrg, user_id: str, root: str) -> dict[str, Any]:
    """All objects that plain REST shows a user."""
    shown = [_head(org, one, user_id, root) for one in org.objects(user_id)]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown}


def describe(org: SalesforceOrg, definition: ObjectDef, user_id: str, root: str) -> dict[str, Any]:
    """One object with the fields that the user sees; `updateable` is what the user may write."""
    fields = [_field(org, definition, one, user_id) for one in org.visible(definition.name, user_id).values()]
    return _head(org, definition, user_id, root) | {
        "fields": fields,
        "recordTypeInfos": _record_types(org, definition.name),
        "childRelationships": child_relationships(org, definition.name, user_id),
        "searchLayoutable": True,
    }


def _head(org: SalesforceOrg, definition: ObjectDef, user_id: str, root: str) -> dict[str, Any]:
    name = definition.name
    rights = frozenset() if definition.read_only else org.access(name, user_id).rights
    business = not definition.setup and not definition.read_only
    return {
        **_NO_OBJECT,
        **dict.fromkeys(("feedEnabled", "layoutable", "mruEnabled", "searchable", "triggerable"), business),
        "name": name,
        "label": definition.label,
        "labelPlural": f"{definition.label}s",
        "keyPrefix": PREFIXES[name],
        "custom": False,
        "createable": "Create" in rights,
        "updateable": "Edit" in rights,
        "deletable": "Delete" in rights,
        "queryable": True,
        "retrieveable": True,
        "mergeable": definition.mergeable,
        "replicateable": definition.has_bin,
        "undeletable": "Delete" in rights and not definition.setup,
        "urls": {
            "sobject": f"{root}/sobjects/{name}",
            "describe": f"{root}/sobjects/{name}/describe",
            "rowTemplate": f"{root}/sobjects/{name}/{{ID}}",
        },
    }


def _field(org: SalesforceOrg, entity: ObjectDef, one: FieldDef, user_id: str) -> dict[str, Any]:
    long = one.type == "textarea" and one.length > 255  # noqa: PLR2004  documented
    access = org.access(entity.name, user_id)
    editable = one.name in access.editable and not entity.read_only
    return {
        **_NO_FIELD,
        **_UNTOLD,
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
        "updateable": editable and "Edit" in access.rights and not one.extra.get("fixed"),
        "createable": editable and "Create" in access.rights,
        "permissionable": entity.permissionable(one),
        "calculated": bool(one.extra.get("calculated")),
        "autoNumber": bool(one.extra.get("autoNumber")),
        "externalId": bool(one.extra.get("externalId")),
        "idLookup": one.name == "Id" or bool(one.extra.get("externalId")),
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
    """The object's own, the first one being the default, and the master, which each object has."""
    found = org.records.select("RecordType", "SobjectType = ?", (name,)) if org.settings.record_types else []
    own = [(one["Name"], one["DeveloperName"], one["_id"], bool(one["IsActive"])) for one in found]
    return [
        {
            "name": label,
            "developerName": developer_name,
            "recordTypeId": type_id,
            "active": active,
            "available": active,
            "defaultRecordTypeMapping": place == 0,
            "master": type_id == MASTER,
        }
        for place, (label, developer_name, type_id, active) in enumerate([*own, ("Master", "Master", MASTER, True)])
    ]
