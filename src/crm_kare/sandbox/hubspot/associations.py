"""Associations as the API shows them: the v4 endpoints and the lists inside v3 records."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Call, Reply, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import malformed, not_found, validation
from crm_kare.sandbox.hubspot.links import TYPES, linked, tie, untie
from crm_kare.sandbox.hubspot.portal import Portal, object_type
from crm_kare.sandbox.hubspot.values import stamp

BATCH: Final = 1000
WRITE_BATCH: Final = 2000
PAGE: Final = 500


def nested(portal: Portal, kind: ObjectType, word: str, looks: Sequence[dict[str, Any]]) -> None:
    """Put associations into v3 records: a company linked by two types stands there twice."""
    target = object_type(word)
    types = _types(kind, target)
    found = linked(portal, kind.name, target.name, [one["id"] for one in looks])
    key = target.name.replace("_", " ") if target.name == "line_items" else target.name
    for look in looks:
        ties = [
            {"id": there, "type": types[type_id][0]}
            for there, type_ids in found.get(look["id"], {}).items()
            for type_id in type_ids
        ]
        if ties:
            look.setdefault("associations", {})[key] = {"results": ties}


def _types(source: ObjectType, target: ObjectType) -> dict[str, tuple[str, str | None]]:
    if (source.name, target.name) not in TYPES:
        raise validation(f"No association types exist between {source.name} and {target.name}.")
    return TYPES[source.name, target.name]


def batch_read(call: Call) -> Reply:
    """Associations of up to 1,000 records; one without any is told among the errors of a 207."""
    source, target = _pair(call)
    asked = [id_of(one) for one in inputs(call.mapping(), BATCH)]
    began = stamp(call.portal.now())
    found = linked(call.portal, source.name, target.name, asked)
    results = [
        {"from": {"id": one}, "to": _ends(call, source, target, found[one])}
        for one in dict.fromkeys(asked)
        if one in found
    ]
    errors = [_none(source, target, one) for one in dict.fromkeys(asked) if one not in found]
    body = {"status": "COMPLETE", "results": results, "startedAt": began, "completedAt": stamp(call.portal.now())}
    return Reply(207, body | {"numErrors": len(errors), "errors": errors}) if errors else Reply(200, body)


def _pair(call: Call) -> tuple[ObjectType, ObjectType]:
    source, target = object_type(call.path["source"]), object_type(call.path["target"])
    _types(source, target)
    return source, target


def _ends(
    call: Call, source: ObjectType, target: ObjectType, ends: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    types = _types(source, target)
    return [
        {
            # Integer in v4, text in the dated versions.
            "toObjectId": there if call.dated else int(there),
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": int(one), "label": types[one][1]} for one in type_ids
            ],
        }
        for there, type_ids in ends.items()
    ]


def _none(source: ObjectType, target: ObjectType, record_id: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {target.singular} is associated with {source.singular} {record_id}.",
        "context": {
            "fromObjectId": [record_id],
            "fromObjectType": [source.singular],
            "toObjectType": [target.singular],
        },
    }


def list_of_one(call: Call) -> Reply:
    """Associations of one record, 500 a page."""
    source, target = object_type(call.path["kind"]), object_type(call.path["target"])
    _types(source, target)
    record = call.portal.org.get(source.name, call.path["id"])
    if record is None or record["_deleted"]:
        raise not_found()
    ends = linked(call.portal, source.name, target.name, [record["_id"]]).get(record["_id"], {})
    later = sorted(there for there in ends if there >= call.one("after"))
    limit = call.limit(PAGE, PAGE)
    body: dict[str, Any] = {"results": _ends(call, source, target, {one: ends[one] for one in later[:limit]})}
    if len(later) > limit:
        body["paging"] = {"next": {"after": later[limit]}}
    return Reply(200, body)


def labels(call: Call) -> Reply:
    """The types there are between two object types."""
    types = _types(*_pair(call))
    return Reply(
        200,
        {"results": [{"category": "HUBSPOT_DEFINED", "typeId": int(one), "label": types[one][1]} for one in types]},
    )


def batch_create(call: Call) -> Reply:
    """Link up to 2,000 pairs by given types."""
    return _write(call, tie, 201)


def batch_archive(call: Call) -> Reply:
    """Unlink up to 2,000 pairs by given types."""
    return _write(call, untie, 204)


def _write(call: Call, step: Any, status: int) -> Reply:
    source, target = _pair(call)
    began = stamp(call.portal.now())
    pairs = [_tie_of(source, target, one) for one in inputs(call.mapping(), WRITE_BATCH)]
    ends = [there for _, there, _ in (tie for ties in pairs for tie in ties)]
    if missing := set(ends) - set(call.portal.org.get_many(target.name, ends, deleted=False)):
        raise validation(f"One or more associations are invalid: {sorted(missing)} do not exist.")
    step(call.portal, source.name, target.name, [tie for ties in pairs for tie in ties])
    if status == 204:  # noqa: PLR2004  no content
        return Reply(204)
    body = {"status": "COMPLETE", "results": [], "startedAt": began, "completedAt": stamp(call.portal.now())}
    return Reply(status, body)


def _tie_of(source: ObjectType, target: ObjectType, one: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    known = _types(source, target)
    try:
        here, there = id_of(one["from"]), id_of(one["to"])
        kinds = [str(kind["associationTypeId"]) for kind in one["types"]]
    except (KeyError, TypeError):
        raise malformed("Some required fields were not set: [from, to, types]") from None
    if unknown := set(kinds) - set(known):
        raise validation(f"Association type {min(unknown)} does not exist between these object types.")
    return [(here, there, kind) for kind in kinds]
