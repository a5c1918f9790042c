"""From an HTTP request to a `Call`, and from what comes of it to an HTTP answer."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from crm_kare.sandbox.salesforce import ids
from crm_kare.sandbox.salesforce.errors import SalesforceError, bad_request, not_found
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.salesforce.query import Cursors, Reader

LONGEST_URI: Final = 16_384
LONGEST_HEAD: Final = 32_768
OLDEST_VERSION: Final = 31
NEWEST_VERSION: Final = 66
DATA: Final = "/services/data/v{version}"
"""Where the addresses of one API version begin."""

_VERSION: Final = re.compile(r"(\d{2})\.0")


@dataclass(frozen=True)
class Call:
    """A request that got through: who asks, in which version, for what."""

    org: SalesforceOrg
    user_id: str
    root: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    cursors: Cursors

    @property
    def version(self) -> str:
        """The API version in the address: `60.0`."""
        return self.root.rpartition("/v")[2]

    def reader(self, *, tooling: bool = False) -> Reader:
        """What a query runs with."""
        return Reader(self.org, self.cursors, self.user_id, self.root + ("/tooling" if tooling else ""))

    def json(self) -> Any:
        """The body.

        Raises:
            SalesforceError: 415 where it is not declared as JSON, JSON_PARSER_ERROR where it is none.
        """
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise SalesforceError(
                415, "UNSUPPORTED_MEDIA_TYPE", "The request is in a format not supported by the resource"
            )
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise bad_request(
                "JSON_PARSER_ERROR", "The HTTP entity body is required, but this resource cannot read it"
            ) from error

    def record(self) -> dict[str, Any]:
        """The body, where it must be one record."""
        body = self.json()
        if not isinstance(body, dict):
            raise bad_request("JSON_PARSER_ERROR", "Cannot deserialize a record from START_ARRAY value")
        return body


Answer = Callable[[Call], Response]
Address = tuple[str, str, Answer]
"""Path, method, and what answers. A feature's module brings them as `ADDRESSES`."""

Endpoint = Callable[[Request], Awaitable[Response]]


def record_id(call: Call) -> str:
    """The id in the address; a malformed one is nowhere."""
    found = ids.normalised(call.path["id"])
    if found is None:
        raise not_found()
    return found


def endpoint(org: SalesforceOrg, cursors: Cursors, answer: Answer) -> Endpoint:
    """`answer` behind what is the same for every call: length, login, version, allowance, errors, usage header."""

    async def handle(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_handled, org, cursors, answer, request, body)

    return handle


def _handled(org: SalesforceOrg, cursors: Cursors, answer: Answer, request: Request, body: bytes) -> Response:
    too_long = _too_long(request)
    if too_long is not None:
        return too_long
    try:
        user_id = org.session_user(_bearer(request))
        version = known_version(request.path_params.get("version", f"{NEWEST_VERSION}.0"))
        org.count_call()
        root = f"/services/data/v{version}"
        response = answer(
            Call(org, user_id, root, request.path_params, request.query_params, request.headers, body, cursors)
        )
    except SalesforceError as error:
        response = JSONResponse(error.body(), error.status)
    response.headers["Sforce-Limit-Info"] = org.usage()
    return response


def _too_long(request: Request) -> Response | None:
    """Answers that come from the web server in front, in HTML."""
    uri = len(request.scope["raw_path"]) + 1 + len(request.scope["query_string"])
    head = uri + sum(len(name) + len(value) + 4 for name, value in request.scope["headers"])
    if uri > LONGEST_URI:
        return HTMLResponse("<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", 414)
    if head > LONGEST_HEAD:
        return HTMLResponse("<h1>Bad Message 431</h1><pre>reason: Request Header Fields Too Large</pre>", 431)
    return None


def _bearer(request: Request) -> str:
    """The session in the header; Salesforce takes `Bearer` and its own older `OAuth`."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in {"bearer", "oauth"} else ""


def known_version(text: str) -> str:
    """The API version in an address.

    Raises:
        SalesforceError: 404 for none that there is, 410 for a retired one.
    """
    match = _VERSION.fullmatch(text)
    if match is None or int(match[1]) > NEWEST_VERSION:
        raise not_found()
    if int(match[1]) < OLDEST_VERSION:
        raise SalesforceError(410, "UNSUPPORTED_API_VERSION", f"API version {text} is no longer supported")
    return text
