"""`composite/sobjects`: up to 200 records in one call, one result each, in the order asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from crm_kare.sandbox.salesforce import external_ids, ids, write
from crm_kare.sandbox.salesforce.definitions import BY_NAME
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.values import Value
from crm_kare.sandbox.store import FieldDef

LARGEST: Final = 200
CHUNKS: Final = 10
_ROLLED_BACK: Final = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


@dataclass(frozen=True)
class _Item:
    """One record of the request. `key` is the external id of an upsert."""

    name: str
    record_id: str | None
    values: dict[str, Value]
    key: str = ""


@dataclass(frozen=True)
class _Done:
    """What came of one record; `created` is told by upserts only."""

    record_id: str | None
    faults: Sequence[RecordError] = ()
    created: bool | None = None


_Step = Callable[[_Item], _Done]


class _Undo(Exception):  # noqa: N818  takes back what was written, no error by itself
    """All or none, and one failed."""


def update_all(org: SalesforceOrg, user_id: str, body: Any) -> list[dict[str, Any]]:
    """PATCH: write records by id."""

    def step(item: _Item) -> _Done:
        if item.record_id is None:
            return _Done(None, [RecordError("MISSING_ARGUMENT", "Id not specified in an update call")])
        return _Done(item.record_id, write.update(org, user_id, item.name, item.record_id, item.values))

    return _carry_out(org, _items(org, user_id, body), step, all_or_none=bool(body.get("allOrNone", False)))


def insert_all(org: SalesforceOrg, user_id: str, body: Any) -> list[dict[str, Any]]:
    """POST: make records."""

    def step(item: _Item) -> _Done:
        made = write.insert(org, user_id, item.name, item.values)
        return _Done(made) if isinstance(made, str) else _Done(None, made)

    return _carry_out(org, _items(org, user_id, body), step, all_or_none=bool(body.get("allOrNone", False)))


def upsert_all(org: SalesforceOrg, user_id: str, name: str, key: FieldDef, body: Any) -> list[dict[str, Any]]:
    """PATCH with an object and a field in the address: write records by an external id, or make them."""
    items = _items(org, user_id, body, key)
    if any(item.name != name for item in items):
        raise bad_request("INVALID_TYPE", f"All records of the request must be of type {name}")
    seen = [item.key.lower() for item in items]

    def step(item: _Item) -> _Done:
        if not item.key:
            return _Done(None, [RecordError("MISSING_ARGUMENT", f"{key.name} not specified")])
        if seen.count(item.key.lower()) > 1:
            return _Done(None, [RecordError("DUPLICATE_VALUE", f"Duplicate external id specified: {item.key}")])
        done = external_ids.upsert(org, user_id, name, key, item.key, item.values)
        return _Done(done.record_id, done.faults, done.created)

    return _carry_out(org, items, step, all_or_none=bool(body.get("allOrNone", False)))


def delete_all(org: SalesforceOrg, user_id: str, wanted: Sequence[str], *, all_or_none: bool) -> list[dict[str, Any]]:
    """DELETE: put records into the recycle bin; each id tells its object by its first three characters."""
    check_size(wanted)
    objects = {prefix: name for name, prefix in ids.PREFIXES.items()}
    items = [_Item(objects.get(one[:3], ""), ids.normalised(one), {}) for one in wanted]

    def step(item: _Item) -> _Done:
        if item.record_id is None or not item.name:
            return _Done(None, [RecordError("MALFORMED_ID", "malformed id")])
        return _Done(item.record_id, write.delete(org, user_id, item.name, item.record_id))

    return _carry_out(org, items, step, all_or_none=all_or_none)


def _items(org: SalesforceOrg, user_id: str, body: Any, key: FieldDef | None = None) -> list[_Item]:
    """The request's records. Anything malformed refuses all of them."""
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise bad_request("JSON_PARSER_ERROR", "The request needs a list of records")
    check_size(records)
    items = [_item(org, user_id, one, key) for one in records]
    names = [one.name for one in items]
    chunks = 1 + sum(one != other for one, other in pairwise(names))
    if chunks > CHUNKS:
        raise bad_request("LIMIT_EXCEEDED", f"The request holds more than {CHUNKS} chunks of different types")
    if len({BY_NAME[name].setup for name in names}) > 1:
        raise bad_request("MIXED_DML_OPERATION", "Setup objects do not mix with others in one request")
    return items


def check_size(records: Sequence[Any]) -> None:
    """Refuse more than 200."""
    if len(records) > LARGEST:
        message = f"record limit reached. cannot submit more than {LARGEST} records into this call"
        raise bad_request("EXCEEDED_ID_LIMIT", message)


def _item(org: SalesforceOrg, user_id: str, record: Mapping[str, Any], key: FieldDef | None) -> _Item:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("type"), str):
        raise bad_request("INVALID_TYPE", "Each record needs attributes with its type")
    try:
        name = org.object(attributes["type"], user_id).name
    except SalesforceError as error:
        raise bad_request("INVALID_TYPE", f"sObject type '{attributes['type']}' is not supported.") from error
    apart = {"id", key.name.lower()} if key else {"id"}
    told = {one.lower(): value for one, value in record.items() if one.lower() in apart}
    rest = {one: value for one, value in record.items() if one.lower() not in apart}
    found = told.get("id")
    record_id = (ids.normalised(found) or found) if isinstance(found, str) else None
    external = told.get(key.name.lower()) if key else None
    values = write.read_body(org, user_id, name, rest)
    return _Item(name, record_id, values, "" if external is None else str(external))


def _carry_out(org: SalesforceOrg, items: list[_Item], step: _Step, *, all_or_none: bool) -> list[dict[str, Any]]:
    results: list[_Done] = []
    try:
        with org.records.store.transaction():
            results = [step(item) for item in items]
            if all_or_none and any(one.faults for one in results):
                raise _Undo  # noqa: TRY301  leaving the block by an error is what takes the writes back
    except _Undo:
        results = [_Done(None, one.faults or [_ROLLED_BACK]) for one in results]
    return [_told(one) for one in results]


def _told(done: _Done) -> dict[str, Any]:
    """One result; a failed record carries no id."""
    created = {} if done.created is None else {"created": done.created and not done.faults}
    if done.faults:
        return {"success": False, "errors": [one.in_result() for one in done.faults]} | created
    return {"id": done.record_id, "success": True, "errors": []} | created
