"""Associations as the API shows them: the v4 endpoints and the lists inside v3 records."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Call, Reply, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import not_found, validation
from crm_kare.sandbox.hubspot.links import linked, types_between
from crm_kare.sandbox.hubspot.portal import Portal, object_type
from crm_kare.sandbox.hubspot.values import stamp

BATCH: Final = 1000
PAGE: Final = 500
FIRST_LABEL: Final = 100_000
"""Type ids of labels that the portal made begin here; HubSpot's own are smaller."""


def nested(portal: Portal, kind: ObjectType, word: str, looks: Sequence[dict[str, Any]]) -> None:
    """Put associations into v3 records: a company linked by two types stands there twice."""
    target = object_type(word)
    types = between(portal, kind, target)
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


def between(portal: Portal, source: ObjectType, target: ObjectType) -> dict[str, tuple[str, str | None]]:
    """Name and label of each type id between two object types.

    Raises:
        HubSpotError: 400, there is none.
    """
    if not (types := types_between(portal, source.name, target.name)):
        raise validation(f"No association types exist between {source.name} and {target.name}.")
    return types


def category(type_id: str) -> str:
    """Whose the type is."""
    return "USER_DEFINED" if int(type_id) >= FIRST_LABEL else "HUBSPOT_DEFINED"


def pair(call: Call) -> tuple[ObjectType, ObjectType]:
    """The two object types in the address.

    Raises:
        HubSpotError: 400, nothing can be associated between them.
    """
    source, target = object_type(call.path["source"]), object_type(call.path["target"])
    between(call.portal, source, target)
    return source, target


def batch_read(call: Call) -> Reply:
    """Associations of up to 1,000 records; one without any is told among the errors of a 207."""
    source, target = pair(call)
    asked = {id_of(one): str(one.get("after") or "") for one in inputs(call.mapping(), BATCH)}
    began = stamp(call.portal.now())
    found = linked(call.portal, source.name, target.name, list(asked))
    results = [
        {"from": {"id": one}} | _page(call, source, target, found[one], after, PAGE, "to")
        for one, after in asked.items()
        if one in found
    ]
    errors = [none_found(source, target, one) for one in asked if one not in found]
    body = {"status": "COMPLETE", "results": results, "startedAt": began, "completedAt": stamp(call.portal.now())}
    return Reply(207, body | {"numErrors": len(errors), "errors": errors}) if errors else Reply(200, body)


def _page(
    call: Call,
    source: ObjectType,
    target: ObjectType,
    ends: Mapping[str, Sequence[str]],
    after: str,
    limit: int,
    key: str,
) -> dict[str, Any]:
    """A page of what one record is associated with; `paging` is there only where more follows."""
    later = sorted(there for there in ends if there >= after)
    body: dict[str, Any] = {key: _ends(call, source, target, {one: ends[one] for one in later[:limit]})}
    if len(later) > limit:
        body["paging"] = {"next": {"after": later[limit]}}
    return body


def _ends(
    call: Call, source: ObjectType, target: ObjectType, ends: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    types = between(call.portal, source, target)
    return [
        {
            # Integer in v4, text in the dated versions.
            "toObjectId": there if call.dated else int(there),
            "associationTypes": [
                {"category": category(one), "typeId": int(one), "label": types[one][1]} for one in type_ids
            ],
        }
        for there, type_ids in ends.items()
    ]


def none_found(source: ObjectType, target: ObjectType, record_id: str) -> dict[str, Any]:
    """The error that tells, in a 207, of a record without associations."""
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
    between(call.portal, source, target)
    record = call.portal.org.get(source.name, call.path["id"])
    if record is None or record["_deleted"]:
        raise not_found()
    ends = linked(call.portal, source.name, target.name, [record["_id"]]).get(record["_id"], {})
    return Reply(200, _page(call, source, target, ends, call.one("after"), call.limit(PAGE, PAGE), "results"))


def labels(call: Call) -> Reply:
    """The types there are between two object types."""
    types = between(call.portal, *pair(call))
    return Reply(
        200,
        {"results": [{"category": category(one), "typeId": int(one), "label": types[one][1]} for one in types]},
    )
