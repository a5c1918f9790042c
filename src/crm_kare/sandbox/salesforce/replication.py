"""`/deleted/` and `/updated/`: ids of what was deleted, made or changed in a span of time."""

import re
from datetime import UTC, datetime
from typing import Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce.definitions import ObjectDef
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request
from crm_kare.sandbox.salesforce.request import DATA, Address, Call

MOST_IDS: Final = 600_000
DELETED_DAYS: Final = 15
UPDATED_DAYS: Final = 30
_MINUTE: Final = 60_000
_DAY: Final = 86_400_000
_FORM: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+ -]\d\d:?\d\d)")


def _deleted(call: Call) -> Response:
    definition = _object(call)
    start, end = _span(call, DELETED_DAYS)
    begins = max(call.org.bin.log_begins, call.org.records.now_ms() - DELETED_DAYS * _DAY)
    if start < call.org.bin.log_begins:
        raise _refused("startDate is before the earliest date that is available: the delete log was purged")
    rows = _logged(call, definition.name, start, end)
    return JSONResponse(
        {
            "deletedRecords": [{"id": record_id, "deletedDate": _stamp(moment)} for record_id, moment in rows],
            "earliestDateAvailable": _stamp(begins - begins % _MINUTE),
            "latestDateCovered": _stamp(end),
        }
    )


def _updated(call: Call) -> Response:
    definition = _object(call)
    start, end = _span(call, UPDATED_DAYS)
    rows = _rows(call, definition.name, "main._deleted = 0", start, end)
    return JSONResponse({"ids": [one[0] for one in rows], "latestDateCovered": _stamp(end)})


def _logged(call: Call, name: str, start: int, end: int) -> list[tuple[str, int]]:
    """What is in the bin, and what left it: the log keeps the ids of both."""
    held = _rows(call, name, "main._deleted = 1", start, end)
    gone = call.org.records.purged(name, start, end)
    return _few(sorted([*held, *gone], key=lambda one: (one[1], one[0])))


def _rows(call: Call, name: str, condition: str, start: int, end: int) -> list[tuple[str, int]]:
    """Ids and stamps of the records that the user sees."""
    org = call.org
    shared, parameters = org.sharing.condition(org.access(name, call.user_id).rights, call.user_id, name, "main")
    table = org.records.table(name)
    sql = (
        f"SELECT main._id, main._modified FROM {table} main WHERE {condition}"  # noqa: S608  names are ours
        f" AND main._modified >= ? AND main._modified < ?{' AND ' if shared else ''}{shared} ORDER BY main._id LIMIT ?"
    )
    found = org.records.store.rows(sql, [start, end, *parameters, MOST_IDS + 1])
    return _few([(str(one), int(moment)) for one, moment in found])


def _few(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    if len(rows) > MOST_IDS:
        raise bad_request("EXCEEDED_ID_LIMIT", f"More than {MOST_IDS} records: choose dates that are closer together")
    return rows


def _object(call: Call) -> ObjectDef:
    found = call.org.object(call.path["object"], call.user_id)
    if found.setup or not found.has_bin:
        raise bad_request("INVALID_TYPE_FOR_OPERATION", f"entity type {found.name} does not support replication")
    return found


def _span(call: Call, days: int) -> tuple[int, int]:
    """Start and end, without their seconds. More than a minute must lie between them."""
    start, end = (_moment(call.query.get(name, ""), name) for name in ("start", "end"))
    now = call.org.records.now_ms()
    if start > now:
        raise _refused("startDate cannot be in the future")
    if start < now - days * _DAY - _MINUTE:
        raise _refused(f"startDate cannot be more than {days} days ago")
    if end - start < _MINUTE:
        raise _refused("endDate must be at least one minute greater than startDate")
    return start, min(end, now - now % _MINUTE)


def _moment(text: str, name: str) -> int:
    match = _FORM.fullmatch(text)
    if match is None:
        raise _refused(f"{name}Date is not a valid date and time")
    zone = match[2].replace(" ", "+")  # a plus sign that was not encoded
    try:
        found = int(datetime.fromisoformat(match[1] + zone).timestamp() * 1000)
    except ValueError as error:
        raise _refused(f"{name}Date is not a valid date and time") from error
    return found - found % _MINUTE


def _refused(message: str) -> SalesforceError:
    return bad_request("INVALID_REPLICATION_DATE", message)


def _stamp(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


ADDRESSES: Final[tuple[Address, ...]] = (
    (f"{DATA}/sobjects/{{object}}/deleted", "GET", _deleted),
    (f"{DATA}/sobjects/{{object}}/deleted/", "GET", _deleted),
    (f"{DATA}/sobjects/{{object}}/updated", "GET", _updated),
    (f"{DATA}/sobjects/{{object}}/updated/", "GET", _updated),
)
