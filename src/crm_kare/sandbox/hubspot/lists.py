"""The lists API (HubSpot's pages call lists segments): definitions only, and how many records fit an active one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping, as_names, within
from crm_kare.sandbox.hubspot.conditions import filtered
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, ObjectType
from crm_kare.sandbox.hubspot.errors import HubSpotError, malformed, not_found, validation
from crm_kare.sandbox.hubspot.portal import APP_ID
from crm_kare.sandbox.hubspot.saved_list import SavedList
from crm_kare.sandbox.hubspot.values import stamp

PROCESSING: Final = ("MANUAL", "DYNAMIC", "SNAPSHOT")
PAGE: Final = 500

_BRANCHES: Final = ("OR", "AND")
_OPERATORS: Final[Mapping[tuple[str, str], str]] = {
    ("ENUMERATION", "IS_ANY_OF"): "IN",
    ("ENUMERATION", "IS_NONE_OF"): "NOT_IN",
    ("ALL_PROPERTY", "IS_KNOWN"): "HAS_PROPERTY",
    ("ALL_PROPERTY", "IS_UNKNOWN"): "NOT_HAS_PROPERTY",
}
"""Operations that are understood here, and the operator of search that means the same."""


def _shown(one: SavedList, *, filters: bool) -> dict[str, Any]:
    """As the API gives it; its filters only where they are asked for."""
    shown: dict[str, Any] = {
        "listId": one.id,
        "listVersion": one.version,
        "createdAt": stamp(one.created),
        "updatedAt": stamp(one.updated),
        "filtersUpdatedAt": stamp(one.updated),
        "processingStatus": "COMPLETE",
        "createdById": str(APP_ID),
        "updatedById": str(APP_ID),
        "processingType": one.processing,
        "objectTypeId": one.kind.id,
        "name": one.name,
    }
    return shown | ({"filterBranch": one.branch} if filters and one.branch is not None else {})


def create_list(call: Call) -> Reply:
    """A new list; its name must be free in the whole portal."""
    body = call.mapping()
    if absent := [name for name in ("name", "objectTypeId", "processingType") if not body.get(name)]:
        raise malformed(f"Some required fields were not set: [{', '.join(absent)}]")
    processing, kind = str(body["processingType"]), _kind(str(body["objectTypeId"]))
    if processing not in PROCESSING:
        raise malformed(f"Enum processingType must be one of: {list(PROCESSING)}")
    if processing == "DYNAMIC" and body.get("filterBranch") is None:
        raise validation("A list of type DYNAMIC needs a filterBranch.")
    branch = _branch(call, kind, body["filterBranch"]) if body.get("filterBranch") is not None else None
    name, now = str(body["name"]), call.portal.now()
    _require_free(call, name)
    made = SavedList(str(call.portal.serial()), name, kind, processing, now, now, branch=branch)
    call.portal.lists[made.id] = made
    return Reply(200, {"list": _shown(made, filters=True)})


def _kind(word: str) -> ObjectType:
    """Lists name an object by its type id only."""
    known = BY_ADDRESS.get(word)
    if known is None or known.id != word:
        raise validation(f"Invalid objectTypeId: {word}")
    return known


def _require_free(call: Call, name: str, but: str = "") -> None:
    if any(one.name == name and one.id != but and one.deleted is None for one in call.portal.lists.values()):
        raise validation(f"Another list already has the name '{name}'.", subCategory="ILS.DUPLICATE_LIST_NAMES")


def _branch(call: Call, kind: ObjectType, asked: Any) -> dict[str, Any]:
    """The branch as HubSpot gives it back. The root must be OR, and hold AND branches with the filters."""
    root = as_mapping(asked)
    inner = [as_mapping(one) for one in as_list(root, "filterBranches")]
    if root.get("filterBranchType") != "OR" or not inner or any(one.get("filterBranchType") != "AND" for one in inner):
        raise validation("The root filterBranch must be of type OR, and hold branches of type AND.")
    _condition(call, kind, inner)
    return _told(root)


def _told(branch: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(branch["filterBranchType"])
    return {
        "filterBranchType": kind,
        "filterBranchOperator": kind if kind in _BRANCHES else "AND",
        "filterBranches": [_told(as_mapping(one)) for one in as_list(branch, "filterBranches")],
        "filters": [_told_filter(as_mapping(one)) for one in as_list(branch, "filters")],
    }


def _told_filter(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "operation": {"includeObjectsWithNoValueSet": False, **as_mapping(one.get("operation"))}}


def _condition(call: Call, kind: ObjectType, branches: list[dict[str, Any]]) -> Any:
    """The filters in the words of search, which checks them."""
    groups = [[_searched(as_mapping(one)) for one in as_list(branch, "filters")] for branch in branches]
    return filtered(kind, call.portal.properties(kind), groups)


def _searched(one: Mapping[str, Any]) -> dict[str, Any]:
    operation = as_mapping(one.get("operation"))
    key = str(operation.get("operationType")), str(operation.get("operator"))
    if one.get("filterType") != "PROPERTY" or key not in _OPERATORS:
        raise validation(f"Filter {one.get('filterType')} {'/'.join(key)} is not understood.")
    search = {"propertyName": str(one.get("property")), "operator": _OPERATORS[key]}
    return search | ({"values": as_names(operation, "values")} if "values" in operation else {})


def get_list(call: Call) -> Reply:
    """One list by id."""
    return _one(call, _found(call))


def get_by_name(call: Call) -> Reply:
    """One list by name and object type; deleted ones are gone."""
    kind = _kind(call.path["kind"])
    for one in call.portal.lists.values():
        if (one.name, one.kind, one.deleted) == (call.path["name"], kind, None):
            return _one(call, one)
    raise not_found(f"List does not exist with name {call.path['name']}", category="OBJECT_NOT_FOUND")


def _one(call: Call, held: SavedList) -> Reply:
    return Reply(200, {"list": _shown(held, filters=call.flag("includeFilters"))})


def _found(call: Call, *, deleted: bool = False) -> SavedList:
    held = call.portal.lists.get(call.path["id"])
    if held is None or (held.deleted is not None) is not deleted:
        raise not_found(f"List does not exist with ID {call.path['id']}", category="OBJECT_NOT_FOUND")
    return held


def search_lists(call: Call) -> Reply:
    """Lists whose name holds the words of `query`, with the number of their members."""
    body = call.mapping()
    words, kinds = str(body.get("query", "")).lower(), as_names(body, "processingTypes")
    kind, start = body.get("objectTypeId"), int(body.get("offset", 0))
    count = within(body.get("count", 20), PAGE)
    found = [
        one
        for one in call.portal.lists.values()
        if words in one.name.lower()
        and (not kinds or one.processing in kinds)
        and kind in (None, one.kind.id)
        and one.deleted is None
    ]
    shown = [_listed(call, one) for one in found[start : start + count]]
    more = len(found) > start + count
    return Reply(200, {"lists": shown, "offset": start + len(shown), "hasMore": more, "total": len(found)})


def _listed(call: Call, one: SavedList) -> dict[str, Any]:
    branches = [dict(branch) for branch in (one.branch or {}).get("filterBranches", ())]
    condition = _condition(call, one.kind, branches) if branches else None
    size = call.portal.org.count(one.kind.name, condition.sql, condition.values) if condition else 0
    more = {"hs_list_size": str(size), "hs_list_reference_count": "0"}
    return {**_shown(one, filters=False), "additionalProperties": more}


def update_filters(call: Call) -> Reply:
    """Another filter definition for an active list."""
    held = _found(call)
    if held.processing != "DYNAMIC":
        raise validation(f"The filters of a {held.processing} list cannot be changed.")
    branch = _branch(call, held.kind, call.mapping().get("filterBranch"))
    return _changed(call, replace(held, branch=branch))


def update_name(call: Call) -> Reply:
    """Another name for a list."""
    held, name = _found(call), call.one("listName")
    if not name:
        raise validation("listName must not be empty.")
    _require_free(call, name, held.id)
    return _changed(call, replace(held, name=name))


def _changed(call: Call, made: SavedList) -> Reply:
    made = replace(made, version=made.version + 1, updated=call.portal.now())
    call.portal.lists[made.id] = made
    return Reply(200, {"updatedList": _shown(made, filters=call.flag("includeFilters"))})


def delete_list(call: Call) -> Reply:
    """Delete a list; it can be restored for 90 days."""
    held = _found(call)
    call.portal.lists[held.id] = replace(held, deleted=call.portal.now())
    return Reply(204)


def restore_list(call: Call) -> Reply:
    """A deleted list again."""
    held = _found(call, deleted=True)
    _require_free(call, held.name, held.id)
    call.portal.lists[held.id] = replace(held, deleted=None)
    return Reply(204)


def using(call: Call, name: str) -> list[SavedList]:
    """The live lists that filter by a property of the call's object: it cannot be archived while they do."""
    return [
        one
        for one in call.portal.lists.values()
        if one.kind == call.kind and one.deleted is None and name in _properties(one.branch or {})
    ]


def _properties(branch: Mapping[str, Any]) -> set[str]:
    here = {str(one.get("property")) for one in branch.get("filters", ())}
    return here.union(*(_properties(one) for one in branch.get("filterBranches", ())))


def refuse_archiving(call: Call, name: str) -> None:
    """A property in use stays.

    Raises:
        HubSpotError: 400.
    """
    if users := using(call, name):
        raise HubSpotError(
            400,
            f"Property: {name} of object type {call.kind.id} is currently used in {len(users)} places and cannot "
            "be deleted",
            category="VALIDATION_ERROR",
            subCategory="PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE",
            context={"usageCount": [str(len(users))]},
        )
