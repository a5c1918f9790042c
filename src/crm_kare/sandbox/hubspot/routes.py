"""The addresses: what an endpoint is called, which scopes it asks for, and what every request passes first."""

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

from crm_kare.sandbox.hubspot import (
    account,
    associating,
    association_labels,
    associations,
    associations_v3,
    creating,
    lists,
    merging,
    pipelines_api,
    properties,
    reading,
    schemas,
    search,
    tokens,
    upsert,
    writing,
)
from crm_kare.sandbox.hubspot.call import Call, Endpoint, Reply
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, OBJECT_TYPES
from crm_kare.sandbox.hubspot.errors import HubSpotError, expired, malformed, missing_scopes, not_authenticated
from crm_kare.sandbox.hubspot.exports import endpoints as exports
from crm_kare.sandbox.hubspot.portal import APP_ID, EXPORT, Portal
from crm_kare.sandbox.hubspot.values import stamp

DATED: Final = "2026-09"
"""The dated version that is served beside v3 and v4."""

OBJECTS: Final = "objects"
SCHEMAS: Final = "schemas"


@dataclass(frozen=True)
class Address:
    """One endpoint: method, path (`{version}` stands for v3 or v4 and the dated one), and what scope it needs.

    `area` and `verb` make the scope together with the object type; `scopes` names them outright. `search` calls are
    limited by another rule.
    """

    method: str
    path: str
    endpoint: Endpoint
    area: str = OBJECTS
    verb: str = "read"
    scopes: tuple[str, ...] = ()
    search: bool = False

    def needed(self, path: Mapping[str, str]) -> list[str]:
        """Scopes of which one is enough."""
        if self.scopes:
            return list(self.scopes)
        kind = BY_ADDRESS.get(path.get("kind") or path.get("source", ""))
        if kind is None:
            return []
        also = [f"crm.objects.{kind.scope}.read"] if (self.area, self.verb) == (SCHEMAS, "read") else []
        return [f"crm.{self.area}.{kind.scope}.{self.verb}", *also]


def _records(root: str) -> tuple[Address, ...]:
    one = f"{root}/{{id}}"
    return (
        Address("GET", root, reading.list_records),
        Address("POST", root, creating.create_record, verb="write"),
        Address("POST", f"{root}/search", search.search, search=True),
        Address("POST", f"{root}/merge", merging.merge_records, verb="write"),
        Address("POST", f"{root}/batch/read", reading.batch_read),
        Address("POST", f"{root}/batch/create", creating.batch_create, verb="write"),
        Address("POST", f"{root}/batch/upsert", upsert.batch_upsert, verb="write"),
        Address("POST", f"{root}/batch/update", writing.batch_update, verb="write"),
        Address("POST", f"{root}/batch/archive", writing.batch_archive, verb="write"),
        Address("GET", one, reading.get_record),
        Address("PATCH", one, writing.update_record, verb="write"),
        Address("DELETE", one, writing.archive_record, verb="write"),
    )


def _definitions(root: str) -> tuple[Address, ...]:
    group, one = f"{root}/groups/{{name}}", f"{root}/{{name}}"
    write: dict[str, Any] = {"area": SCHEMAS, "verb": "write"}
    return (
        Address("GET", root, properties.list_properties, SCHEMAS),
        Address("POST", root, properties.create_property, **write),
        Address("POST", f"{root}/batch/create", properties.batch_create, **write),
        Address("POST", f"{root}/batch/read", properties.batch_read, SCHEMAS),
        Address("POST", f"{root}/batch/archive", properties.batch_archive, **write),
        Address("GET", f"{root}/groups", properties.list_groups, SCHEMAS),
        Address("POST", f"{root}/groups", properties.create_group, **write),
        Address("GET", group, properties.get_group, SCHEMAS),
        Address("PATCH", group, properties.update_group, **write),
        Address("DELETE", group, properties.archive_group, **write),
        Address("GET", one, properties.get_property, SCHEMAS),
        Address("PATCH", one, properties.update_property, **write),
        Address("DELETE", one, properties.archive_property, **write),
    )


def _associations(root: str) -> tuple[Address, ...]:
    pair = f"{root}/{{source}}/{{target}}"
    return (
        Address("POST", f"{pair}/batch/read", associations.batch_read),
        Address("POST", f"{pair}/batch/create", associating.batch_create, verb="write"),
        Address("POST", f"{pair}/batch/associate/default", associating.batch_default, verb="write"),
        Address("POST", f"{pair}/batch/archive", associating.batch_archive, verb="write"),
        Address("POST", f"{pair}/batch/labels/archive", associating.batch_archive_labels, verb="write"),
        Address("GET", f"{pair}/labels", associations.labels),
        Address("POST", f"{pair}/labels", association_labels.create_label, verb="write"),
        Address("PUT", f"{pair}/labels", association_labels.update_label, verb="write"),
        Address("DELETE", f"{pair}/labels/{{type_id}}", association_labels.archive_label, verb="write"),
    )


def _associations_of_one(root: str) -> tuple[Address, ...]:
    many = f"{root}/associations/{{target}}"
    return (
        Address("PUT", f"{root}/associations/default/{{target}}/{{target_id}}", associating.default_one, verb="write"),
        Address("GET", many, associations.list_of_one),
        Address("PUT", f"{many}/{{target_id}}", associating.create_one, verb="write"),
        Address("DELETE", f"{many}/{{target_id}}", associating.archive_one, verb="write"),
    )


def _associations_v3(pair: str) -> tuple[Address, ...]:
    return (
        Address("GET", f"{pair}/types", associations_v3.types),
        Address("POST", f"{pair}/batch/read", associations_v3.batch_read),
        Address("POST", f"{pair}/batch/create", associations_v3.batch_create, verb="write"),
        Address("POST", f"{pair}/batch/archive", associations_v3.batch_archive, verb="write"),
    )


def _pipelines(root: str) -> tuple[Address, ...]:
    one, stages = f"{root}/{{id}}", f"{root}/{{id}}/stages"
    stage = f"{stages}/{{stage}}"
    return (
        Address("GET", root, pipelines_api.list_pipelines),
        Address("POST", root, pipelines_api.create_pipeline, verb="write"),
        Address("GET", one, pipelines_api.get_pipeline),
        Address("PATCH", one, pipelines_api.update_pipeline, verb="write"),
        Address("PUT", one, pipelines_api.replace_pipeline, verb="write"),
        Address("DELETE", one, pipelines_api.archive_pipeline, verb="write"),
        Address("GET", f"{one}/audit", pipelines_api.audit_pipeline),
        Address("GET", stages, pipelines_api.list_stages),
        Address("POST", stages, pipelines_api.create_stage, verb="write"),
        Address("GET", stage, pipelines_api.get_stage),
        Address("PATCH", stage, pipelines_api.update_stage, verb="write"),
        Address("PUT", stage, pipelines_api.replace_stage, verb="write"),
        Address("DELETE", stage, pipelines_api.archive_stage, verb="write"),
        Address("GET", f"{stage}/audit", pipelines_api.audit_stage),
    )


def _exports(root: str) -> tuple[Address, ...]:
    scopes = (EXPORT,)
    return (
        Address("POST", f"{root}/async", exports.ask, scopes=scopes),
        Address("GET", f"{root}/async/tasks/{{id}}/status", exports.status, scopes=scopes),
        Address("GET", f"{root}/{{id}}", exports.details, scopes=scopes),
    )


def _lists(root: str) -> tuple[Address, ...]:
    one, read, write = f"{root}/{{id}}", ("crm.lists.read",), ("crm.lists.write",)
    return (
        *(Address("POST", path, lists.create_list, scopes=write) for path in (root, f"{root}/")),
        Address("POST", f"{root}/search", lists.search_lists, scopes=read),
        Address("GET", f"{root}/object-type-id/{{kind}}/name/{{name}}", lists.get_by_name, scopes=read),
        Address("GET", one, lists.get_list, scopes=read),
        Address("DELETE", one, lists.delete_list, scopes=write),
        Address("PUT", f"{one}/restore", lists.restore_list, scopes=write),
        Address("PUT", f"{one}/update-list-filters", lists.update_filters, scopes=write),
        Address("PUT", f"{one}/update-list-name", lists.update_name, scopes=write),
    )


def _schemas(root: str) -> tuple[Address, ...]:
    any_of = tuple(f"crm.schemas.{kind.scope}.read" for kind in OBJECT_TYPES)
    return (
        Address("GET", root, schemas.list_schemas, scopes=any_of),
        Address("GET", f"{root}/{{kind}}", schemas.get_schema, SCHEMAS),
    )


_OWNERS: Final = ("crm.objects.owners.read",)
_ANY_RECORDS: Final = tuple(f"crm.objects.{kind.scope}.read" for kind in OBJECT_TYPES)

ADDRESSES: Final = (
    *_records("/crm/v3/objects/{kind}"),
    *_records(f"/crm/objects/{DATED}/{{kind}}"),
    *_associations_of_one("/crm/v4/objects/{kind}/{id}"),
    *_associations_of_one(f"/crm/objects/{DATED}/{{kind}}/{{id}}"),
    *_definitions("/crm/v3/properties/{kind}"),
    *_definitions(f"/crm/properties/{DATED}/{{kind}}"),
    *_associations("/crm/v4/associations"),
    *_associations(f"/crm/associations/{DATED}"),
    *_exports("/crm/v3/exports/export"),
    *_exports(f"/crm/exports/{DATED}/export"),
    *_lists("/crm/v3/lists"),
    *_lists(f"/crm/lists/{DATED}"),
    *(
        Address("GET", f"{root}/custom-properties", properties.room, scopes=_ANY_RECORDS)
        for root in ("/crm/v3/limits", f"/crm/limits/{DATED}")
    ),
    *_schemas("/crm-object-schemas/v3/schemas"),
    *_schemas(f"/crm-object-schemas/{DATED}/schemas"),
    *_associations_v3("/crm/v3/associations/{source}/{target}"),
    *_pipelines("/crm/v3/pipelines/{kind}"),
    *_pipelines(f"/crm/pipelines/{DATED}/{{kind}}"),
    *(
        address
        for root in ("/crm/v3/owners", f"/crm/owners/{DATED}")
        for address in (
            # The official clients ask with a slash at the end, other programs without.
            Address("GET", root, account.list_owners, scopes=_OWNERS),
            Address("GET", f"{root}/", account.list_owners, scopes=_OWNERS),
            Address("GET", f"{root}/{{id}}", account.get_owner, scopes=_OWNERS),
        )
    ),
    *(
        address
        for version in ("v3", DATED)
        for address in (
            Address("GET", f"/account-info/{version}/details", account.details, scopes=("oauth",)),
            Address("GET", f"/account-info/{version}/api-usage/daily/private-apps", account.usage, scopes=("oauth",)),
        )
    ),
)
"""Every endpoint behind a token; the more special path stands before the more general one."""


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
        status, kind, content = exports.serve_file(portal, request.path_params["secret"])
        return Response(content, status, media_type=kind)

    return handle


def _nowhere(portal: Portal) -> Any:
    async def handle(request: Request) -> Response:
        return _refusal(portal, HubSpotError(404, f"No service at {request.method} {request.url.path}"), {})

    return handle
