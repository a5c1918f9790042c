"""The properties API: definitions and groups."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping, inputs
from crm_kare.sandbox.hubspot.definitions import OBJECT_TYPES, Group, ObjectType, Option, Property
from crm_kare.sandbox.hubspot.errors import HubSpotError, malformed, not_found, validation
from crm_kare.sandbox.hubspot.lists import refuse_archiving
from crm_kare.sandbox.hubspot.reading import completed
from crm_kare.sandbox.hubspot.values import stamp

BATCH: Final = 100
LONGEST_NAME: Final = 100
LONGEST_DESCRIPTION: Final = 65_536
UNIQUE: Final = 10

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_FIELD_TYPES: Final[dict[str, frozenset[str]]] = {
    "bool": frozenset({"booleancheckbox", "calculation_equation"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date"}),
    "enumeration": frozenset({"booleancheckbox", "checkbox", "radio", "select", "calculation_equation"}),
    "number": frozenset({"number", "calculation_equation"}),
    "phone_number": frozenset({"phonenumber"}),
    "string": frozenset({"text", "textarea", "html", "file", "phonenumber", "calculation_equation"}),
}
"""Which field types go with a type."""


def list_properties(call: Call) -> Reply:
    """All definitions, not paged; the archived ones on request only."""
    held = call.portal.archived[call.kind.name] if call.flag("archived") else call.portal.properties(call.kind)
    return Reply(200, {"results": [one.as_json() for one in held.values()]})


def get_property(call: Call) -> Reply:
    """One definition."""
    return Reply(200, _known(call, call.path["name"]).as_json())


def _known(call: Call, name: str) -> Property:
    held = call.portal.archived[call.kind.name] if call.flag("archived") else call.portal.properties(call.kind)
    if name not in held:
        raise not_found(f'Property "{name}" does not exist', category="OBJECT_NOT_FOUND")
    return held[name]


def create_property(call: Call) -> Reply:
    """A new definition; 409 where the name is taken."""
    return Reply(201, _create(call, call.mapping()))


def batch_create(call: Call) -> Reply:
    """Up to 100 definitions, each by itself."""
    began = stamp(call.portal.now())
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for one in inputs(call.mapping(), BATCH):
        try:
            results.append(_create(call, one))
        except HubSpotError as refused:
            errors.append(refused.body)
    return completed(call.portal, began, results, errors, status=201)


def batch_read(call: Call) -> Reply:
    """Up to 100 definitions by name; names that are none make the reply a 207."""
    body = call.mapping()
    _require(body, ("archived",))
    began = stamp(call.portal.now())
    held = call.portal.archived[call.kind.name] if body["archived"] is True else call.portal.properties(call.kind)
    asked = [_named(one) for one in inputs(body, BATCH)]
    missing = [name for name in asked if name not in held]
    errors = [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "The following property names were not found.",
            "context": {"name": missing},
        }
    ]
    results = [held[name].as_json() for name in asked if name in held]
    return completed(call.portal, began, results, errors if missing else ())


def batch_archive(call: Call) -> Reply:
    """Archive up to 100 definitions; names that are none are passed over."""
    for one in inputs(call.mapping(), BATCH):
        if held := call.portal.properties(call.kind).get(_named(one)):
            _archive(call, held)
    return Reply(204)


def _named(one: Mapping[str, Any]) -> str:
    _require(one, ("name",))
    return str(one["name"])


def _create(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    _require(body, ("name", "label", "type", "fieldType", "groupName"))
    name, kind, portal = str(body["name"]), call.kind, call.portal
    _check_name(name)
    if name in portal.properties(kind):
        raise HubSpotError(
            409,
            f"A property named '{name}' already exists.",
            category="OBJECT_ALREADY_EXISTS",
            subCategory="Properties.PROPERTY_WITH_NAME_EXISTS",
        )
    now = stamp(portal.now())
    _require_room(call)
    # The name of an archived property gives that property back, with its old stamp (seen on a developer test account).
    archived = portal.archived[kind.name].get(name)
    created = archived.created if archived else now
    made = _filled(call, Property(name, "", defined_by_hubspot=False, created=created, updated=now), body)
    _check_unique(call, made)
    portal.archived[kind.name].pop(name, None)
    portal.org.add_field(kind.name, made.as_field())
    return made.as_json()


def _require(body: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if absent := [name for name in names if body.get(name) in (None, "")]:
        raise malformed(f"Some required fields were not set: [{', '.join(absent)}]")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise validation(
            f"The name '{name}' is not valid: it must begin with a letter and hold only lowercase letters, digits and "
            f"underscores, at most {LONGEST_NAME} of them."
        )
    if name.startswith("hs_"):
        raise validation(f"The name '{name}' is not valid: the prefix hs_ is reserved for HubSpot.")


def room(call: Call) -> Reply:
    """GET /crm/v3/limits/custom-properties: how many properties people may add, and have added."""
    portal = call.portal
    most = portal.settings.most_properties
    used = [(kind, _added(call, kind)) for kind in OBJECT_TYPES]
    listed = [
        {
            "objectTypeId": kind.id,
            "singularLabel": kind.name.title(),
            "pluralLabel": kind.name.title(),
            "limit": most,
            "usage": count,
            "percentage": round(100 * count / most, 1),
        }
        for kind, count in used
    ]
    total, limit = sum(count for _, count in used), most * len(used)
    overall = {"overallLimit": limit, "overallUsage": total, "overallPercentage": round(100 * total / limit, 1)}
    return Reply(200, {**overall, "byObjectType": listed})


def _added(call: Call, kind: ObjectType) -> int:
    return sum(not one.defined_by_hubspot for one in call.portal.properties(kind).values())


def _require_room(call: Call) -> None:
    most = call.portal.settings.most_properties
    if _added(call, call.kind) >= most:
        raise validation(f"The limit of {most} custom properties is reached.", subCategory="Properties.LIMIT_REACHED")


def _check_unique(call: Call, made: Property) -> None:
    unique = [one for one in call.portal.properties(call.kind).values() if one.unique and not one.defined_by_hubspot]
    if made.unique and len(unique) >= UNIQUE:
        raise validation(f"An object can have at most {UNIQUE} unique properties.")


def _filled(call: Call, held: Property, body: Mapping[str, Any]) -> Property:
    """The definition with what the body says; options replace the whole list."""
    made = replace(
        held,
        label=str(body.get("label", held.label)),
        type=body.get("type", held.type),
        field_type=body.get("fieldType", held.field_type),
        group=body.get("groupName", held.group),
        description=str(body.get("description", held.description)),
        order=body.get("displayOrder", held.order),
        hidden=_true(body, "hidden", default=held.hidden),
        unique=_true(body, "hasUniqueValue", default=held.unique),
        form_field=_true(body, "formField", default=held.form_field),
        options=_options(body) if "options" in body else held.options,
    )
    _check_types(made)
    if made.group not in call.portal.groups[call.kind.name]:
        raise validation(f"Property group '{made.group}' does not exist.", subCategory="Properties.GROUP_NOT_FOUND")
    if len(made.description) > LONGEST_DESCRIPTION:
        raise validation(f"The description is longer than {LONGEST_DESCRIPTION} characters.")
    return made


def _true(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    found = body.get(name, default)
    if not isinstance(found, bool):
        raise malformed(f"{name} must be true or false")
    return found


def _check_types(made: Property) -> None:
    if made.type not in _FIELD_TYPES:
        raise malformed(f"Enum type must be one of: {sorted(_FIELD_TYPES)}")
    if made.field_type not in _FIELD_TYPES[made.type]:
        raise validation(f"fieldType {made.field_type} does not go with type {made.type}.")
    if made.type == "enumeration" and not made.options:
        raise validation("Options are required for properties of type enumeration.")
    if made.type == "bool" and [one.value for one in made.options] not in ([], ["true", "false"], ["false", "true"]):
        raise validation("Options of a bool property must be 'true' and 'false'.")


def _options(body: Mapping[str, Any]) -> tuple[Option, ...]:
    made = tuple(_option(as_mapping(one), place) for place, one in enumerate(as_list(body, "options")))
    for part in ("value", "label"):
        held = [getattr(one, part) for one in made]
        if doubles := sorted({one for one in held if held.count(one) > 1}):
            raise validation(f"Option {part}s must be unique: {doubles} occur more than once.")
    return made


def _option(one: Mapping[str, Any], place: int) -> Option:
    _require(one, ("label", "value"))
    return Option(
        str(one["value"]),
        str(one["label"]),
        _true(one, "hidden", default=False),
        int(one.get("displayOrder", place)),
        str(one.get("description") or ""),
    )


def update_property(call: Call) -> Reply:
    """Change a definition that the customer made; of HubSpot's own only the options of some, so none here."""
    held = _known(call, call.path["name"])
    body = call.mapping()
    if held.defined_by_hubspot:
        raise validation(f"Property '{held.name}' is defined by HubSpot and cannot be changed.")
    if (
        "type" in body
        and body["type"] != held.type
        and call.portal.org.count(call.kind.name, f'"{held.name}" IS NOT NULL')
    ):
        raise validation(f"The type of '{held.name}' cannot be changed while records have values.")
    made = replace(_filled(call, held, body), updated=stamp(call.portal.now()))
    call.portal.org.change_field(call.kind.name, made.as_field())
    return Reply(200, made.as_json())


def archive_property(call: Call) -> Reply:
    """Archive a definition: reads omit it, writes say that it does not exist."""
    _archive(call, _known(call, call.path["name"]))
    return Reply(204)


def _archive(call: Call, held: Property) -> None:
    if held.defined_by_hubspot:
        raise validation(f"Property '{held.name}' is defined by HubSpot and cannot be archived.")
    refuse_archiving(call, held.name)
    call.portal.org.drop_field(call.kind.name, held.name)
    call.portal.archived[call.kind.name][held.name] = replace(held, archived=True)


def list_groups(call: Call) -> Reply:
    """All groups of the object type."""
    return Reply(200, {"results": [one.as_json() for one in call.portal.groups[call.kind.name].values()]})


def get_group(call: Call) -> Reply:
    """One group."""
    return Reply(200, _group(call).as_json())


def _group(call: Call) -> Group:
    held = call.portal.groups[call.kind.name]
    if call.path["name"] not in held:
        raise not_found(f"Property group '{call.path['name']}' does not exist", category="OBJECT_NOT_FOUND")
    return held[call.path["name"]]


def create_group(call: Call) -> Reply:
    """A new group; 409 where the name is taken."""
    body = call.mapping()
    _require(body, ("name", "label"))
    name = str(body["name"])
    _check_name(name)
    if name in call.portal.groups[call.kind.name]:
        raise HubSpotError(
            409,
            f"A property group named '{name}' already exists.",
            category="OBJECT_ALREADY_EXISTS",
            subCategory="Properties.GROUP_EXISTS",
        )
    made = Group(name, str(body["label"]), int(body.get("displayOrder", -1)))
    call.portal.groups[call.kind.name][name] = made
    return Reply(201, made.as_json())


def update_group(call: Call) -> Reply:
    """Another label or place for a group."""
    held, body = _group(call), call.mapping()
    made = replace(held, label=str(body.get("label", held.label)), order=int(body.get("displayOrder", held.order)))
    call.portal.groups[call.kind.name][held.name] = made
    return Reply(200, made.as_json())


def archive_group(call: Call) -> Reply:
    """Archive a group, which must be empty."""
    held = _group(call)
    if any(one.group == held.name for one in call.portal.properties(call.kind).values()):
        raise validation(
            f"Can't delete or purge a group with active properties: {held.name}",
            subCategory="PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES",
        )
    del call.portal.groups[call.kind.name][held.name]
    return Reply(204)
