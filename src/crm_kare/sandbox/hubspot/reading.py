"""Reading records: list, get one, batch/read."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from crm_kare.sandbox.hubspot.associations import nested
from crm_kare.sandbox.hubspot.call import Call, Reply, as_names, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import not_found, validation
from crm_kare.sandbox.hubspot.portal import ID_LENGTH, Portal
from crm_kare.sandbox.hubspot.records import shown, wanted
from crm_kare.sandbox.hubspot.unique import by_unique
from crm_kare.sandbox.hubspot.values import stamp
from crm_kare.sandbox.store import Record

PAGE: Final = 100
PAGE_WITH_HISTORY: Final = 50
BATCH: Final = 100
BATCH_WITH_HISTORY: Final = 50


def list_records(call: Call) -> Reply:
    """A page of records by id. Archived ones on request only; those merged away in neither list."""
    history = call.names("propertiesWithHistory") or []
    limit = call.limit(10, PAGE_WITH_HISTORY if history else PAGE)
    after = call.one("after", "0")
    if not after.isdecimal():
        raise validation(f"Invalid value for after: {after}")
    found = call.portal.org.select(
        call.kind.name,
        "_id >= ? AND _merged_into IS NULL",
        (after.zfill(ID_LENGTH),),
        limit=limit + 1,
        deleted=call.flag("archived"),
        columns=wanted(call.portal, call.kind, call.names("properties"), history),
    )
    body: dict[str, Any] = {"results": _with_associations(call, found[:limit])}
    if len(found) > limit:
        onward = found[limit]["_id"]
        query = {name: values for name, values in call.query.items() if name != "after"} | {"after": onward}
        body["paging"] = {"next": {"after": onward, "link": f"{call.url}?{urlencode(query, doseq=True)}"}}
    return Reply(200, body)


def _with_associations(call: Call, records: Sequence[Record]) -> list[dict[str, Any]]:
    history = call.names("propertiesWithHistory") or []
    looks = shown(call.portal, call.kind, records, call.names("properties"), history)
    for target in call.names("associations") or []:
        nested(call.portal, call.kind, target, looks)
    return looks


def get_record(call: Call) -> Reply:
    """One record; an id that was merged away gives the survivor, under its own id."""
    unique = call.one("idProperty")
    record = _by_id(call) if not unique else by_unique(call.portal, call.kind, unique, call.path["id"])
    if record is None:
        raise not_found()
    return Reply(200, _with_associations(call, [record])[0])


def _by_id(call: Call) -> Record | None:
    record = call.portal.org.get(call.kind.name, call.path["id"])
    if call.flag("archived"):
        return record if record and record["_deleted"] and not record["_merged_into"] else None
    return call.portal.survivor(record, call.kind)


def batch_read(call: Call) -> Reply:
    """Up to 100 records, not in the order asked; ids that are gone make the reply a 207."""
    body = call.mapping()
    history = as_names(body, "propertiesWithHistory")
    asked = inputs(body, BATCH_WITH_HISTORY if history else BATCH)
    began = call.portal.now()
    names = as_names(body, "properties")
    columns = wanted(call.portal, call.kind, names, history)
    found, missing = _find(call, [id_of(one) for one in asked], body.get("idProperty"), columns)
    looks = shown(call.portal, call.kind, found, names, history)
    return completed(call.portal, stamp(began), looks, gone(call.kind, missing) if missing else ())


def _find(call: Call, ids: Sequence[str], unique: str | None, columns: Sequence[str]) -> tuple[list[Record], list[str]]:
    if unique:
        by_value = {one: by_unique(call.portal, call.kind, unique, one) for one in ids}
    else:
        held = call.portal.org.get_many(call.kind.name, ids, columns=columns)
        by_value = {one: call.portal.survivor(held.get(one), call.kind) for one in ids}
    found = {one["_id"]: one for one in by_value.values() if one is not None}
    # Answers come in no promised order; the reverse makes a client notice that matches by position.
    return sorted(found.values(), key=lambda one: one["_id"][::-1]), [one for one, held in by_value.items() if not held]


def gone(kind: ObjectType, ids: Sequence[str], **context: list[str]) -> tuple[dict[str, Any], ...]:
    """The one error that stands for all missing ids."""
    message = f"Could not get some {kind.word} objects, they may be deleted or not exist. Check that ids are valid."
    error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message}
    return ({**error, "context": {"ids": list(ids), **context}},)


def completed(
    portal: Portal, began: str, results: Sequence[Any], errors: Sequence[dict[str, Any]] = (), status: int = 200
) -> Reply:
    """A batch's reply: 207 where some inputs failed."""
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": list(results),
        "startedAt": began,
        "completedAt": stamp(portal.now()),
    }
    if not errors:
        return Reply(status, body)
    return Reply(207, body | {"numErrors": len(errors), "errors": list(errors)})
