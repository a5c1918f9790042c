"""POST …/search: filters, sorts, paging to 10,000, and an index that may lag behind the writes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping, as_names, within
from crm_kare.sandbox.hubspot.conditions import Condition, comparable, filtered
from crm_kare.sandbox.hubspot.definitions import ObjectType, Property
from crm_kare.sandbox.hubspot.errors import validation
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.records import shown, wanted
from crm_kare.sandbox.store import SYSTEM_COLUMNS, Record

PAGE: Final = 200
MOST: Final = 10_000
GROUPS: Final = 5
FILTERS: Final = 6
ALL_FILTERS: Final = 18
LONGEST: Final = 3000

_SEARCHED: Final = {
    "companies": ("name", "domain", "website", "phone"),
    "deals": ("dealname", "description", "dealstage", "pipeline", "dealtype"),
    "contacts": ("firstname", "lastname", "email", "phone"),
    "line_items": ("name", "hs_sku"),
    "products": ("name", "hs_sku", "description"),
    "tasks": ("hs_task_subject", "hs_task_body"),
}
"""Properties that the free text of `query` looks into."""


def search(call: Call) -> Reply:
    """One page of the records that the index knows and that fit."""
    body, kind = call.mapping(), call.kind
    limit = within(body.get("limit") or 10, PAGE)
    after = _offset(body.get("after"), limit)
    known = call.portal.properties(kind)
    where = _where(kind, known, body)
    order = _order(known, kind, as_list(body, "sorts"))
    names = as_names(body, "properties") or None
    total, found = _find(
        call.portal, kind, where, f"{order} LIMIT {limit} OFFSET {after}", wanted(call.portal, kind, names)
    )
    looks = shown(call.portal, kind, found, names)
    reply: dict[str, Any] = {"total": total, "results": looks}
    if after + len(found) < total:
        reply["paging"] = {"next": {"after": str(after + len(found))}}
    return Reply(200, reply)


def _offset(after: Any, limit: int) -> int:
    if after in (None, ""):
        return 0
    if not isinstance(after, str | int) or not str(after).isdecimal():
        raise validation(f"Invalid value for after: {after}")
    if int(after) + limit > MOST:
        raise validation(
            f"Paging past {MOST} results is not supported: after and limit together were {int(after) + limit}."
        )
    return int(after)


def _where(kind: ObjectType, known: Mapping[str, Property], body: Mapping[str, Any]) -> Condition:
    groups = [as_list(as_mapping(one), "filters") for one in as_list(body, "filterGroups")]
    if not groups and (bare := as_list(body, "filters")):
        groups = [bare]
    if len(groups) > GROUPS or any(len(one) > FILTERS for one in groups) or sum(map(len, groups)) > ALL_FILTERS:
        raise validation(
            f"Too many filters: at most {GROUPS} filterGroups with {FILTERS} filters each, {ALL_FILTERS} in all."
        )
    condition = filtered(kind, known, groups)
    return condition.both(containing(kind, body.get("query") or ""))


def containing(kind: ObjectType, query: Any) -> Condition:
    """Records that hold a free text in one of the properties that are searched.

    Raises:
        HubSpotError: 400, the text is too long or none.
    """
    if not isinstance(query, str) or len(query) > LONGEST:
        raise validation(f"query must be text of at most {LONGEST} characters.")
    if not query:
        return Condition("1")
    columns = _SEARCHED[kind.name]
    looked = " OR ".join(f"instr(lower(coalesce(\"{one}\", '')), lower(?)) > 0" for one in columns)
    return Condition(f"({looked})", (query,) * len(columns))


def _order(known: Mapping[str, Property], kind: ObjectType, sorts: list[Any]) -> str:
    if len(sorts) > 1:
        raise validation("Only one sort is supported.")
    if not sorts:
        return "_created, _id"
    asked = sorts[0]
    if isinstance(asked, str):
        asked = {
            "propertyName": asked.removeprefix("-"),
            "direction": "DESCENDING" if asked[:1] == "-" else "ASCENDING",
        }
    one = as_mapping(asked)
    name, direction = str(one.get("propertyName")), one.get("direction", "ASCENDING")
    if name not in known:
        raise validation(f"Property {name} does not exist.")
    if direction not in ("ASCENDING", "DESCENDING"):
        raise validation(f"Invalid sort direction: {direction}")
    return f"{comparable(kind, known[name])} {'DESC' if direction == 'DESCENDING' else 'ASC'}, _id"


def _find(
    portal: Portal, kind: ObjectType, where: Condition, part: str, names: Sequence[str]
) -> tuple[int, list[Record]]:
    """How many records fit, and those of the page with the properties that are wanted."""
    table, store = portal.org.table(kind.name), portal.org.store
    columns = ", ".join(f'"{one}"' for one in (*SYSTEM_COLUMNS, *names))
    with store.transaction():
        if portal.settings.index_lag:
            table = _lagging(portal, kind, table)
        source = f"FROM {table} WHERE _deleted = 0 AND {where.sql}"
        total = int(store.rows(f"SELECT count(*) {source}", where.values)[0][0])
        return total, store.records(f"SELECT {columns} {source} ORDER BY {part}", where.values)


def _lagging(portal: Portal, kind: ObjectType, table: str) -> str:
    """The table as the index has it: what was written since the cut is there as it was before, or not at all."""
    org = portal.org
    cut = org.now_ms() - int(portal.settings.index_lag * 1000)
    fresh = {one["_id"]: one for one in org.select(kind.name, "_modified > ?", (cut,), deleted=None)}
    cuts = {key: _cut_of(portal, key) for key in fresh}
    stamps: dict[str, int] = {}
    for change in reversed(org.history(kind.name, list(fresh))):
        if change.at > cuts[change.record_id]:
            fresh[change.record_id][change.field] = change.old
        else:
            stamps.setdefault(change.record_id, change.at)
    shown_yet = {"_deleted": 0} if portal.settings.lag_keeps_deleted else {}
    old = [
        one if one["_modified"] <= cuts[key] else one | shown_yet | {"_modified": stamps.get(key, one["_created"])}
        for key, one in fresh.items()
        if one["_created"] <= cuts[key]
    ]
    with org.store.transaction() as database:
        database.execute("DROP TABLE IF EXISTS temp.index_lag")
        database.execute(f"CREATE TEMP TABLE index_lag AS SELECT * FROM {table} WHERE 0")  # noqa: S608
        for one in old:
            marks = ", ".join("?" * len(one))
            database.execute(f"INSERT INTO temp.index_lag VALUES ({marks})", tuple(one.values()))  # noqa: S608
    return f"(SELECT * FROM {table} WHERE _modified <= {cut} UNION ALL SELECT * FROM temp.index_lag)"  # noqa: S608


def _cut_of(portal: Portal, record_id: str) -> int:
    """Until when the index knows a record's writes; with an uneven lag some wait less long than others."""
    share = int(record_id) % 11 / 10 if portal.settings.uneven_lag else 1
    return portal.org.now_ms() - int(portal.settings.index_lag * 1000 * share)
