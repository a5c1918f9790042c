"""What the org says about itself: limits, resources, who is logged in."""

from typing import Final

from starlette.responses import JSONResponse, Response

from crm_kare.sandbox.salesforce import login
from crm_kare.sandbox.salesforce.errors import SalesforceError
from crm_kare.sandbox.salesforce.request import DATA, Address, Call


def _limits(call: Call) -> Response:
    most = call.org.settings.daily_limit
    return JSONResponse(
        {
            "DailyApiRequests": {"Max": most, "Remaining": max(0, most - call.org.used())},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
        }
    )


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
