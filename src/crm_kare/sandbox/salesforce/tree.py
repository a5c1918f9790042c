"""`composite/tree`: records with their children in one call, all of them or none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import collection, write
from crm_kare.sandbox.salesforce.children import CHILDREN
from crm_kare.sandbox.salesforce.errors import RecordError, bad_request
from crm_kare.sandbox.salesforce.request import DATA, Address, Call


@dataclass(frozen=True)
class _Node:
    """A record of the tree, and the field in its children's records that names it."""

    name: str
    reference: str
    values: Mapping[str, Any]
    children: list[tuple[str, "_Node"]] = field(default_factory=list)


class _Undo(Exception):  # noqa: N818  takes back what was written, no error by itself
    """One of the records is refused."""


def _plant(call: Call) -> Response:
    name = call.org.object(call.path["object"], call.user_id).name
    nodes = _nodes(name, call.record())
    everything = list(_all(nodes))
    collection.check_size(everything)
    twins = _twins(everything)
    if twins:
        return JSONResponse({"hasErrors": True, "results": twins}, 400)
    made: list[dict[str, Any]] = []
    try:
        with call.org.records.store.transaction():
            for node in nodes:
                _insert(call, node, {}, made)
    except _Undo:
        return JSONResponse({"hasErrors": True, "results": made[-1:]}, 400)
    return JSONResponse({"hasErrors": False, "results": made}, 201)


def _nodes(name: str, body: Any) -> list[_Node]:
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not records or not all(isinstance(one, dict) for one in records):
        raise bad_request("JSON_PARSER_ERROR", "The request needs a list of records")
    return [_node(name, one) for one in records]


def _node(name: str, record: Mapping[str, Any]) -> _Node:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or str(attributes.get("type", "")).lower() != name.lower():
        raise bad_request("INVALID_TYPE", f"Each record here needs attributes with the type {name}")
    if not attributes.get("referenceId"):
        raise bad_request("INVALID_INPUT", "Each record needs a referenceId in its attributes")
    below = CHILDREN.get(name, {})
    values = {key: value for key, value in record.items() if key not in below}
    children = [(below[key][1], node) for key in below if key in record for node in _nodes(below[key][0], record[key])]
    return _Node(name, str(attributes["referenceId"]), values, children)


def _all(nodes: list[_Node]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from _all([child for _, child in node.children])


def _twins(nodes: list[_Node]) -> list[dict[str, Any]]:
    """The references that are given twice, as errors."""
    names = [node.reference for node in nodes]
    error = RecordError("INVALID_INPUT", "Duplicate ReferenceId provided in the request.")
    twins = dict.fromkeys(name for name in names if names.count(name) > 1)
    return [{"referenceId": name, "errors": [error.in_result()]} for name in twins]


def _insert(call: Call, node: _Node, above: Mapping[str, str], made: list[dict[str, Any]]) -> None:
    values = write.read_body(call.org, call.user_id, node.name, node.values)
    done = write.insert(call.org, call.user_id, node.name, {**values, **above})
    if not isinstance(done, str):
        made.append({"referenceId": node.reference, "errors": [one.in_result() for one in done]})
        raise _Undo
    made.append({"referenceId": node.reference, "id": done})
    for column, child in node.children:
        _insert(call, child, {column: done}, made)


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/composite/tree/{{object}}", "POST", _plant),
    (f"{DATA}/composite/tree/{{object}}/", "POST", _plant),
)
