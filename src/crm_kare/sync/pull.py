"""Pull: bring every stream of a CRM up to date in the mirror, left pending until the flow accepts it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from crm_kare.errors import InterruptedRun, KareError, StaleCursorError
from crm_kare.model import Problem
from crm_kare.ports import Connector, Organisation, StreamSpec
from crm_kare.sync.mirror import Intake, Mirror
from crm_kare.sync.typed import Typer

_TYPING: Final = 1
"""Goes up when `crm_kare.sync.typed` reads values in another way: mirrors are then pulled anew."""

Progress = Callable[[str, int, int | None], None]
"""Told at every page: the stream, records received so far, and how many there will be (None = not known)."""


@dataclass(frozen=True)
class PulledStream:
    """One stream's pull.

    Attributes:
        stream: its name.
        full: whether everything was pulled anew, not just what changed.
        received: records that the CRM sent (a resumed pull counts what this run received).
        before: rows in the mirror before; None where there was no mirror of it.
        rows: rows it will have once accepted.
        deleted: rows of before that are gone.
    """

    stream: str
    full: bool
    received: int
    before: int | None
    rows: int
    deleted: int


@dataclass(frozen=True)
class Pulled:
    """What a pull brought; it is pending in the mirror until `Mirror.accept`, or `Mirror.discard` where a brake refuses."""

    streams: tuple[PulledStream, ...]
    problems: tuple[Problem, ...]

    @property
    def accounts(self) -> int:
        """Accounts received."""
        return self._received("accounts")

    @property
    def opportunities(self) -> int:
        """Opportunities received."""
        return self._received("opportunities")

    @property
    def deleted(self) -> int:
        """Rows that are gone, over all streams."""
        return sum(stream.deleted for stream in self.streams)

    def stream(self, name: str) -> PulledStream | None:
        """One stream's pull; None where it is not mapped."""
        return next((stream for stream in self.streams if stream.stream == name), None)

    def with_later(self, later: "Pulled") -> "Pulled":
        """With what came on top of it: how many rows there are in the end."""
        rows = {one.stream: one for one in later.streams}
        streams = tuple(
            replace(one, rows=last.rows, deleted=last.deleted) if (last := rows.get(one.stream)) else one
            for one in self.streams
        )
        return Pulled(streams, (*self.problems, *later.problems))

    def _received(self, name: str) -> int:
        found = self.stream(name)
        return found.received if found else 0


def pull(
    connector: Connector,
    specs: Sequence[StreamSpec],
    mirror: Mirror,
    organisation: Organisation,
    *,
    now: datetime,
    full: bool = False,
    due_before: datetime | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _stream, _received, _total: None,
) -> Pulled:
    """Pull every stream. Afterwards call `mirror.accept()`, or `mirror.discard()`.

    A stream is pulled in full where it has no mirror yet, its shape (fields, source, options, time zone) changed, its
    files are damaged, the connector cannot do less (at all, or since this cursor), its last full pull began before
    `due_before`, or `full` asks for it; a pull that was stopped goes on. `now` is the present moment: what people change in
    the CRM from then on may be missing.

    Raises:
        InterruptedRun: `stop()` said so at a page border; what came so far is kept, the next pull goes on there.
        KareError: whatever the connector raises; what came so far is kept too.
    """
    mirror.discard(keep={spec.stream for spec in specs})
    streams, problems = [], []
    try:
        for spec in specs:
            pulled, found = _pull_stream(
                connector, spec, mirror, organisation,
                now=now, full=full, due_before=due_before, stop=stop, progress=progress,
            )  # fmt: skip
            streams.append(pulled)
            problems += found
    finally:
        mirror.rest()
    return Pulled(tuple(streams), tuple(problems))


def shape_of(spec: StreamSpec, timezone: str) -> str:
    """Hash of all that decides what a stream's mirrored rows look like: another one needs a full pull."""
    fields = [(field.column, field.source, field.kind.value) for field in spec.fields]
    text = json.dumps(
        [_TYPING, spec.stream, spec.source, fields, dict(spec.options), timezone], sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _pull_stream(
    connector: Connector,
    spec: StreamSpec,
    mirror: Mirror,
    organisation: Organisation,
    *,
    now: datetime,
    full: bool,
    due_before: datetime | None,
    stop: Callable[[], bool],
    progress: Progress,
) -> tuple[PulledStream, list[Problem]]:
    shape = shape_of(spec, organisation.timezone)
    always = full or not connector.capabilities.incremental
    reason = mirror.needs_full(spec.stream, shape, due_before=None if always else due_before)
    whole = always or bool(reason)
    problems = [_TOLD[reason](spec)] if reason in _TOLD else []
    with closing(Typer(spec, organisation.timezone)) as typer:
        intake = mirror.intake(spec, shape, full=whole, now=now, convert=typer.convert, anew=always)
        try:
            received = _take_pages(connector, spec, intake, problems, stop, progress)
        except StaleCursorError:
            problems.append(_stale(spec))
            intake = mirror.intake(spec, shape, full=True, now=now, convert=typer.convert, anew=True)
            received = _take_pages(connector, spec, intake, problems, stop, progress)
        tally = intake.finish()
        problems += typer.problems()
    if tally.without_id:
        problems.append(_without_id(spec, tally.without_id))
    pulled = PulledStream(spec.stream, intake.full, received, tally.before, tally.rows, tally.deleted)
    return pulled, problems


def _take_pages(
    connector: Connector,
    spec: StreamSpec,
    intake: Intake,
    problems: list[Problem],
    stop: Callable[[], bool],
    progress: Progress,
) -> int:
    """Hand every page to the intake; whatever ends this early, what came before is durable."""
    received = 0
    try:
        for page in connector.pull(spec, intake.cursor):
            intake.add(page.records, page.deleted, page.cursor)
            received += page.records.num_rows
            problems += page.problems
            progress(spec.stream, received, page.total)
            if stop():
                raise InterruptedRun("stopped while pulling", fix="Run again: the pull goes on where it stopped.")
    except KareError:
        intake.checkpoint()
        raise
    return received


def _damaged(spec: StreamSpec) -> Problem:
    return Problem(
        code="mirror-damaged",
        message="The mirror's files are missing or damaged; everything was pulled anew.",
        where=spec.stream,
        level="warning",
    )


def _due(spec: StreamSpec) -> Problem:
    return Problem(
        code="full-pull",
        message="Everything was pulled anew, as it is from time to time: values that the CRM works out change without a trace.",
        where=spec.stream,
        level="info",
    )


_TOLD: Final = {"damaged": _damaged, "due": _due}
"""Reasons for a full pull that are told."""


def _stale(spec: StreamSpec) -> Problem:
    return Problem(
        code="cursor-old",
        message="The CRM can no longer tell all that was deleted since the last pull; everything was pulled anew.",
        where=spec.stream,
        level="info",
    )


def _without_id(spec: StreamSpec, count: int) -> Problem:
    records = "1 record has" if count == 1 else f"{count} records have"
    return Problem(
        code="record-without-id",
        message=f"{records} no id and were left out.",
        fix=f"Fill `{spec.fields[0].source}` in the source.",
        where=f"{spec.source}.{spec.fields[0].source}",
        level="warning",
    )
