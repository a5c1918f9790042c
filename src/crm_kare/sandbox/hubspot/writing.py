"""Writing records that are there: PATCH one, batch/update, archive."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_kare.sandbox.hubspot.calculated import calculated
from crm_kare.sandbox.hubspot.call import Call, Reply, as_mapping, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import HubSpotError, invalid_properties, not_found, validation
from crm_kare.sandbox.hubspot.links import recount_around
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.reading import BATCH, completed, gone
from crm_kare.sandbox.hubspot.records import shown
from crm_kare.sandbox.hubspot.rules import broken
from crm_kare.sandbox.hubspot.unique import by_unique, require_unique, taken
from crm_kare.sandbox.hubspot.values import checked, stamp
from crm_kare.sandbox.store import Record

TRACE: Final = "objectWriteTraceId"


def update_record(call: Call) -> Reply:
    """PATCH one record."""
    values = _properties(call.mapping())
    if not values:
        raise validation("No properties found to update, please provide at least one.")
    unique = call.one("idProperty")
    if unique:
        record = by_unique(call.portal, call.kind, unique, call.path["id"], doing="update")
    else:
        record = call.portal.written(call.portal.org.get(call.kind.name, call.path["id"]), call.kind)
    if record is None:
        raise not_found()
    written = write(call.portal, call.kind, record, values, call.who, ruled=call.dated)
    return Reply(200, shown(call.portal, call.kind, [written], [*call.kind.defaults, *values])[0])


def write(
    portal: Portal, kind: ObjectType, record: Record, values: Mapping[str, Any], who: str, *, ruled: bool = False
) -> Record:
    """Check and write one record's values; the record as it is then.

    Raises:
        HubSpotError: 400, with every bad value of the record.
    """
    return _store(portal, kind, record, checked_values(portal, kind, record, values, ruled=ruled), who)


def checked_values(
    portal: Portal, kind: ObjectType, record: Mapping[str, Any], values: Mapping[str, Any], *, ruled: bool
) -> dict[str, Any]:
    """One record's values as they will be kept; a record that is not made yet has no `_id`; `ruled` by the portal's rules.

    Raises:
        HubSpotError: 400, with every bad value of the record.
    """
    kept, wrong = checked(portal.properties(kind), values, portal.external(kind, values, record))
    wrong += taken(portal, kind, record.get("_id"), kept)
    if ruled:
        wrong += broken(portal.settings.rules, kind.name, kept)
    if wrong:
        raise invalid_properties([one | {"portalId": portal.settings.portal_id} for one in wrong])
    return kept


def _store(portal: Portal, kind: ObjectType, record: Record, kept: Mapping[str, Any], who: str) -> Record:
    changes = {**kept, **calculated(portal, kind, {**record, **kept})}
    return portal.org.update(kind.name, record["_id"], changes, who)


def _properties(body: Mapping[str, Any]) -> dict[str, Any]:
    return as_mapping(body.get("properties") or {})


def batch_update(call: Call) -> Reply:
    """Update up to 100 records.

    One bad value refuses the whole batch, and the reply does not say of which record; with a trace id of its own on
    every input, where the portal heeds them, the good ones are written and the bad ones told in a 207. Ids that are
    gone (archived, merged away, never there) are told in a 207 anyway.
    """
    asked = inputs(call.mapping(), BATCH)
    began = stamp(call.portal.now())
    by_id = {id_of(one): one for one in asked}
    refuse_doubles([id_of(one) for one in asked])
    for name in {one["idProperty"] for one in asked if one.get("idProperty")}:
        require_unique(call.portal, call.kind, name, doing="update")
    records = _records(call, asked)
    missing = [one for one in by_id if records[one] is None]
    traced = call.portal.settings.traced_updates and all_traced(asked)
    kept, errors = _check(call, by_id, records, traced=traced)
    errors += gone(call.kind, missing, **_traces(by_id, missing, traced=traced)) if missing else ()
    with call.portal.org.store.transaction():
        written = [_store(call.portal, call.kind, record, values, call.who) for record, values in kept]
    names = dict.fromkeys(name for _, values in kept for name in values)
    looks = shown(call.portal, call.kind, written[::-1], [*call.kind.defaults, *names])
    if traced:
        marks = {record["_id"]: by_id[asked_id][TRACE] for asked_id, record in records.items() if record}
        looks = [one | {TRACE: marks[one["id"]]} for one in looks]
    return completed(call.portal, began, looks, errors)


def _traces(by_id: Mapping[str, Any], missing: Sequence[str], *, traced: bool) -> dict[str, list[str]]:
    return {TRACE: [str(by_id[one][TRACE]) for one in missing]} if traced else {}


def _check(
    call: Call, by_id: Mapping[str, Any], records: Mapping[str, Record | None], *, traced: bool
) -> tuple[list[tuple[Record, dict[str, Any]]], list[dict[str, Any]]]:
    kept: list[tuple[Record, dict[str, Any]]] = []
    errors: list[dict[str, Any]] = []
    for record_id, one in by_id.items():
        if (record := records[record_id]) is None:
            continue
        try:
            kept.append((record, checked_values(call.portal, call.kind, record, _properties(one), ruled=call.dated)))
        except HubSpotError as refused:
            if not traced:
                raise
            errors.append(traced_error(refused, one))
    return kept, errors


def all_traced(asked: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every input has a trace id of its own."""
    traces = [one.get(TRACE) for one in asked]
    return bool(traces) and all(traces) and len(set(traces)) == len(traces)


def traced_error(refused: HubSpotError, one: Mapping[str, Any]) -> dict[str, Any]:
    """One input's refusal among the errors of a 207."""
    return {**refused.body, "context": {TRACE: [str(one[TRACE])]}}


def refuse_doubles(ids: Sequence[str]) -> None:
    """Refuse a batch that names a record twice.

    Raises:
        HubSpotError: 400.
    """
    doubles = sorted({one for one in ids if ids.count(one) > 1})
    if doubles:
        raise validation(
            f"Duplicate IDs found in batch input: [{', '.join(doubles)}]. IDs must be unique", context={"ids": doubles}
        )


def _records(call: Call, asked: Sequence[Mapping[str, Any]]) -> dict[str, Record | None]:
    held = call.portal.org.get_many(call.kind.name, [id_of(one) for one in asked])
    found: dict[str, Record | None] = {}
    for one in asked:
        record_id, unique = id_of(one), one.get("idProperty")
        if unique:
            found[record_id] = by_unique(call.portal, call.kind, unique, record_id)
        else:
            found[record_id] = call.portal.written(held.get(record_id), call.kind)
    return found


def archive_record(call: Call) -> Reply:
    """Archive one record; 204 even where there is none."""
    _archive(call, call.path["id"])
    return Reply(204)


def batch_archive(call: Call) -> Reply:
    """Archive up to 100 records."""
    for one in inputs(call.mapping(), BATCH):
        _archive(call, id_of(one))
    return Reply(204)


def _archive(call: Call, record_id: str) -> None:
    record = call.portal.org.get(call.kind.name, record_id)
    if record is not None and not record["_deleted"]:
        call.portal.org.delete(call.kind.name, record_id, call.who)
        recount_around(call.portal, call.kind.name, record_id)


def restore(portal: Portal, kind: ObjectType, record_id: str, who: str) -> None:
    """What a person does in the portal's list of deleted records, for which the API has nothing; links are back too."""
    portal.org.undelete(kind.name, record_id, who)
    recount_around(portal, kind.name, record_id)
