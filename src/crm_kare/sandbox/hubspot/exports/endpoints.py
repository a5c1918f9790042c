"""The endpoints: ask for an export, look how far it is, fetch the file."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping, as_names
from crm_kare.sandbox.hubspot.conditions import Condition, comparable, filtered
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, ObjectType
from crm_kare.sandbox.hubspot.errors import HubSpotError, malformed, not_found, validation
from crm_kare.sandbox.hubspot.exports.file import ExportFile
from crm_kare.sandbox.hubspot.exports.rows import header, rows
from crm_kare.sandbox.hubspot.exports.task import A_DAY, LIFE, Order, State, Task
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.search import containing
from crm_kare.sandbox.hubspot.values import stamp

FILES: Final = "/exported-files"
"""Where the files are fetched, without a token."""
GROUPS: Final = 3
FILTERS: Final = 3

_REQUIRED: Final = ("exportType", "exportName", "format", "language", "objectType", "objectProperties")
_LANGUAGES: Final = frozenset(
    ["DA_DK", "DE", "EN", "ES", "FI", "FR", "IT", "JA", "NL", "NO", "PL", "PT", "PT_BR", "SV", "ZH_CN", "ZH_TW"]
)
_ORDERS: Final = {"ASC": "ASC", "DES": "DESC", "DESC": "DESC"}


def ask(call: Call) -> Reply:
    """POST …/export/async: 202 with the task's id."""
    portal = call.portal
    order = _order(portal, call.mapping())
    if portal.exports.since(portal.now() - timedelta(days=1)) >= A_DAY:
        raise HubSpotError(429, f"You have reached the limit of {A_DAY} exports in 24 hours.", category="RATE_LIMITS")
    task = Task(str(100_000 + portal.serial()), order, portal.now())
    portal.exports.tasks[task.id] = task
    return Reply(202, {"id": task.id, "links": {"status": f"{call.url}/tasks/{task.id}/status"}})


def _order(portal: Portal, body: Mapping[str, Any]) -> Order:
    if absent := [name for name in _REQUIRED if body.get(name) in (None, "")]:
        raise malformed(f"Some required fields were not set: [{', '.join(absent)}]")
    if body["exportType"] != "VIEW":
        raise validation(f"Export type {body['exportType']} is not known here: only views are.")
    if str(body["format"]).upper() != "CSV":
        raise validation(f"The format {body['format']} is not made here: only CSV is.")
    if body["language"] not in _LANGUAGES:
        raise malformed(f"Enum type must be one of: {sorted(_LANGUAGES)}")
    kind = _kind(body["objectType"])
    options = as_names(body, "exportInternalValuesOptions")
    if unknown := set(options) - {"NAMES", "VALUES"}:
        raise malformed(f"Enum type must be one of: ['NAMES', 'VALUES'], not {sorted(unknown)}")
    heedless = portal.settings.exports.heedless
    heeded = set(options) - heedless
    view = as_mapping(body.get("publicCrmSearchRequest") or {})
    where = _where(portal, kind, view)
    return Order(
        str(body["exportName"]),
        kind,
        tuple(as_names(body, "objectProperties")),
        tuple(_kind(one) for one in _associated(body)),
        "NAMES" in heeded,
        "VALUES" in heeded,
        "labels" not in heedless and body.get("includeLabeledAssociations") is True,
        body.get("includePrimaryDisplayPropertyForAssociatedObjects") is True,
        body.get("overrideAssociatedObjectsPerDefinitionPerRowLimit") is True,
        where.sql,
        where.values,
        _sorted(portal, kind, view),
    )  # fmt: skip


def _associated(body: Mapping[str, Any]) -> list[str]:
    """One type in the guide, a list of them in the OpenAPI document."""
    found = body.get("associatedObjectType")
    return [found] if isinstance(found, str) else as_names(body, "associatedObjectType")


def _kind(word: Any) -> ObjectType:
    """`COMPANY`, or the id of the type."""
    if str(word).lower() not in BY_ADDRESS:
        raise validation(f"Unable to infer object type from: {word}")
    return BY_ADDRESS[str(word).lower()]


def _where(portal: Portal, kind: ObjectType, view: Mapping[str, Any]) -> Condition:
    groups = [as_list(as_mapping(one), "filters") for one in as_list(view, "filterGroups")]
    if bare := as_list(view, "filters"):
        groups.append(bare)
    if len(groups) > GROUPS or any(len(one) > FILTERS for one in groups):
        raise validation(f"Too many filters: at most {GROUPS} filterGroups with {FILTERS} filters each.")
    known = portal.properties(kind)
    return filtered(kind, known, groups).both(containing(kind, view.get("query") or ""))


def _sorted(portal: Portal, kind: ObjectType, view: Mapping[str, Any]) -> str:
    known, parts = portal.properties(kind), []
    for one in as_list(view, "sorts"):
        name, order = str(as_mapping(one).get("propertyName")), one.get("order", "ASC")
        if name not in known or order not in _ORDERS:
            raise validation(f"Invalid sort: {name} {order}")
        parts.append(f"{comparable(kind, known[name])} {_ORDERS[order]}")
    return ", ".join([*parts, "_id"])


def status(call: Call) -> Reply:
    """GET …/tasks/{id}/status: every look moves on the task that is worked on; a file's address is new each time."""
    task = _task(call)
    _look(call.portal)
    told: dict[str, Any] = {"status": task.state.value, "requestedAt": stamp(task.requested)}
    told["startedAt"] = stamp(task.started or task.requested)
    told["completedAt"] = stamp(task.ended or call.portal.now())
    if task.failed:
        told |= {"numErrors": 1, "errors": [{"status": "error", "category": "EXPORT_FAILED", "message": "The export failed."}]}  # fmt: skip
    elif task.state is State.COMPLETE:
        told["result"] = _address(call, task)
    if task.state is State.CANCELED:
        told |= {"numErrors": 1, "errors": [{"status": "error", "category": "EXPORT_CANCELED", "message": "The export was canceled."}]}  # fmt: skip
    return Reply(200, told)


def _task(call: Call) -> Task:
    if call.path["id"] not in call.portal.exports.tasks:
        raise not_found(f"No export with id {call.path['id']} exists.", category="OBJECT_NOT_FOUND")
    return call.portal.exports.tasks[call.path["id"]]


def details(call: Call) -> Reply:
    """GET …/export/{id}: what was asked for, and its state."""
    task = _task(call)
    order = task.order
    body = {
        "id": task.id,
        "exportName": order.name,
        "exportState": task.state.value,
        "exportType": "VIEW",
        "objectType": order.kind.word,
        "objectProperties": list(order.properties),
        "recordCount": task.file.rows if task.file else 0,
        "createdAt": stamp(task.requested),
        "updatedAt": stamp(task.ended or task.requested),
    }
    return Reply(200, body)


def _look(portal: Portal) -> None:
    """The task at the head of the queue advances: the first look starts it, the last one finds it done."""
    task, settings = portal.exports.head(), portal.settings.exports
    if task is None or portal.faults.hits("hold_export"):
        return
    task.looks += 1
    if task.state is State.PENDING:
        _start(portal, task)
        if settings.looks > 1:
            return
    if _work(task, settings.rows_a_look) and task.looks >= settings.looks:
        task.failed = portal.faults.hits("fail_export")
        task.state = State.CANCELED if portal.faults.hits("cancel_export") else State.COMPLETE
        task.ended = portal.now()


def _start(portal: Portal, task: Task) -> None:
    name = "-".join(["hubspot-crm-exports", *task.order.name.lower().split(), f"{portal.now():%Y-%m-%d}"])
    settings = portal.settings.exports
    task.state, task.started = State.PROCESSING, portal.now()
    task.file = ExportFile(name, header(portal, task.order), settings.plain, settings.part)
    task.rows = rows(portal, task.order)


def _work(task: Task, number: int) -> bool:
    """So many rows or some more; whether all are there."""
    if task.file is None or task.rows is None:
        return True
    goal = task.file.rows + number
    for some in task.rows:
        task.file.write(some)
        if task.file.rows >= goal:
            return False
    task.rows = None
    task.file.close()
    return True


def _address(call: Call, task: Task) -> str:
    portal = call.portal
    ends = portal.now() + (timedelta() if portal.faults.hits("expire_export") else LIFE)
    secret = f"{portal.serial():012d}"
    portal.exports.addresses[secret] = (task, ends)
    name = task.file.file_name if task.file else ""
    return f"{call.url.partition('/crm/')[0]}{FILES}/{secret}/{name}"


def serve_file(portal: Portal, secret: str, *, logged_in: bool = False) -> tuple[int, str, bytes]:
    """Status, media type and content of an address; 403 once it has run out, 400 where a login comes with it, as signed
    addresses of files answer.
    """
    if logged_in:
        return 400, "application/xml", b"<Error><Code>InvalidArgument</Code></Error>"
    task, ends = portal.exports.addresses.get(secret, (None, portal.now()))
    if task is None or task.file is None or portal.now() >= ends:
        return 403, "application/xml", b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    kind = "application/zip" if task.file.file_name.endswith(".zip") else "text/csv;charset=utf-8"
    content = task.file.content()
    return 200, kind, content[: len(content) - portal.settings.exports.cut]
