"""Lists of jobs, a thousand at a time."""

from typing import Any

from crm_kare.sandbox.salesforce.bulk.jobs import LIST_PAGE, Job, info
from crm_kare.sandbox.salesforce.errors import bad_request
from crm_kare.sandbox.salesforce.request import Call


def listed(call: Call, kind: type[Job], name: str) -> dict[str, Any]:
    """Jobs of a kind; `queryLocator` in the address says where to go on."""
    wanted = call.query.get("jobType")
    jobs = call.org.bulk.all(kind) if wanted in {None, "V2Query" if name == "query" else "V2Ingest"} else []
    first = _first(call, jobs)
    rest = jobs[first + LIST_PAGE :]
    return {
        "done": not rest,
        "records": [info(one, whole=False) | {"jobType": _TYPES[name]} for one in jobs[first : first + LIST_PAGE]],
        "nextRecordsUrl": f"{call.root}/jobs/{name}?queryLocator={rest[0].id}" if rest else None,
    }


_TYPES = {"query": "V2Query", "ingest": "V2Ingest"}


def _first(call: Call, jobs: list[Any]) -> int:
    locator = call.query.get("queryLocator")
    if locator is None:
        return 0
    found = [place for place, one in enumerate(jobs) if one.id == locator]
    if not found:
        raise bad_request("INVALIDQUERYLOCATOR", "InvalidQueryLocator : invalid query locator")
    return found[0]
