"""All addresses of the org. Each feature's module brings its own; here they are collected."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router, compile_path

from crm_kare.sandbox.salesforce import (
    about,
    composite,
    custom_fields,
    external_ids,
    login,
    overview,
    query,
    reading,
    record_types,
    replication,
    soap,
    tree,
    writing,
)
from crm_kare.sandbox.salesforce.bulk import ingest_jobs, query_jobs
from crm_kare.sandbox.salesforce.errors import SalesforceError, not_found
from crm_kare.sandbox.salesforce.org import Credentials, SalesforceOrg
from crm_kare.sandbox.salesforce.request import NEWEST_VERSION, OLDEST_VERSION, Address, Answer, Call, endpoint
from crm_kare.sandbox.state import Sandbox

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_FEATURES: Final = (
    about,
    overview,
    replication,  # before the addresses of single records, which would take its words for ids
    reading,
    writing,
    external_ids,
    tree,
    custom_fields,
    record_types,
    query_jobs,
    ingest_jobs,
)


def router_for(sandbox: Sandbox) -> Router:
    """All addresses of the org that was loaded."""
    org = org_of(sandbox)
    cursors = query.Cursors(org)
    plain = tuple(chain.from_iterable(one.ADDRESSES for one in _FEATURES))
    addresses = [*plain, *composite.addresses(plain)]
    routes = [Route(path, endpoint(org, cursors, answer), methods=[method]) for path, method, answer in addresses]
    open_ones = [
        Route("/services/oauth2/token", _token_endpoint(org), methods=["POST"]),
        Route("/services/oauth2/revoke", _revoke_endpoint(org), methods=["POST"]),
        Route("/services/Soap/u/{version}", _soap_endpoint(org), methods=["POST"]),
        Route("/services/data", _versions, methods=["GET"]),
        Route("/services/data/", _versions, methods=["GET"]),
    ]
    nowhere = endpoint(org, cursors, _nowhere(addresses))
    return Router([*open_ones, *routes, Route("/services/data/{rest:path}", nowhere, methods=_METHODS)])


def _nowhere(addresses: Sequence[Address]) -> Answer:
    """What answers everywhere else: no such address, or not by that method."""
    known = [(compile_path(path)[0], method) for path, method, _ in addresses]

    def answer(call: Call) -> Response:
        path = f"/services/data/{call.path['rest']}"
        allowed = sorted({method for pattern, method in known if pattern.match(path)})
        if not allowed:
            raise not_found()
        message = f"HTTP method not allowed. Allowed are {', '.join(allowed)}"
        raise SalesforceError(405, "METHOD_NOT_ALLOWED", message)

    return answer


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
        form = login.with_client(dict(parse_qsl(body)), request.headers.get("authorization", ""))
        try:
            return JSONResponse(await run_in_threadpool(login.token, org, form, root))
        except login.LoginError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)

    return token


def _revoke_endpoint(org: SalesforceOrg) -> Any:
    async def revoke(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        try:
            login.revoke(org, dict(parse_qsl(body)))
        except login.LoginError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)
        return Response(status_code=200)

    return revoke


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
