"""What every request passes on its way to an endpoint: the login, the limits, the scopes; and how replies leave."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from crm_kare.sandbox.hubspot import tokens
from crm_kare.sandbox.hubspot.addresses import ADDRESSES, DATED, Address
from crm_kare.sandbox.hubspot.call import Call, Reply
from crm_kare.sandbox.hubspot.errors import HubSpotError, expired, malformed, missing_scopes, not_authenticated
from crm_kare.sandbox.hubspot.exports import endpoints as exports
from crm_kare.sandbox.hubspot.portal import APP_ID, Portal
from crm_kare.sandbox.hubspot.values import stamp


def router_of(portal: Portal) -> APIRouter:
    """All of HubSpot's addresses for one portal."""
    router = APIRouter()
    for address in ADDRESSES:
        router.add_route(address.path, _handler(portal, address), methods=[address.method])
    for path, form_step in _FORMS.items():
        router.add_route(path, _form_handler(portal, form_step), methods=["POST"])
    for method, path, token_step in _TOKENS:
        router.add_route(path, _token_handler(portal, token_step), methods=[method])
    router.add_route(f"{exports.FILES}/{{secret}}/{{name}}", _file_handler(portal), methods=["GET"])
    for root in ("crm", "crm-object-schemas", "oauth", "account-info"):
        router.add_route(f"/{root}/{{rest:path}}", _nowhere(portal), methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
    return router


def _handler(portal: Portal, address: Address) -> Any:
    async def handle(request: Request) -> Response:
        answer = _answer(portal, address, request, await request.body())
        if portal.settings.latency:
            await asyncio.sleep(portal.settings.latency)
        return answer

    return handle


def _answer(portal: Portal, address: Address, request: Request, body: bytes) -> Response:
    target = f"{request.url.path}?{request.url.query}"
    if len(target) > portal.settings.longest_url:
        return HTMLResponse("<html><body><h1>414 Request-URI Too Large</h1></body></html>", 414)
    headers: dict[str, str] = {}
    try:
        caller = _authenticated(portal, request)
        headers = _admitted(portal, address, caller)
        _permitted(portal, address, caller, request.path_params)
        reply = address.endpoint(_call(portal, caller, request, body))
    except HubSpotError as refused:
        return _refusal(portal, refused, headers)
    return _response(reply, headers)


@dataclass(frozen=True)
class Caller:
    """Whose token it is: an app's id, and by which way it logs in."""

    app: int = APP_ID
    oauth: bool = False


def _authenticated(portal: Portal, request: Request) -> Caller:
    """The caller.

    Raises:
        HubSpotError: 401.
    """
    word, _, token = request.headers.get("authorization", "").partition(" ")
    if word.lower() != "bearer":
        raise not_authenticated()
    if token == portal.settings.token:
        return Caller()
    if token in portal.settings.others:
        return Caller(portal.settings.others[token])
    if token not in portal.grants:
        raise not_authenticated()
    ends, now = portal.grants[token].ends, portal.now()
    if now >= ends:
        raise expired(int((now - ends).total_seconds()), stamp(ends))
    return Caller(oauth=True)


def _admitted(portal: Portal, address: Address, caller: Caller) -> dict[str, str]:
    settings = portal.settings
    if settings.limits is None:
        portal.meter.count_day(settings.timezone)
        return {}
    if address.search:
        portal.meter.admit_search(settings.limits, settings.timezone)
        return {}
    group = f"publicapi:private_app-api-calls-ten-secondly:{caller.app}:{settings.portal_id}"
    app = "oauth" if caller.oauth else f"app:{caller.app}"
    return portal.meter.admit(settings.limits, app, oauth=caller.oauth, timezone=settings.timezone, group=group)


def _permitted(portal: Portal, address: Address, caller: Caller, path: Mapping[str, str]) -> None:
    needed = address.needed(path)
    if needed and caller.app == APP_ID and portal.settings.scopes.isdisjoint(needed):
        raise missing_scopes(needed)


def _call(portal: Portal, caller: Caller, request: Request, body: bytes) -> Call:
    return Call(
        portal,
        request.path_params,
        {name: tuple(values) for name, values in parse_qs(request.url.query, keep_blank_values=True).items()},
        _json(request, body) if request.method in ("POST", "PATCH") or (request.method == "PUT" and body) else None,
        str(request.url.replace(query="")),
        dated=DATED in request.url.path,
        who=f"app:{caller.app}",
    )


def _json(request: Request, body: bytes) -> Any:
    if "json" not in request.headers.get("content-type", ""):
        raise HubSpotError(415, "HTTP 415 Unsupported Media Type")
    try:
        return json.loads(body)
    except ValueError:
        raise malformed("the body is not JSON") from None


def _response(reply: Reply, headers: Mapping[str, str]) -> Response:
    if reply.body is None:
        return Response(status_code=reply.status, headers=dict(headers))
    return Response(msgspec.json.encode(reply.body), reply.status, dict(headers), "application/json")


def _refusal(portal: Portal, refused: HubSpotError, headers: Mapping[str, str]) -> Response:
    correlation = str(uuid.UUID(int=portal.serial()))
    return JSONResponse(refused.body | {"correlationId": correlation}, refused.status, {**headers, **refused.headers})


_FORMS: Final = {
    "/oauth/v1/token": tokens.token,
    **{f"/oauth/{version}/token": tokens.token for version in ("v3", DATED)},
    **{f"/oauth/{version}/token/introspect": tokens.introspect for version in ("v3", DATED)},
    **{f"/oauth/{version}/token/revoke": tokens.revoke for version in ("v3", DATED)},
}
"""OAuth addresses that take a form with the app's own id and secret."""

_TOKENS: Final = (
    ("GET", "/oauth/v1/access-tokens/{token}", tokens.access_token_info),
    ("GET", "/oauth/v1/refresh-tokens/{token}", tokens.refresh_token_info),
    ("DELETE", "/oauth/v1/refresh-tokens/{token}", tokens.end_refresh_token),
)
"""Older OAuth addresses, which need no more than the token they are about."""


def _form_handler(portal: Portal, step: Callable[[Portal, Mapping[str, str]], Reply]) -> Any:
    async def handle(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        return _unlogged(portal, lambda: step(portal, form))

    return handle


def _token_handler(portal: Portal, step: Callable[[Portal, str], Reply]) -> Any:
    async def handle(request: Request) -> Response:
        return _unlogged(portal, lambda: step(portal, request.path_params["token"]))

    return handle


def _unlogged(portal: Portal, step: Callable[[], Reply]) -> Response:
    try:
        return _response(step(), {"Cache-Control": "no-store"})
    except HubSpotError as refused:
        return _refusal(portal, refused, {})


def _file_handler(portal: Portal) -> Any:
    async def handle(request: Request) -> Response:
        logged_in = "Authorization" in request.headers
        status, kind, content = exports.serve_file(portal, request.path_params["secret"], logged_in=logged_in)
        return Response(content, status, media_type=kind)

    return handle


def _nowhere(portal: Portal) -> Any:
    async def handle(request: Request) -> Response:
        return _refusal(portal, HubSpotError(404, f"No service at {request.method} {request.url.path}"), {})

    return handle
