"""The addresses under `/services/`."""

from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from crm_kare.sandbox.salesforce import collection, describe, ids, login, query, soap, tooling, write
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.org import Credentials, SalesforceOrg
from crm_kare.sandbox.salesforce.request import NEWEST_VERSION, OLDEST_VERSION, Answer, Call, endpoint
from crm_kare.sandbox.state import Sandbox

_DATA: Final = "/services/data/v{version}"


def router_for(sandbox: Sandbox) -> Router:
    """All addresses of the org that was loaded."""
    org = org_of(sandbox)
    cursors = query.Cursors(org)
    routes = [Route(path, endpoint(org, cursors, answer), methods=[method]) for path, method, answer in _ADDRESSES]
    open_ones = [
        Route("/services/oauth2/token", _token_endpoint(org), methods=["POST"]),
        Route("/services/Soap/u/{version}", _soap_endpoint(org), methods=["POST"]),
        Route("/services/data", _versions, methods=["GET"]),
        Route("/services/data/", _versions, methods=["GET"]),
    ]
    return Router([*open_ones, *routes])


def org_of(sandbox: Sandbox) -> SalesforceOrg:
    """The org that `load` made: its settings, sessions, and what happens in it beside calls."""
    org = sandbox.sides["salesforce"]
    if not isinstance(org, SalesforceOrg):
        raise TypeError("the sandbox's Salesforce side is not loaded")
    return org


def environment(url: str) -> dict[str, str]:
    """The Contract's settings to log in as the integration user, by client credentials."""
    credentials = Credentials()
    return {
        "SALESFORCE_LOGIN_URL": url,
        "SALESFORCE_CLIENT_ID": credentials.client_id,
        "SALESFORCE_CLIENT_SECRET": credentials.client_secret,
    }


def _token_endpoint(org: SalesforceOrg) -> Any:
    async def token(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        root = f"{request.url.scheme}://{request.url.netloc}"
        try:
            return JSONResponse(await run_in_threadpool(login.token, org, dict(parse_qsl(body)), root))
        except login.LoginError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)

    return token


def _soap_endpoint(org: SalesforceOrg) -> Any:
    async def login_by_soap(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        root = f"{request.url.scheme}://{request.url.netloc}"
        return await run_in_threadpool(soap.soap_login, org, request.path_params["version"], body, root)

    return login_by_soap


async def _versions(_request: Request) -> Response:
    versions = range(OLDEST_VERSION, NEWEST_VERSION + 1)
    return JSONResponse(
        [{"label": f"Release {one}", "url": f"/services/data/v{one}.0", "version": f"{one}.0"} for one in versions]
    )


# reading


def _query(call: Call) -> Response:
    return JSONResponse(_first_batch(call))


def _query_all(call: Call) -> Response:
    return JSONResponse(_first_batch(call, deleted=True))


def _tooling_query(call: Call) -> Response:
    found = _first_batch(call, tooling=True)
    wants_metadata = any({"Metadata", "FullName"} & set(one) for one in found["records"])
    if wants_metadata and len(found["records"]) > 1:
        message = (
            "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than"
            " one row for retrieval."
        )
        raise bad_request("MALFORMED_QUERY", message)
    return JSONResponse(found)


def _first_batch(call: Call, *, deleted: bool = False, tooling: bool = False) -> dict[str, Any]:
    text = call.query.get("q", "")
    if not text.strip():
        raise bad_request("MALFORMED_QUERY", "A query string has to be specified")
    batch = query.batch_size(call.headers.get("sforce-query-options"), call.org.settings.page_limit)
    return query.run(call.reader(tooling=tooling), text, batch=batch, deleted=deleted, tooling=tooling)


def _more(call: Call) -> Response:
    return JSONResponse(query.resume(call.reader(), call.path["locator"]))


def _tooling_more(call: Call) -> Response:
    return JSONResponse(query.resume(call.reader(tooling=True), call.path["locator"]))


def _objects(call: Call) -> Response:
    return JSONResponse(describe.list_objects(call.root))


def _describe(call: Call) -> Response:
    definition = call.org.object(call.path["object"])
    return JSONResponse(describe.describe(call.org, definition, call.user_id, call.root))


def _record(call: Call) -> Response:
    name = call.org.object(call.path["object"]).name
    fields = [one.strip() for one in call.query["fields"].split(",")] if "fields" in call.query else None
    return JSONResponse(query.one_record(call.reader(), name, _id(call), fields))


def _retrieve(call: Call) -> Response:
    """Records by id, in the order asked, null for those that are not there."""
    name = call.org.object(call.path["object"]).name
    body = call.record() if call.body else {key: call.query.get(key, "").split(",") for key in ("ids", "fields")}
    wanted, fields = body.get("ids"), body.get("fields")
    if not isinstance(wanted, list) or not isinstance(fields, list) or not fields:
        raise bad_request("JSON_PARSER_ERROR", "The request needs ids and fields")
    if len(wanted) > query.LARGEST_BATCH:
        raise bad_request(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot retrieve more than {query.LARGEST_BATCH} records"
        )
    known = [ids.normalised(str(one)) for one in wanted]
    listed = ", ".join(f"'{one}'" for one in known if one) or "''"
    text = f"SELECT {', '.join(['Id', *map(str, fields)])} FROM {name} WHERE Id IN ({listed})"  # noqa: S608  SOQL
    found = query.run(call.reader(), text, batch=query.LARGEST_BATCH)["records"]
    by_id = {one["Id"]: one for one in found}
    return JSONResponse([by_id.get(one) if one else None for one in known])


# writing


def _insert(call: Call) -> Response:
    name = call.org.object(call.path["object"]).name
    values = write.read_body(call.org, call.user_id, name, call.record())
    made = write.insert(call.org, call.user_id, name, values)
    if not isinstance(made, str):
        raise _refused(made)
    return JSONResponse({"id": made, "success": True, "errors": []}, 201)


def _update(call: Call) -> Response:
    name = call.org.object(call.path["object"]).name
    body = call.record()
    if any(key.lower() == "id" for key in body):
        raise bad_request("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    values = write.read_body(call.org, call.user_id, name, body)
    faults = write.update(call.org, call.user_id, name, _id(call), values)
    if faults:
        raise _refused(faults)
    return Response(status_code=204)


def _delete(call: Call) -> Response:
    faults = write.delete(call.org, call.user_id, call.org.object(call.path["object"]).name, _id(call))
    if faults:
        raise _refused(faults)
    return Response(status_code=204)


def _refused(faults: list[RecordError]) -> SalesforceError:
    """One record's faults as the answer to the whole request."""
    statuses = {"ENTITY_IS_DELETED": 404, "INVALID_CROSS_REFERENCE_KEY": 404, "INSUFFICIENT_ACCESS_OR_READONLY": 403}
    status = statuses.get(faults[0].code, 400) if not faults[0].fields else 400
    error = SalesforceError(status, faults[0].code, faults[0].message, faults[0].fields)
    error.errors = faults
    return error


def _id(call: Call) -> str:
    """The id in the address; a malformed one is nowhere."""
    found = ids.normalised(call.path["id"])
    if found is None:
        raise not_found()
    return found


def _update_all(call: Call) -> Response:
    return JSONResponse(collection.update_all(call.org, call.user_id, call.record()))


def _insert_all(call: Call) -> Response:
    return JSONResponse(collection.insert_all(call.org, call.user_id, call.record()))


# custom fields


def _create_field(call: Call) -> Response:
    return JSONResponse(tooling.create(call.org, call.user_id, call.record()), 201)


def _field(call: Call) -> Response:
    return JSONResponse(query.one_record(call.reader(tooling=True), "CustomField", _id(call), None))


def _change_field(call: Call) -> Response:
    tooling.change(call.org, call.user_id, _id(call), call.record())
    return Response(status_code=204)


def _delete_field(call: Call) -> Response:
    tooling.delete(call.org, call.user_id, _id(call))
    return Response(status_code=204)


# the org


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
    names = ("sobjects", "query", "queryAll", "composite", "tooling", "limits")
    return JSONResponse(
        {name: f"{call.root}/{name}" for name in names} | {"identity": f"/id/{call.org.id}/{call.user_id}"}
    )


def _user_info(call: Call) -> Response:
    return JSONResponse(login.user_info(call.org, call.user_id, _root(call)))


def _identity(call: Call) -> Response:
    if (call.path["org"], call.path["user"]) != (call.org.id, call.user_id):
        raise SalesforceError(403, "FORBIDDEN", "Wrong_Org")
    return JSONResponse(login.user_info(call.org, call.user_id, _root(call)) | {"asserted_user": True})


def _root(call: Call) -> str:
    return f"http://{call.headers['host']}"


_ADDRESSES: Final[tuple[tuple[str, str, Answer], ...]] = (
    ("/services/oauth2/userinfo", "GET", _user_info),
    ("/id/{org}/{user}", "GET", _identity),
    (_DATA, "GET", _resources),
    (f"{_DATA}/", "GET", _resources),
    (f"{_DATA}/limits", "GET", _limits),
    (f"{_DATA}/limits/", "GET", _limits),
    (f"{_DATA}/query", "GET", _query),
    (f"{_DATA}/query/", "GET", _query),
    (f"{_DATA}/query/{{locator}}", "GET", _more),
    (f"{_DATA}/queryAll", "GET", _query_all),
    (f"{_DATA}/queryAll/", "GET", _query_all),
    (f"{_DATA}/queryAll/{{locator}}", "GET", _more),
    (f"{_DATA}/sobjects", "GET", _objects),
    (f"{_DATA}/sobjects/", "GET", _objects),
    (f"{_DATA}/sobjects/{{object}}", "POST", _insert),
    (f"{_DATA}/sobjects/{{object}}/", "POST", _insert),
    (f"{_DATA}/sobjects/{{object}}/describe", "GET", _describe),
    (f"{_DATA}/sobjects/{{object}}/describe/", "GET", _describe),
    (f"{_DATA}/sobjects/{{object}}/{{id}}", "GET", _record),
    (f"{_DATA}/sobjects/{{object}}/{{id}}", "PATCH", _update),
    (f"{_DATA}/sobjects/{{object}}/{{id}}", "DELETE", _delete),
    (f"{_DATA}/composite/sobjects", "PATCH", _update_all),
    (f"{_DATA}/composite/sobjects/", "PATCH", _update_all),
    (f"{_DATA}/composite/sobjects", "POST", _insert_all),
    (f"{_DATA}/composite/sobjects/", "POST", _insert_all),
    (f"{_DATA}/composite/sobjects/{{object}}", "GET", _retrieve),
    (f"{_DATA}/composite/sobjects/{{object}}", "POST", _retrieve),
    (f"{_DATA}/tooling/query", "GET", _tooling_query),
    (f"{_DATA}/tooling/query/", "GET", _tooling_query),
    (f"{_DATA}/tooling/query/{{locator}}", "GET", _tooling_more),
    (f"{_DATA}/tooling/sobjects/CustomField", "POST", _create_field),
    (f"{_DATA}/tooling/sobjects/CustomField/", "POST", _create_field),
    (f"{_DATA}/tooling/sobjects/CustomField/{{id}}", "GET", _field),
    (f"{_DATA}/tooling/sobjects/CustomField/{{id}}", "PATCH", _change_field),
    (f"{_DATA}/tooling/sobjects/CustomField/{{id}}", "DELETE", _delete_field),
)
