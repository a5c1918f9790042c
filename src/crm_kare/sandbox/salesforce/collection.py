"""`composite/sobjects`: up to 200 records in one call, one result each, in the order asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from crm_kare.sandbox.salesforce import ids, write
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.values import Value

LARGEST: Final = 200
CHUNKS: Final = 10
_ROLLED_BACK: Final = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


@dataclass(frozen=True)
class _Item:
    """One record of the request."""

    name: str
    record_id: str | None
    values: dict[str, Value]


_Result = tuple[str | None, list[RecordError]]
_Step = Callable[[_Item], _Result]


class _Undo(Exception):  # noqa: N818  takes back what was written, no error by itself
    """All or none, and one failed."""


def update_all(org: SalesforceOrg, user_id: str, body: Any) -> list[dict[str, Any]]:
    """PATCH: write records by id."""

    def step(item: _Item) -> _Result:
        if item.record_id is None:
            return None, [RecordError("MISSING_ARGUMENT", "Id not specified in an update call")]
        return item.record_id, write.update(org, user_id, item.name, item.record_id, item.values)

    return _carry_out(org, _items(org, user_id, body), step, all_or_none=bool(body.get("allOrNone", False)))


def insert_all(org: SalesforceOrg, user_id: str, body: Any) -> list[dict[str, Any]]:
    """POST: make records."""

    def step(item: _Item) -> _Result:
        made = write.insert(org, user_id, item.name, item.values)
        return (made, []) if isinstance(made, str) else (None, made)

    return _carry_out(org, _items(org, user_id, body), step, all_or_none=bool(body.get("allOrNone", False)))


def _items(org: SalesforceOrg, user_id: str, body: Any) -> list[_Item]:
    """The request's records. Anything malformed refuses all of them."""
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise bad_request("JSON_PARSER_ERROR", "The request needs a list of records")
    check_size(records)
    items = [_item(org, user_id, one) for one in records]
    names = [one.name for one in items]
    chunks = 1 + sum(one != other for one, other in pairwise(names))
    if chunks > CHUNKS:
        raise bad_request("LIMIT_EXCEEDED", f"The request holds more than {CHUNKS} chunks of different types")
    if len({org.object(name).setup for name in names}) > 1:
        raise bad_request("MIXED_DML_OPERATION", "Setup objects do not mix with others in one request")
    return items


def check_size(records: Sequence[Any]) -> None:
    """Refuse more than 200."""
    if len(records) > LARGEST:
        message = f"record limit reached. cannot submit more than {LARGEST} records into this call"
        raise bad_request("EXCEEDED_ID_LIMIT", message)


def _item(org: SalesforceOrg, user_id: str, record: Mapping[str, Any]) -> _Item:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("type"), str):
        raise bad_request("INVALID_TYPE", "Each record needs attributes with its type")
    try:
        name = org.object(attributes["type"]).name
    except SalesforceError as error:
        raise bad_request("INVALID_TYPE", f"sObject type '{attributes['type']}' is not supported.") from error
    told = next((value for key, value in record.items() if key.lower() == "id"), None)
    rest = {key: value for key, value in record.items() if key.lower() != "id"}
    record_id = (ids.normalised(told) or told) if isinstance(told, str) else None
    return _Item(name, record_id, write.read_body(org, user_id, name, rest))


def _carry_out(org: SalesforceOrg, items: list[_Item], step: _Step, *, all_or_none: bool) -> list[dict[str, Any]]:
    results: list[_Result] = []
    try:
        with org.records.store.transaction():
            results = [step(item) for item in items]
            if all_or_none and any(faults for _, faults in results):
                raise _Undo  # noqa: TRY301  leaving the block by an error is what takes the writes back
    except _Undo:
        results = [(None, faults or [_ROLLED_BACK]) for _, faults in results]
    return [_told(*result) for result in results]


def _told(record_id: str | None, faults: list[RecordError]) -> dict[str, Any]:
    """One result; a failed record carries no id."""
    if faults:
        return {"success": False, "errors": [one.in_result() for one in faults]}
    return {"id": record_id, "success": True, "errors": []}
