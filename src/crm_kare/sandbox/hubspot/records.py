"""How a record looks in a reply: properties as text or null, with history where it was asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.portal import APP_ID, Portal
from crm_kare.sandbox.hubspot.values import stamp_of
from crm_kare.sandbox.store import HistoryEntry, Record

_BY_HAND: Final = {"user": "CRM_UI", "bulk": "CRM_UI_BULK_ACTION"}
"""On the record's page, and for many records at once in a list."""
_BY_ITSELF: Final = {"calculated": "CALCULATED", "merge": "MERGE_OBJECTS"}


def value(record: Mapping[str, Any], kind: ObjectType, name: str) -> str | None:
    """One property's value; the system's own come from the record's stamps."""
    if name == "hs_object_id":
        return str(record["_id"])
    if name == kind.created:
        return stamp_of(record["_created"])
    if name == kind.modified:
        return stamp_of(record["_modified"])
    kept: str | None = record[name]
    return kept


def shown(
    portal: Portal,
    kind: ObjectType,
    records: Sequence[Record],
    asked: Sequence[str] | None,
    history: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The records as the API shows them.

    Args:
        portal: the account.
        kind: their object type.
        records: as stored.
        asked: property names; `None` means the defaults. Unknown names are silently ignored.
        history: names whose earlier values are wanted too.
    """
    names = wanted(portal, kind, asked, history)
    looks = [_one(record, kind, names) for record in records]
    if history:
        _add_history(portal, kind, records, looks, [name for name in history if name in names])
    return looks


def wanted(portal: Portal, kind: ObjectType, asked: Sequence[str] | None, history: Sequence[str] = ()) -> list[str]:
    """Names of the properties that a record is shown with; arguments as `shown`."""
    known = portal.properties(kind)
    names = {*kind.always, *(kind.defaults if asked is None else asked), *history}
    return sorted(name for name in names if name in known)


def _one(record: Record, kind: ObjectType, names: Iterable[str]) -> dict[str, Any]:
    made, changed = stamp_of(record["_created"]), stamp_of(record["_modified"])
    properties = {name: record[name] for name in names}
    properties[kind.created], properties[kind.modified], properties["hs_object_id"] = made, changed, record["_id"]
    look: dict[str, Any] = {
        "id": record["_id"],
        "properties": properties,
        "createdAt": made,
        "updatedAt": changed,
        "archived": bool(record["_deleted"]),
    }
    if record["_deleted"]:
        look["archivedAt"] = changed
    return look


def _add_history(
    portal: Portal, kind: ObjectType, records: Sequence[Record], looks: list[dict[str, Any]], names: Sequence[str]
) -> None:
    changes: dict[tuple[str, str], list[HistoryEntry]] = {}
    for change in portal.org.history(kind.name, [one["_id"] for one in records]):
        changes.setdefault((change.record_id, change.field), []).append(change)
    for record, look in zip(records, looks, strict=True):
        look["propertiesWithHistory"] = {
            name: _history(record, value(record, kind, name), changes.get((record["_id"], name), [])) for name in names
        }


def _history(record: Record, present: str | None, changes: Sequence[HistoryEntry]) -> list[dict[str, Any]]:
    """Newest first; the oldest entry is the value the record was made with."""
    first = changes[0].old if changes else present
    entries = [_entry(change.new, change.at, change.who) for change in reversed(changes)]
    if first is not None:
        entries.append(_entry(first, record["_created"], record["_created_by"] or "import"))
    return entries


def _entry(held: str | None, at: int, who: str) -> dict[str, Any]:
    source, _, number = who.partition(":")
    entry: dict[str, Any] = {"value": held or "", "timestamp": stamp_of(at)}
    return entry | source_of(source, number)


def source_of(source: str, number: str) -> dict[str, Any]:
    """Who wrote, as histories tell it; only what a person did carries `updatedByUserId`."""
    if source in _BY_HAND:
        return {"sourceType": _BY_HAND[source], "sourceId": f"userId:{number}", "updatedByUserId": int(number)}
    if source == "app":
        return {"sourceType": "INTEGRATION", "sourceId": str(number or APP_ID)}
    if source == "workflow":
        return {"sourceType": "AUTOMATION_PLATFORM", "sourceId": f"enrollmentId:{number};actionExecutionIndex:0"}
    if source in _BY_ITSELF:
        return {"sourceType": _BY_ITSELF[source]}
    return {"sourceType": "IMPORT", "sourceId": "1"}
