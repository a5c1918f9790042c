"""Writing associations, v4: link and unlink by types, by default, by labels; one pair or a batch."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from crm_kare.sandbox.hubspot.associations import between, pair
from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import malformed, validation
from crm_kare.sandbox.hubspot.links import PRIMARY, opposite, tie, types_between, untie
from crm_kare.sandbox.hubspot.portal import Portal, object_type
from crm_kare.sandbox.hubspot.values import stamp

BATCH: Final = 2000

_CATEGORIES: Final = ("HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED")

Tie = tuple[str, str, list[str]]
"""Source id, target id, type ids."""


def specs(asked: Any) -> set[str]:
    """The type ids of a list of association types.

    Raises:
        HubSpotError: 400, a type without its category or id.
    """
    found = [as_mapping(one) for one in as_list({"types": asked}, "types")]
    for one in found:
        if one.get("associationCategory") not in _CATEGORIES:
            raise malformed(f"Enum associationCategory must be one of: {list(_CATEGORIES)}")
        if not isinstance(one.get("associationTypeId"), int):
            raise malformed("Some required fields were not set: [associationTypeId]")
    return {str(one["associationTypeId"]) for one in found}


def batch_create(call: Call) -> Reply:
    """Link up to 2,000 pairs by given types."""
    source, target = pair(call)
    began = stamp(call.portal.now())
    ties = [_tie(call, source, target, one) for one in inputs(call.mapping(), BATCH)]
    link(call.portal, source, target, ties)
    results = [_labelled(call, source, target, one) for one in ties]
    body = {"status": "COMPLETE", "results": results, "startedAt": began, "completedAt": stamp(call.portal.now())}
    return Reply(201, body)


def create_one(call: Call) -> Reply:
    """PUT one pair's association; the body is the list of its types."""
    source, target = _ends(call)
    one = (call.path["id"], call.path["target_id"], _known(call.portal, source, target, specs(call.body)))
    link(call.portal, source, target, [one])
    return Reply(201, _labelled(call, source, target, one))


def _tie(call: Call, source: ObjectType, target: ObjectType, one: Mapping[str, Any]) -> Tie:
    if not {"from", "to", "types"} <= set(one):
        raise malformed("Some required fields were not set: [from, to, types]")
    types = _known(call.portal, source, target, specs(one["types"]))
    return id_of(as_mapping(one["from"])), id_of(as_mapping(one["to"])), types


def _known(portal: Portal, source: ObjectType, target: ObjectType, types: set[str]) -> list[str]:
    if not types:
        raise validation("At least one association type must be given.")
    if unknown := types - set(between(portal, source, target)):
        raise validation(f"Association type {min(unknown)} does not exist between these object types.")
    return sorted(types)


def link(portal: Portal, source: ObjectType, target: ObjectType, ties: Iterable[Tie]) -> None:
    """Link records that are there. A label brings the type without one; a new primary takes the old one's place.

    Raises:
        HubSpotError: 400, a record is not there; nothing is linked then.
    """
    held = list(ties)
    _require_records(portal, source, [here for here, _, _ in held])
    _require_records(portal, target, [there for _, there, _ in held])
    types = types_between(portal, source.name, target.name)
    bare = [one for one, (_, label) in types.items() if label is None]
    with portal.org.store.transaction():
        for here, there, asked in held:
            _demote(portal, source, target, (here, there, [one for one in asked if types[one][1] == PRIMARY]))
            tie(portal, source.name, target.name, [(here, there, one) for one in dict.fromkeys((*asked, *bare))])


def _require_records(portal: Portal, kind: ObjectType, ids: list[str]) -> None:
    if missing := set(ids) - set(portal.org.get_many(kind.name, ids, deleted=False)):
        raise validation(f"One or more associations are invalid: {sorted(missing)} do not exist.")


def _demote(portal: Portal, source: ObjectType, target: ObjectType, primary: Tie) -> None:
    """Take the label from the company that had it: a deal or a contact has one primary company at most."""
    here, there, types = primary
    side, end, other = (target, there, source) if source.name == "companies" else (source, here, target)
    for type_id in types:
        label = opposite(portal, type_id) if source.name == "companies" else type_id
        had = [one for one in portal.org.links(side.name, other.name, [end]) if one[2] == label]
        untie(portal, side.name, other.name, had)


def _labelled(call: Call, source: ObjectType, target: ObjectType, one: Tie) -> dict[str, Any]:
    here, there, asked = one
    types = between(call.portal, source, target)
    return {
        "fromObjectTypeId": source.id,
        # Integers in v4, text in the dated versions, as where associations are read.
        "fromObjectId": here if call.dated else int(here),
        "toObjectTypeId": target.id,
        "toObjectId": there if call.dated else int(there),
        "labels": [label for label in (types[type_id][1] for type_id in asked) if label],
    }


def default_one(call: Call) -> Reply:
    """PUT one pair's association without a label."""
    source, target = _ends(call)
    return _default(call, source, target, [(call.path["id"], call.path["target_id"])])


def batch_default(call: Call) -> Reply:
    """Link up to 2,000 pairs without a label."""
    source, target = pair(call)
    return _default(call, source, target, [_from_and_to(one) for one in inputs(call.mapping(), BATCH)])


def _from_and_to(one: Mapping[str, Any]) -> tuple[str, str]:
    if not {"from", "to"} <= set(one):
        raise malformed("Some required fields were not set: [from, to]")
    return id_of(as_mapping(one["from"])), id_of(as_mapping(one["to"]))


def _default(call: Call, source: ObjectType, target: ObjectType, pairs: list[tuple[str, str]]) -> Reply:
    began = stamp(call.portal.now())
    types = [one for one, (_, label) in between(call.portal, source, target).items() if label is None]
    if not types:
        raise validation(f"There is no default association between {source.name} and {target.name}.")
    link(call.portal, source, target, [(here, there, types) for here, there in pairs])
    results = [
        {
            "from": {"id": one},
            "to": {"id": other},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": int(type_id)},
        }
        for here, there in pairs
        for one, other, type_id in ((here, there, types[0]), (there, here, opposite(call.portal, types[0])))
    ]
    body = {"status": "COMPLETE", "results": results, "startedAt": began, "completedAt": stamp(call.portal.now())}
    return Reply(200, body)


def _ends(call: Call) -> tuple[ObjectType, ObjectType]:
    source, target = object_type(call.path["kind"]), object_type(call.path["target"])
    between(call.portal, source, target)
    return source, target


def archive_one(call: Call) -> Reply:
    """DELETE all associations of one pair."""
    source, target = _ends(call)
    _unlink(call.portal, source, target, {call.path["id"]: {call.path["target_id"]}})
    return Reply(204)


def batch_archive(call: Call) -> Reply:
    """Unlink each input's record from all that its `to` names, whatever the types."""
    source, target = pair(call)
    for one in inputs(call.mapping(), BATCH):
        if "from" not in one or not isinstance(one.get("to"), list):
            raise malformed("Some required fields were not set: [from, to]")
        ends = {id_of(as_mapping(end)) for end in one["to"]}
        _unlink(call.portal, source, target, {id_of(as_mapping(one["from"])): ends})
    return Reply(204)


def _unlink(portal: Portal, source: ObjectType, target: ObjectType, pairs: Mapping[str, set[str]]) -> None:
    links = portal.org.links(source.name, target.name, list(pairs))
    untie(portal, source.name, target.name, [one for one in links if one[1] in pairs[one[0]]])


def batch_archive_labels(call: Call) -> Reply:
    """Take the given types away from up to 2,000 pairs; the others stay."""
    source, target = pair(call)
    ties = [_tie(call, source, target, one) for one in inputs(call.mapping(), BATCH)]
    untie(call.portal, source.name, target.name, [(here, there, one) for here, there, types in ties for one in types])
    return Reply(204)
