"""Merging two records: both vanish, and a third with a new id stands for them."""

from collections.abc import Sequence
from typing import Any

from crm_kare.sandbox.hubspot.call import Call, Reply
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import malformed, not_found, validation
from crm_kare.sandbox.hubspot.links import TYPES, tie, untie
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.records import shown
from crm_kare.sandbox.store import Record


def merge_records(call: Call) -> Reply:
    """Merge two live records; the primary's values win, the other's fill its blanks."""
    body, kind = call.mapping(), call.kind
    try:
        ids = [str(body["primaryObjectId"]), str(body["objectIdToMerge"])]
    except KeyError as missing:
        raise malformed(f"Some required fields were not set: [{missing.args[0]}]") from None
    if ids[0] == ids[1]:
        raise validation("A record cannot be merged with itself.")
    found = call.portal.org.get_many(kind.name, ids, deleted=False)
    if len(found) < len(ids):
        raise not_found()
    with call.portal.org.store.transaction():
        merged = merge(call.portal, kind, found[ids[0]], found[ids[1]], call.who)
    return Reply(200, shown(call.portal, kind, [merged], None)[0])


def merge(portal: Portal, kind: ObjectType, primary: Record, other: Record, who: str) -> Record:
    """The new record, with the history of both. Links move to it: asked with the old ids they come back empty."""
    names = portal.org.fields(kind.name)
    values: dict[str, Any] = {name: other[name] if primary[name] is None else primary[name] for name in names}
    before = [held for one in (primary, other) for held in [one["hs_merged_object_ids"], one["_id"]] if held]
    values["hs_merged_object_ids"] = ";".join(before)
    values["_created"] = min(primary["_created"], other["_created"])
    new_id = portal.org.insert(kind.name, values, who)
    _join_histories(portal, kind, new_id, [primary["_id"], other["_id"]])
    for old in (primary, other):
        _move_links(portal, kind, old["_id"], new_id)
        portal.org.delete(kind.name, old["_id"], who, merged_into=new_id)
    portal.org.tell(
        "merge",
        kind.name,
        new_id,
        who,
        primaryObjectId=int(primary["_id"]),
        mergedObjectIds=[int(other["_id"])],
        newObjectId=int(new_id),
        numberOfPropertiesMoved=sum(primary[name] is None and other[name] is not None for name in names),
    )
    return portal.org.get_many(kind.name, [new_id])[new_id]


def _join_histories(portal: Portal, kind: ObjectType, new: str, olds: Sequence[str]) -> None:
    """Both records' changes; where the later one is not what counts now, the merge is a change of its own."""
    portal.org.keep_history(kind.name, new, olds)
    latest = {one.field: one.new for one in portal.org.history(kind.name, [new])}
    kept = portal.org.get_many(kind.name, [new])[new]
    if moved := {name: value for name, value in latest.items() if kept[name] != value}:
        portal.org.recompute(kind.name, new, moved)
        portal.org.update(kind.name, new, {name: kept[name] for name in moved}, "merge")


def _move_links(portal: Portal, kind: ObjectType, old: str, new: str) -> None:
    for source, target in TYPES:
        if source != kind.name:
            continue
        links = portal.org.links(source, target, [old])
        untie(portal, source, target, links)
        tie(portal, source, target, [(new, there, type_id) for _, there, type_id in links])
