"""Labels that a portal makes for associations: each is a type of its own, or two where it has an inverse."""

from typing import Any

from crm_kare.sandbox.hubspot.associations import FIRST_LABEL, category, pair
from crm_kare.sandbox.hubspot.call import Call, Reply
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import malformed, not_found, validation
from crm_kare.sandbox.hubspot.links import opposite, untie
from crm_kare.sandbox.hubspot.portal import Portal


def create_label(call: Call) -> Reply:
    """POST a label; the reply names its types, the inverse one's too."""
    source, target = pair(call)
    body, portal = call.mapping(), call.portal
    if not body.get("label") or not body.get("name"):
        raise malformed("Some required fields were not set: [label, name]")
    name, label, inverse = str(body["name"]), str(body["label"]), body.get("inverseLabel")
    if name in {held for held, _ in portal.labels.get((source.name, target.name), {}).values()}:
        raise validation(f"An association type named {name} already exists.")
    first = FIRST_LABEL + len(portal.inverses)
    there, back = str(first), str(first + 1)
    _hold(portal, source, target, there, name, label)
    _hold(portal, target, source, back, f"{name}_inverse", str(inverse or label))
    portal.inverses |= {there: back, back: there}
    shown = [_shown(there, label)] + ([_shown(back, str(inverse))] if inverse else [])
    return Reply(200, {"results": shown})


def _hold(portal: Portal, source: ObjectType, target: ObjectType, type_id: str, name: str, label: str) -> None:
    portal.labels.setdefault((source.name, target.name), {})[type_id] = (name, label)


def _shown(type_id: str, label: str) -> dict[str, Any]:
    return {"category": category(type_id), "typeId": int(type_id), "label": label}


def update_label(call: Call) -> Reply:
    """PUT another text for a label."""
    source, target = pair(call)
    body = call.mapping()
    if not body.get("label") or "associationTypeId" not in body:
        raise malformed("Some required fields were not set: [associationTypeId, label]")
    type_id = str(body["associationTypeId"])
    name = _held(call, source, target, type_id)
    _hold(call.portal, source, target, type_id, name, str(body["label"]))
    if body.get("inverseLabel"):
        _hold(call.portal, target, source, opposite(call.portal, type_id), f"{name}_inverse", str(body["inverseLabel"]))
    return Reply(204)


def archive_label(call: Call) -> Reply:
    """DELETE a label, and take it from every pair that has it."""
    source, target = pair(call)
    type_id = call.path["type_id"]
    _held(call, source, target, type_id)
    ids = [one["_id"] for one in call.portal.org.select(source.name)]
    links = [one for one in call.portal.org.links(source.name, target.name, ids) if one[2] == type_id]
    untie(call.portal, source.name, target.name, links)
    del call.portal.labels[source.name, target.name][type_id]
    call.portal.labels[target.name, source.name].pop(opposite(call.portal, type_id), None)
    return Reply(204)


def _held(call: Call, source: ObjectType, target: ObjectType, type_id: str) -> str:
    held = call.portal.labels.get((source.name, target.name), {}).get(type_id)
    if held is None:
        raise not_found(f"No label with type {type_id} was made between these object types.")
    return held[0]
