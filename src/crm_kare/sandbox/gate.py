"""The gate that every request passes: counts it, and makes go wrong what `Faults` says. ASGI middleware.

Answers carry the date of the sandbox's own clock, by which its records are stamped too; uvicorn's is switched off.
"""

import asyncio
import time
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_kare.ports import Clock
from crm_kare.sandbox.faults import DROP, SLOW, STATUS, TRUNCATE, Call, Fault, Faults

ADMIN: Final = "/sandbox/"
"""Below this path nothing goes wrong and nothing is counted."""

_ON_ITS_WAY: Final = 0.01
"""Seconds for the first half of a broken answer to leave before the connection is cut."""

_BLINK: Final = 0.01
"""Seconds between two looks whether a call that is held was released."""


@dataclass
class _Answer:
    """An answer held back."""

    messages: list[Message] = field(default_factory=list)

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"]) if self.messages else 0


class Gate:
    """Wraps the app; must be the outermost, for it reaches through uvicorn's `send` to the connection."""

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through."""
        scope = _plain(scope)
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self._app(scope, receive, send)
            return
        fault = self._faults.next_for(scope["method"], scope["path"])
        if fault is not None and fault.action is not None:
            await asyncio.to_thread(fault.action)
            fault = None
        if fault is None or fault.kind != SLOW:
            await self._pass(fault, scope, receive, send, time.perf_counter())
            return
        with self._faults.holding() as released:
            began = time.perf_counter()
            receive = await _received(receive)
            while not released() and (left := began + fault.seconds - time.perf_counter()) > 0:  # noqa: ASYNC110  from any thread
                await asyncio.sleep(min(left, _BLINK))
            await self._pass(fault, scope, receive, send, began)

    async def _pass(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send, began: float) -> None:
        """Answer a request, count it, and deliver the answer as the fault lets it."""
        answer = await self._answer(fault, scope, receive)
        status = answer.status if fault is None or fault.kind != DROP else 0
        self._faults.record(Call(scope["method"], scope["path"], status, time.perf_counter() - began))
        await _deliver(fault, answer, send)

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive) -> _Answer:
        """The app's answer, or the fault's own; with `after` the app has done its work before that."""
        date, answer = format_datetime(self._clock.now(), usegmt=True), _Answer()
        if fault is None or fault.after or fault.kind in {SLOW, TRUNCATE}:
            await self._app(scope, receive, answer.take)
            answer.messages[0]["headers"] = [*answer.messages[0].get("headers", []), (b"date", date.encode())]
        if fault is not None and fault.kind == STATUS:
            answer = _Answer()
            await Response(fault.body, fault.status, {"date": date, **dict(fault.headers)})(scope, receive, answer.take)
        return answer


def _plain(scope: Scope) -> Scope:
    """The request with one slash at the beginning: the Salesforce CLI sends two, and Salesforce answers it."""
    if not scope.get("path", "").startswith("//"):
        return scope
    return {**scope, "path": "/" + scope["path"].lstrip("/")}


async def _received(receive: Receive) -> Receive:
    """The whole request, taken now: it is carried out even where its sender has gone by then."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    left = iter(messages)

    async def again() -> Message:
        return next(left, None) or await receive()

    return again


async def _deliver(fault: Fault | None, answer: _Answer, send: Send) -> None:
    """Send the answer, all of it or as much as the fault lets through."""
    if fault is None or fault.kind in {SLOW, STATUS}:
        for message in answer.messages:
            await send(message)
        return
    if fault.kind == TRUNCATE:
        await send(answer.messages[0])
        body = b"".join(one.get("body", b"") for one in answer.messages[1:])
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(_ON_ITS_WAY)
    await _cut(send)


async def _cut(send: Send) -> None:
    """Break the connection: uvicorn's `send` is a method of its request cycle, which holds the transport."""
    cycle: Any = getattr(send, "__self__", None)
    if cycle is None:
        raise RuntimeError("connections can only be broken under uvicorn")
    cycle.transport.abort()
    while not cycle.disconnected:  # noqa: ASYNC110  uvicorn sets a plain attribute, the next turn of its loop
        await asyncio.sleep(0)
