"""The object schemas API: this portal has no custom objects, and tells of the standard ones by name."""

from crm_kare.sandbox.hubspot.call import Call, Reply
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES
from crm_kare.sandbox.hubspot.links import types_between


def list_schemas(_call: Call) -> Reply:
    """The custom objects, of which there are none: standard ones are never listed."""
    return Reply(200, {"results": []})


def get_schema(call: Call) -> Reply:
    """A standard object: its properties, and the types of associations that begin at it."""
    kind, portal = call.kind, call.portal
    body = {
        "id": kind.id,
        "objectTypeId": kind.id,
        "fullyQualifiedName": kind.word,
        "name": kind.word,
        "labels": {"singular": kind.singular.capitalize(), "plural": kind.name.capitalize()},
        "requiredProperties": list(kind.required),
        "searchableProperties": [],
        "secondaryDisplayProperties": [],
        "archived": False,
        "properties": [one.as_json() for one in portal.properties(kind).values()],
        "associations": [
            {"id": type_id, "name": name, "fromObjectTypeId": kind.id, "toObjectTypeId": other.id}
            for other in OBJECT_TYPES
            for type_id, (name, _) in types_between(portal, kind.name, other.name).items()
        ],
    }
    return Reply(200, body)
