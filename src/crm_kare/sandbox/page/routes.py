"""The pages' addresses. No script, no outside request; the form takes people's fields only."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from crm_kare.model import Profile
from crm_kare.sandbox.page.side import PAGE, FormError, Side
from crm_kare.sandbox.page.views import PEOPLES, money

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LONGEST_FORM: Final = 10_000


class Pages:
    """The pages over one or two orgs, and the secret behind their forms' tokens."""

    def __init__(self, sides: Mapping[str, Side]) -> None:
        self._sides = dict(sides)
        self._secret = secrets.token_bytes(32)
        self._templates = Environment(
            loader=PackageLoader("crm_kare.sandbox.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["money"] = money

    async def listing(self, request: Request) -> Response:
        """The list of accounts, searched and filtered."""
        asked = dict(request.query_params)
        side = self._sides.get(asked.get("crm", ""), next(iter(self._sides.values())))
        page = int(asked["page"]) if asked.get("page", "").isdecimal() else 1
        query, profile = asked.get("q", "")[:200], asked.get("profile", "")
        found = side.listing(query, profile, max(1, page))
        known = {"crm": side.slug, "q": query, "profile": profile}

        def address(**changes: Any) -> str:
            return "/?" + urlencode({name: value for name, value in (known | changes).items() if value})

        pages = -(-found.total // PAGE)
        shown = {"side": side, "found": found, "query": query, "profile": profile, "address": address}
        return self._page("list.html", shown | {"profiles": list(Profile), "page": page, "pages": pages})

    async def account(self, request: Request) -> Response:
        """One account's page."""
        side = self._sides[request.path_params["crm"]]
        return self._account(side, request.path_params["id"], saved="saved" in request.query_params)

    def _account(
        self, side: Side, record_id: str, *, saved: bool = False, wrong: str = "", status: int = 200
    ) -> Response:
        account = side.account(record_id)
        if account is None:
            return self._page("missing.html", {"side": side}, 404)
        shown = {"side": side, "account": account, "peoples": PEOPLES, "saved": saved, "wrong": wrong}
        return self._page("account.html", shown | {"token": self._token(side, account.id)}, status)

    async def save(self, request: Request) -> Response:
        """A person's override; anything but the three fields and the token is ignored."""
        side = self._sides[request.path_params["crm"]]
        account = side.account(request.path_params["id"])
        body = await request.body()
        if account is None:
            return self._page("missing.html", {"side": side}, 404)
        form = dict(parse_qsl(body[:_LONGEST_FORM].decode(errors="replace"), keep_blank_values=True))
        if not hmac.compare_digest(form.get("token", "").encode(), self._token(side, account.id).encode()):
            return self._account(side, account.id, wrong="This form is out of date: please try again.", status=403)
        try:
            side.save(account.id, {one.name: form.get(one.name, "") for one in PEOPLES})
        except FormError as error:
            return self._account(side, account.id, wrong=str(error), status=422)
        return RedirectResponse(f"{request.url.path}?saved", 303, _HEADERS)

    def _token(self, side: Side, record_id: str) -> str:
        return hmac.new(self._secret, f"{side.slug}/{record_id}".encode(), hashlib.sha256).hexdigest()

    def _page(self, name: str, shown: Mapping[str, Any], status: int = 200) -> Response:
        html = self._templates.get_template(name).render(sides=list(self._sides.values()), **shown)
        return HTMLResponse(html, status, _HEADERS)


def pages_router(sides: Mapping[str, Side]) -> APIRouter:
    """`/`, each org's accounts, and the addresses that links in the vendors' own style lead to."""
    pages, router = Pages(sides), APIRouter()
    router.add_route("/", pages.listing, methods=["GET"])
    router.add_route("/page/style.css", _style, methods=["GET"])
    for slug, side in sides.items():
        address = f"/{slug}/{side.noun}/{{id}}"
        router.add_route(address, _bound(pages.account, slug), methods=["GET"])
        router.add_route(address, _bound(pages.save, slug), methods=["POST"])
    router.add_route("/lightning/r/Account/{id}/view", _to("/salesforce/accounts/"), methods=["GET"])
    router.add_route("/contacts/{portal}/record/0-2/{id}", _to("/hubspot/companies/"), methods=["GET"])
    return router


def _bound(page: Any, slug: str) -> Any:
    async def handle(request: Request) -> Response:
        request.path_params["crm"] = slug
        answer: Response = await page(request)
        return answer

    return handle


def _to(root: str) -> Any:
    async def handle(request: Request) -> Response:
        return RedirectResponse(f"{root}{request.path_params['id']}", 302, _HEADERS)

    return handle


async def _style(_request: Request) -> Response:
    return Response(files("crm_kare.sandbox.page").joinpath("static/style.css").read_bytes(), media_type="text/css")
