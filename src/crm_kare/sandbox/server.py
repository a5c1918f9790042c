"""The sandbox as an ASGI app, and as a server on this machine's loopback address."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import uvicorn
from fastapi import APIRouter, Body, FastAPI
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from crm_kare.ports import Clock
from crm_kare.sandbox import hubspot, page, salesforce
from crm_kare.sandbox.faults import Fault, Faults
from crm_kare.sandbox.gate import Gate
from crm_kare.sandbox.generate import generate
from crm_kare.sandbox.multiply import copies_for, multiply, thinned
from crm_kare.sandbox.state import Sandbox
from crm_kare.sandbox.store import Store

VENDORS: Final = ("salesforce", "hubspot")


def build(
    clock: Clock,
    *,
    accounts: int = 10_000,
    seed: int = 1,
    as_of: date | None = None,
    vendors: tuple[str, ...] = VENDORS,
    same_business: bool = True,
    path: Path | None = None,
    opportunities: int | None = None,
) -> Sandbox:
    """A sandbox with a generated business in each vendor's org.

    Args:
        clock: time; `as_of` defaults to its day.
        accounts: how many, in each org. More than twenty thousand are made of copies of a smaller business, and their
            number is rounded to whole copies.
        seed: of the business.
        as_of: the day up to which the business has happened.
        vendors: which orgs there are.
        same_business: both orgs hold the same companies; else the second has a seed of its own.
        path: a file for the store, made anew; `None` = in memory, or in a file that nobody sees where it is large.
        opportunities: how many at most, in each org; fewer than were invented are left out evenly.
    """
    copies = copies_for(accounts)
    sandbox = Sandbox(Store(clock, path, large=copies > 1), clock, copies=copies)
    day = as_of or clock.now().date()
    for place, vendor in enumerate(vendors):
        held = sandbox.businesses.get(vendors[0]) if same_business else None
        business = held or generate(accounts // copies, seed + place, day)
        if opportunities is not None:
            business = thinned(business, opportunities // copies)
        sandbox.businesses[vendor] = business
        _LOADERS[vendor](sandbox, business)
        if copies > 1:
            org = sandbox.store.orgs[vendor]
            multiply(org, _COPIED[vendor](org), copies)
    return sandbox


_COPIED: Final = {"salesforce": salesforce.copied, "hubspot": hubspot.copied}
_LOADERS: Final = {"salesforce": salesforce.load, "hubspot": hubspot.load}
_ENVIRONMENTS: Final = {"salesforce": salesforce.environment, "hubspot": hubspot.environment}
_ROUTERS: Final = {"salesforce": salesforce.router_for, "hubspot": hubspot.router_for}


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The app: each vendor's addresses, the page for people, and `/sandbox/` for whoever runs it."""
    app = FastAPI(title="crm-kare sandbox", openapi_url=None, docs_url=None, redoc_url=None)
    routers = [_admin(sandbox), page.router_for(sandbox), *(_ROUTERS[vendor](sandbox) for vendor in sandbox.businesses)]
    for router in routers:
        app.router.routes.extend(router.routes)
    return Gate(app, sandbox.faults, sandbox.clock)


def _admin(sandbox: Sandbox) -> APIRouter:
    router = APIRouter(prefix="/sandbox")
    faults = sandbox.faults

    @router.get("/ready")
    def ready() -> dict[str, Any]:
        sizes = {vendor: len(business.companies) * sandbox.copies for vendor, business in sandbox.businesses.items()}
        return {"ready": True, "accounts": sizes}

    @router.post("/faults")
    def order(ordered: Annotated[list[dict[str, Any]], Body()]) -> JSONResponse:
        try:
            faults.order(*(_fault(one) for one in ordered))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ordered": len(ordered)})

    @router.post("/faults/inside/{name}")
    def order_inside(name: str, times: int = 1) -> dict[str, Any]:
        faults.order_inside(name, times)
        return {"ordered": times}

    @router.delete("/faults")
    def clear() -> dict[str, Any]:
        faults.clear()
        return {"ordered": 0}

    @router.get("/calls")
    def calls(path: str = "*", method: str = "*") -> list[dict[str, Any]]:
        return [asdict(one) for one in faults.calls(path, method)]

    return router


def _fault(told: dict[str, Any]) -> Fault:
    headers = tuple((str(name), str(value)) for name, value in dict(told.get("headers", {})).items())
    return Fault(**{**told, "headers": headers})


class _Server(uvicorn.Server):
    """Ends when it is told to: uvicorn's own looks every tenth of a second, and waits for another at its end."""

    _loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Serve until `end`."""
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._told.wait()
        self._loop = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is idle at once; what is under way has its second, and is cancelled then."""
        for server in self.servers:
            server.close()
        for one in sockets or ():
            one.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done(), self.config.timeout_graceful_shutdown)
        for task in self.server_state.tasks:
            task.cancel()

    async def _done(self) -> None:
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  uvicorn sets plain attributes
            await asyncio.sleep(0.001)

    def end(self) -> None:
        """Stop serving; from any thread, started or not."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)


class RunningSandbox:
    """A sandbox being served. `url` is its root; ends with `stop`."""

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        self.sandbox = sandbox
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        # asyncio leaves Nagle on where a socket was made without naming TCP: every answer would wait 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = _Server(
            uvicorn.Config(
                create_app(sandbox),
                log_config=None,
                log_level="critical",
                access_log=False,
                lifespan="off",
                proxy_headers=False,
                date_header=False,
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="sandbox", daemon=True
        )

    @property
    def store(self) -> Store:
        """What it holds."""
        return self.sandbox.store

    @property
    def faults(self) -> Faults:
        """What goes wrong in it, and the calls so far."""
        return self.sandbox.faults

    def start(self) -> None:
        """Serve; a connection made after this is answered (the socket listens already)."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, and give back the socket; the store stays open."""
        self._server.end()
        self._thread.join()
        self._socket.close()

    def environment(self) -> dict[str, str]:
        """The Contract's settings for every vendor's org that there is."""
        made: dict[str, str] = {}
        for vendor in self.sandbox.businesses:
            made |= _ENVIRONMENTS[vendor](self.url)
        return made

    def salesforce_environment(self) -> dict[str, str]:
        """The Contract's settings with which a client logs in as the integration user."""
        return salesforce.environment(self.url)

    def hubspot_environment(self) -> dict[str, str]:
        """The same for the private app of the HubSpot account."""
        return hubspot.environment(self.url)


@contextmanager
def serve(
    clock: Clock,
    *,
    accounts: int = 10_000,
    seed: int = 1,
    port: int = 0,
    as_of: date | None = None,
    vendors: tuple[str, ...] = VENDORS,
    same_business: bool = True,
    path: Path | None = None,
    opportunities: int | None = None,
) -> Iterator[RunningSandbox]:
    """Serve a new sandbox on 127.0.0.1 for the length of the block; port 0 takes a free one. Arguments as `build`.

    Raises:
        OSError: the port is taken.
    """
    sandbox = build(
        clock, accounts=accounts, seed=seed, as_of=as_of, vendors=vendors, same_business=same_business, path=path,
        opportunities=opportunities,
    )  # fmt: skip
    with closing(sandbox.store):
        running = RunningSandbox(sandbox, port)
        running.start()
        try:
            yield running
        finally:
            running.stop()
