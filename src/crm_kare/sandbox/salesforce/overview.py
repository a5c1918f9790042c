"""What clients look around with: an object in short, records seen last, how many records there are, plans of queries."""

from itertools import zip_longest
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import describe
from crm_kare.sandbox.salesforce.ids import PREFIXES
from crm_kare.sandbox.salesforce.request import DATA, Address, Call
from crm_kare.sandbox.salesforce.soql.compile import Selected, compile_query
from crm_kare.sandbox.salesforce.soql.parse import parse
from crm_kare.sandbox.salesforce.soql.tree import Aggregate
from crm_kare.sandbox.salesforce.values import NUMBERS

_HEAD: Final = ("fields", "recordTypeInfos", "childRelationships")
"""What the long describe has and the short one has not."""


def _object(call: Call) -> Response:
    """The short describe, and the records of the object that the user saw last: nobody looks at any here."""
    definition = call.org.object(call.path["object"], call.user_id)
    told = describe.describe(call.org, definition, call.user_id, call.root)
    head = {name: value for name, value in told.items() if name not in _HEAD}
    return JSONResponse({"objectDescribe": head, "recentItems": []})


def _recent(_call: Call) -> Response:
    return JSONResponse([])


def _record_count(call: Call) -> Response:
    """How many records there are; the real one is an approximation, as of the last night."""
    names = [one.strip() for one in call.query.get("sObjects", "").split(",") if one.strip()]
    held = call.org.records.objects()
    known = {name.lower(): name for name in held}
    wanted = [known[name.lower()] for name in names if name.lower() in known] if names else sorted(held)
    counts = [{"count": call.org.records.count(name), "name": name} for name in wanted]
    return JSONResponse({"sObjects": counts})


def explained(call: Call, text: str) -> dict[str, Any]:
    """The plan of a query: one whole look through the table, as the sandbox does it.

    Raises:
        SalesforceError: what is wrong with the query.
    """
    parsed = parse(text)
    compiled = compile_query(call.org, parsed, call.user_id, deleted=False, tooling=False)
    total = call.org.records.count(compiled.entity)
    plan = {
        "cardinality": total,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [],
        "relativeCost": 1.0,
        "sobjectCardinality": total,
        "sobjectType": compiled.entity,
    }
    return {"plans": [plan], "sourceQuery": text}


def columns(call: Call, text: str) -> dict[str, Any]:
    """What `columns=true` answers instead of rows: the query's columns, fields of related records inside of theirs.

    Not in the REST guide; the Salesforce CLI asks for it to lay out its tables.

    Raises:
        SalesforceError: what is wrong with the query.
    """
    parsed = parse(text)
    compiled = compile_query(call.org, parsed, call.user_id, deleted=False, tooling=False)
    told: list[dict[str, Any]] = []
    for asked, one in zip_longest(parsed.fields, compiled.selected):
        inside = told
        for step in one.names[:-1] if one else ():
            inside = _step(inside, step)
        if isinstance(asked, Aggregate) and one:
            inside.append(_column(one, f"{asked.function.lower()}({asked.path.text if asked.path else ''})"))
        elif one:
            inside.append(_column(one))
    return {
        "columnMetadata": told,
        "entityName": compiled.entity,
        "groupBy": bool(parsed.group),
        "idSelected": any(one.names == ("Id",) for one in compiled.selected),
        "keyPrefix": PREFIXES[compiled.entity],
    }


def _step(inside: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The columns of a related record; made where they are not there yet."""
    for one in inside:
        if one["columnName"] == name:
            break
    else:
        one = _plain(name, name)
        inside.append(one)
    joined: list[dict[str, Any]] = one["joinColumns"]
    return joined


def _column(one: Selected, function: str = "") -> dict[str, Any]:
    kind = one.definition.type if one.definition else "int"
    told = _plain(one.names[-1], function or one.names[-1])
    return told | {
        "aggregate": bool(function),
        "booleanType": kind == "boolean",
        "custom": bool(one.definition and one.definition.custom),
        "insertable": bool(not function and one.definition and one.definition.writable),
        "numberType": kind in NUMBERS,
        "updatable": bool(not function and one.definition and one.definition.writable),
        "textType": kind not in NUMBERS and kind != "boolean",
    }


def _plain(name: str, shown: str) -> dict[str, Any]:
    flags = dict.fromkeys(
        ("aggregate", "booleanType", "custom", "insertable", "numberType", "textType", "updatable"), False
    )
    named = {"apexType": None, "columnName": name, "displayName": shown, "foreignKeyName": None}
    return {**named, **flags, "joinColumns": []}


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/recent", "GET", _recent),
    (f"{DATA}/recent/", "GET", _recent),
    (f"{DATA}/limits/recordCount", "GET", _record_count),
    (f"{DATA}/sobjects/{{object}}", "GET", _object),
    (f"{DATA}/sobjects/{{object}}/", "GET", _object),
)
