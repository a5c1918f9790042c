"""Which picklist values a record type lets through: told by the User Interface API, set over the Tooling API, and enforced.

An org of the sandbox lets all through until a test says otherwise.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.request import DATA, Address, Call, record_id
from crm_kare.sandbox.store import FieldDef, Record


def narrow(org: SalesforceOrg, type_name: str, field: str, values: Collection[str]) -> str:
    """Let only these values of a picklist through in a record type; the type's id."""
    (found,) = org.records.select("RecordType", "Name = ?", (type_name,))
    org.settings.record_type_values[found["_id"], field] = frozenset(values)
    return str(found["_id"])


def fault_of(org: SalesforceOrg, entity: str, after: Mapping[str, Any], field: FieldDef) -> RecordError | None:
    """What is wrong with a value of a restricted picklist that the record's type leaves out."""
    type_id, value = after.get("RecordTypeId"), after.get(field.name)
    if not type_id or value is None or field.type != "picklist" or not field.restricted:
        return None
    if value in _let_through(org, str(type_id), entity, field):
        return None
    message = f"{field.label}: bad value for restricted picklist field: {value}"
    return RecordError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (field.name,))


def _picklists(org: SalesforceOrg, entity: str) -> list[FieldDef]:
    return [one for one in org.fields(entity).values() if one.type == "picklist"]


def _let_through(org: SalesforceOrg, type_id: str, entity: str, field: FieldDef) -> list[str]:
    """Active values in their order; of a picklist made over the API none at first, where the org is set so."""
    given = {one.name for one in BY_NAME[entity].fields}
    closed = org.settings.new_picklists_closed and field.name not in given
    told = org.settings.record_type_values.get((type_id, field.name), frozenset() if closed else None)
    return [one.value for one in field.options if one.active and (told is None or one.value in told)]


def _type(call: Call) -> Record:
    found = call.org.records.get("RecordType", record_id(call))
    if found is None or not call.org.settings.record_types:
        raise not_found()
    return found


def _values(call: Call) -> Response:
    entity = call.org.object(call.path["object"], call.user_id).name
    held = _type(call)
    seen = call.org.access(entity, call.user_id).visible
    told: dict[str, Any] = {
        one.name: {
            "controllerValues": {},
            "defaultValue": None,
            "values": [
                {"attributes": None, "label": value, "validFor": [], "value": value}
                for value in _let_through(call.org, held["_id"], entity, one)
            ],
        }
        for one in _picklists(call.org, entity)
        if one.name.lower() in seen
    }
    return JSONResponse({"eTag": "0", "picklistFieldValues": told})


def _metadata(call: Call) -> Response:
    held = _type(call)
    entity = str(held["SobjectType"])
    lists = [
        {
            "picklist": one.name,
            "values": [
                {"default": False, "valueName": value} for value in _let_through(call.org, held["_id"], entity, one)
            ],
        }
        for one in _picklists(call.org, entity)
    ]
    told = {"active": bool(held["IsActive"]), "label": held["Name"], "picklistValues": lists}
    full_name = f"{entity}.{held['DeveloperName']}"
    return JSONResponse({"Id": held["_id"], "Name": held["Name"], "FullName": full_name, "Metadata": told})


def _change(call: Call) -> Response:
    if not call.org.may(call.user_id, "CustomizeApplication"):
        raise SalesforceError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")
    held = _type(call)
    told: Mapping[str, Any] = call.record().get("Metadata") or {}
    if not isinstance(told.get("label"), str) or not isinstance(told.get("picklistValues"), list):
        raise bad_request("JSON_PARSER_ERROR", "Metadata needs label and picklistValues")
    known = {one.name: one for one in _picklists(call.org, str(held["SobjectType"]))}
    for one in told["picklistValues"]:
        values = {unquote(str(value.get("valueName"))) for value in one.get("values") or []}
        field = known.get(one.get("picklist"))
        if field is None or values - {option.value for option in field.options}:
            raise bad_request("FIELD_INTEGRITY_EXCEPTION", f"Picklist value not found: {json.dumps(one)[:80]}")
        call.org.settings.record_type_values[held["_id"], field.name] = frozenset(values)
    return Response(status_code=204)


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/ui-api/object-info/{{object}}/picklist-values/{{id}}", "GET", _values),
    (f"{DATA}/tooling/sobjects/RecordType/{{id}}", "GET", _metadata),
    (f"{DATA}/tooling/sobjects/RecordType/{{id}}", "PATCH", _change),
)
