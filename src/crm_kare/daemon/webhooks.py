"""The door for what CRMs tell by themselves: POST /webhooks/NAME. Whether it is genuine is the connector's to say."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from crm_kare.config.mapping import label_fields, stream_specs
from crm_kare.config.project import PROJECT_FILE
from crm_kare.daemon.listeners import Listener
from crm_kare.errors import AccessError, ConfigError, KareError, StopError
from crm_kare.ports import Connector, LabelField, Notice, StreamSpec, Told
from crm_kare.sync.runtime import Runtime

LARGEST: Final = 1 << 20
"""Bytes of a body; HubSpot sends at most 100 events at once."""

_A_SECOND: Final = 200
"""Requests to one CRM's address that are looked at in a second; HubSpot sends ten at a time."""
_PATIENCE: Final = 10.0

TAKEN, UNREADABLE, REFUSED, UNKNOWN, LARGE, SLOW, MANY, LATER = 204, 400, 401, 404, 413, 408, 429, 503
ANSWERS: Final = (TAKEN, UNREADABLE, REFUSED, LARGE, SLOW, MANY, LATER)
"""What a CRM whose webhooks are on may be answered."""

Log = structlog.stdlib.BoundLogger


@dataclass
class _Line:
    """One CRM that may call: what its connector needs to read a notice, and what came lately."""

    connector: Connector
    specs: tuple[StreamSpec, ...]
    fields: tuple[LabelField, ...]
    seen: dict[str, datetime] = field(default_factory=dict)
    came: deque[float] = field(default_factory=deque)
    lock: Lock = field(default_factory=Lock)


class Receiver(Listener):
    """Reads notices of the CRMs whose webhooks are on; holds a connector for each until `close`.

    Args:
        runtime: the open project.
        told: given a CRM and records by stream that changed; it returns at once.
        stopping: no more is taken when it says yes.
        log: where events go; they hold no ids and nothing of customers.

    Raises:
        ConfigError: a mapping is wrong, or a CRM that has no webhooks shall send some.
    """

    def __init__(
        self,
        runtime: Runtime,
        told: Callable[[str, Mapping[str, frozenset[str]]], None],
        stopping: Callable[[], bool],
        log: Log,
    ) -> None:
        self._runtime, self._told, self._stopping, self._log = runtime, told, stopping, log
        self._lines = {crm: _line(runtime, crm) for crm in runtime.project.crms if runtime.project.webhooks(crm)}

    def configured(self, runtime: Runtime) -> None:
        """Go by a changed configuration; where its webhooks are wrong, by the one before. What came once stays known."""
        try:
            lines = {crm: _line(runtime, crm) for crm in runtime.project.crms if runtime.project.webhooks(crm)}
        except KareError as error:
            self._log.error("webhooks refused", message=error.message, fix=error.fix)
            return
        for crm, line in lines.items():
            if crm in self._lines:
                line.seen = self._lines[crm].seen
        before, self._lines, self._runtime = self._lines, lines, runtime
        for line in before.values():
            line.connector.close()

    @property
    def addresses(self) -> dict[str, str]:
        """The public address by CRM."""
        return {crm: self._runtime.project.webhooks(crm) for crm in self._lines}

    def admit(self, crm: str) -> int:
        """0 where the next request for a CRM may be read, else what it is answered."""
        line = self._lines.get(crm)
        if line is None:
            return UNKNOWN
        if self._stopping():
            return LATER
        now = self._runtime.clock.monotonic()
        with line.lock:
            while line.came and line.came[0] <= now - 1:
                line.came.popleft()
            line.came.append(now)
            return MANY if len(line.came) > _A_SECOND else 0

    def answer(self, crm: str, notice: Notice) -> int:
        """Take a notice; the HTTP status to answer with. The CRM tries again where that is not 204."""
        line = self._lines.get(crm)
        if line is None:  # a changed configuration has it no longer
            return LATER
        try:
            told = line.connector.notified(notice, line.specs, line.fields, self._organisation(crm))
        except AccessError:
            return self._refused(crm, REFUSED, "not genuine, or too old")
        except StopError:
            return self._refused(crm, UNREADABLE, "unreadable")
        except KareError as error:
            self._log.error("webhook refused", crm=crm, message=error.message, fix=error.fix)
            return LATER
        if not self._first(line, told):
            return self._refused(crm, REFUSED, "a replay")
        if told.records:
            self._told(crm, told.records)
        return TAKEN

    def _organisation(self, crm: str) -> str:
        """Whose records the mirror holds; empty before the first pull, when there is nothing to bring up to date."""
        known = self._runtime.journal.notes.organisation(crm)
        return known[0].id if known else ""

    def close(self) -> None:
        """Give back the connectors."""
        for line in self._lines.values():
            line.connector.close()

    def _first(self, line: _Line, told: Told) -> bool:
        """Whether it comes for the first time; what would be refused for its age is forgotten."""
        now = self._runtime.clock.now()
        with line.lock:
            line.seen = {key: until for key, until in line.seen.items() if until >= now}
            first = told.key not in line.seen
            line.seen[told.key] = told.until
        return first

    def _refused(self, crm: str, status: int, why: str) -> int:
        self._log.warning("webhook refused", crm=crm, message=f"It is {why}.")
        return status


def _line(runtime: Runtime, crm: str) -> _Line:
    mapping, connector = runtime.mapping(crm), runtime.connector(crm)
    if not connector.capabilities.notifies:
        connector.close()
        raise ConfigError(
            f"{crm} has no webhooks. {connector.capabilities.reasons['notifies']}",
            where=f"{PROJECT_FILE}: crms.{crm}.webhooks",
            fix="Take the line out.",
        )
    fields = label_fields(mapping, connector)
    return _Line(connector, stream_specs(mapping, fields), fields)


def add_webhooks(app: FastAPI, receiver: Receiver, count: Callable[[str, int], None]) -> None:
    """Give an app the receiver's address. `count` is told each answer to a CRM whose webhooks are on."""

    @app.post("/webhooks/{crm}")
    async def webhook(crm: str, request: Request) -> Response:
        return await _answered(receiver, crm, request, count)


def add_project_webhooks(
    app: FastAPI, door: Callable[[str], tuple[Receiver, Callable[[str, int], None]] | None]
) -> None:
    """As `add_webhooks`, for many projects: `door` tells a project's receiver and who counts; None where there is no such project."""

    @app.post("/webhooks/{project}/{crm}")
    async def webhook(project: str, crm: str, request: Request) -> Response:
        found = door(project)
        return await _answered(found[0], crm, request, found[1]) if found else Response(status_code=UNKNOWN)


async def _answered(receiver: Receiver, crm: str, request: Request, count: Callable[[str, int], None]) -> Response:
    status = receiver.admit(crm) or await _received(receiver, crm, request)
    if status != UNKNOWN:  # what anybody may type into an address is no label
        count(crm, status)
    return Response(status_code=status)


async def _received(receiver: Receiver, crm: str, request: Request) -> int:
    try:
        body = await asyncio.wait_for(_body(request), _PATIENCE)
    except (TimeoutError, ClientDisconnect):
        return SLOW
    if body is None:
        return LARGE
    notice = Notice(request.method, request.url.query, dict(request.headers), body)
    return await run_in_threadpool(receiver.answer, crm, notice)


async def _body(request: Request) -> bytes | None:
    """The body; None where it is too large, however it comes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
    return b"".join(parts)
