"""What the org says about itself: limits, resources, who is logged in."""

import math
from typing import Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import login
from crm_kare.sandbox.salesforce.errors import SalesforceError
from crm_kare.sandbox.salesforce.request import DATA, Address, Call


def _limits(call: Call) -> Response:
    if not call.org.may(call.user_id, "ViewSetup"):
        raise SalesforceError(403, "FORBIDDEN", "The resource needs the permission View Setup and Configuration")
    settings, bulk = call.org.settings, call.org.settings.bulk
    taken = call.org.bulk.taken
    return JSONResponse(
        {
            "DailyApiRequests": _left(settings.daily_limit, call.org.used()),
            "DailyBulkV2QueryJobs": _left(bulk.daily_queries, taken("queries")),
            "DailyBulkV2QueryFileStorageMB": _left(bulk.daily_megabytes, taken("megabytes")),
            "DailyBulkApiBatches": _left(bulk.daily_batches, taken("batches")),
        }
    )


def _left(most: int, used: float) -> dict[str, int]:
    return {"Max": most, "Remaining": max(0, most - math.ceil(used))}


def _resources(call: Call) -> Response:
    names = ("sobjects", "query", "queryAll", "composite", "tooling", "limits", "jobs", "recent")
    return JSONResponse(
        {name: f"{call.root}/{name}" for name in names} | {"identity": f"{_root(call)}/id/{call.org.id}/{call.user_id}"}
    )


def _user_info(call: Call) -> Response:
    return JSONResponse(login.user_info(call.org, call.user_id, _root(call)))


def _identity(call: Call) -> Response:
    if (call.path["org"], call.path["user"]) != (call.org.id, call.user_id):
        raise SalesforceError(403, "FORBIDDEN", "Wrong_Org")
    return JSONResponse(login.identity(call.org, call.user_id, _root(call)))


def _root(call: Call) -> str:
    return f"http://{call.headers['host']}"


ADDRESSES: Final[tuple[Address, ...]] = (
    ("/services/oauth2/userinfo", "GET", _user_info),
    ("/id/{org}/{user}", "GET", _identity),
    (DATA, "GET", _resources),
    (f"{DATA}/", "GET", _resources),
    (f"{DATA}/limits", "GET", _limits),
    (f"{DATA}/limits/", "GET", _limits),
)
