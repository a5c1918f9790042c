"""Single records into the mirror, by their ids; how far the streams were pulled stays as it is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from crm_kare.errors import InterruptedRun
from crm_kare.model import Problem
from crm_kare.ports import Connector, Organisation, StreamSpec
from crm_kare.sync.mirror import Intake, Mirror
from crm_kare.sync.pull import Progress, Pulled, PulledStream, shape_of
from crm_kare.sync.typed import Typer

MOST: Final = 5000
"""Records taken in one by one; more are left to a whole pull, which then is the cheaper way."""

_AT_ONCE: Final = 1000
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LINKS: Final = {"account_id": "accounts", "parent_id": "accounts", "opportunity_id": "opportunities"}
"""Columns that name records of another stream."""


def takes_single(mirror: Mirror, specs: Sequence[StreamSpec], organisation: Organisation) -> bool:
    """Whether single records can be taken in: everything was pulled, in its present shape, and no pull was stopped."""
    shapes = [(spec.stream, shape_of(spec, organisation.timezone)) for spec in specs]
    return not mirror.pending() and not any(mirror.needs_full(stream, shape) for stream, shape in shapes)


def take_in(
    connector: Connector,
    specs: Sequence[StreamSpec],
    mirror: Mirror,
    organisation: Organisation,
    touched: Mapping[str, Collection[str]],
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _stream, _received, _total: None,
) -> Pulled:
    """Fetch these records, by stream, and what still names a record that is gone: an archive or a merge need not move
    the dates of its deals, lines, contacts and subsidiaries.

    They come on top of a pull that is pending. Where none is, call it where `takes_single` says so. Afterwards call
    `mirror.accept()`, or `mirror.discard()`.

    Raises:
        InterruptedRun: `stop()` said so.
        KareError: whatever the connector raises.
    """
    streams: dict[str, PulledStream] = {}
    problems: list[Problem] = []

    def take(spec: StreamSpec, ids: Collection[str]) -> None:
        if ids:
            pulled, found = _take_stream(connector, spec, mirror, organisation, sorted(ids), stop, progress)
            before = streams.get(spec.stream)
            streams[spec.stream] = replace(pulled, received=pulled.received + (before.received if before else 0))
            problems.extend(found)

    try:
        for spec in specs:
            take(spec, set(touched.get(spec.stream, ())))
        for spec in specs:
            left = _left(mirror, spec, {one.stream for one in specs})
            if len(left) > MOST:
                problems.append(_many(spec, len(left)))
            else:
                take(spec, left)
    finally:
        mirror.rest()
    return Pulled(tuple(streams.values()), tuple(problems))


def _take_stream(
    connector: Connector,
    spec: StreamSpec,
    mirror: Mirror,
    organisation: Organisation,
    ids: Sequence[str],
    stop: Callable[[], bool],
    progress: Progress,
) -> tuple[PulledStream, list[Problem]]:
    """One stream's records into its intake."""
    problems: list[Problem] = []
    received = 0
    with closing(Typer(spec, organisation.timezone)) as typer:
        intake = _intake(mirror, spec, organisation, typer)
        for start in range(0, len(ids), _AT_ONCE):
            page = connector.fetch(spec, ids[start : start + _AT_ONCE])
            intake.add(page.records, page.deleted, intake.cursor or "")
            received += page.records.num_rows
            problems += page.problems
            progress(spec.stream, received, len(ids))
            if stop():
                raise InterruptedRun("stopped while pulling", fix="The next sync brings what changed.")
        tally = intake.finish()
        problems += typer.problems()
    return PulledStream(spec.stream, False, received, tally.before, tally.rows, tally.deleted), problems


def _intake(mirror: Mirror, spec: StreamSpec, organisation: Organisation, typer: Typer) -> Intake:
    """It begins where the last pull ended, and when that began: of all other records no more is known than then."""
    began = mirror.pulled_at(spec.stream) or _NEVER
    shape = shape_of(spec, organisation.timezone)
    return mirror.intake(spec, shape, full=False, now=began, convert=typer.convert)


def _left(mirror: Mirror, spec: StreamSpec, streams: Collection[str]) -> set[str]:
    """Records that still name one that this pull takes away; nearly always none is taken away, and no file is read."""
    links = [(column, target) for column, target in _LINKS.items() if target in streams]
    named = {field.column for field in spec.fields[1:]}
    return {key for column, target in links if column in named for key in mirror.left_by(spec.stream, column, target)}


def _many(spec: StreamSpec, count: int) -> Problem:
    return Problem(
        "left-to-full-pull",
        f"{count:,} records name others that are gone: too many to read one by one.",
        "Run `crm-kare pull CRM --full`, or leave it to the next full pull.",
        where=spec.stream,
        level="info",
    )
