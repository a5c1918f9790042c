"""Single records into the mirror, by their ids; how far the streams were pulled stays as it is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

from crm_kare.errors import InterruptedRun
from crm_kare.model import Problem
from crm_kare.ports import Connector, Organisation, StreamSpec
from crm_kare.sync.judge import engine
from crm_kare.sync.mirror import Intake, Mirror
from crm_kare.sync.pull import Progress, Pulled, PulledStream, shape_of
from crm_kare.sync.typed import Typer

MOST: Final = 5000
"""Records taken in one by one; more are left to a whole pull, which then is the cheaper way."""

_AT_ONCE: Final = 1000
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ACCOUNTS: Final = "accounts"
_LINK: Final = "account_id"


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
    """Fetch these records, by stream, and what belonged to accounts that are gone: a merge moves it without a trace.

    They come on top of a pull that is pending. Where none is, call it where `takes_single` says so. Afterwards call
    `mirror.accept()`, or `mirror.discard()`.

    Raises:
        InterruptedRun: `stop()` said so.
        KareError: whatever the connector raises.
    """
    wanted = {stream: set(ids) for stream, ids in touched.items()}
    streams, problems = [], []
    try:
        for spec in sorted(specs, key=lambda one: one.stream != _ACCOUNTS):
            if ids := sorted(wanted.get(spec.stream, ())):
                pulled, found, gone = _take_stream(connector, spec, mirror, organisation, ids, stop, progress)
                streams.append(pulled)
                problems += found
                for stream, more in _left_by(mirror, specs, gone if spec.stream == _ACCOUNTS else ()).items():
                    wanted.setdefault(stream, set()).update(more)
    finally:
        mirror.rest()
    return Pulled(tuple(streams), tuple(problems))


def _take_stream(
    connector: Connector,
    spec: StreamSpec,
    mirror: Mirror,
    organisation: Organisation,
    ids: Sequence[str],
    stop: Callable[[], bool],
    progress: Progress,
) -> tuple[PulledStream, list[Problem], list[str]]:
    """One stream's records into its intake; with the ids that are gone."""
    problems: list[Problem] = []
    gone: list[str] = []
    received = 0
    with closing(Typer(spec, organisation.timezone)) as typer:
        intake = _intake(mirror, spec, organisation, typer)
        for start in range(0, len(ids), _AT_ONCE):
            page = connector.fetch(spec, ids[start : start + _AT_ONCE])
            intake.add(page.records, page.deleted, intake.cursor or "")
            received += page.records.num_rows
            problems += page.problems
            gone += page.deleted
            progress(spec.stream, received, len(ids))
            if stop():
                raise InterruptedRun("stopped while pulling", fix="The next sync brings what changed.")
        tally = intake.finish()
        problems += typer.problems()
    return PulledStream(spec.stream, False, received, tally.before, tally.rows, tally.deleted), problems, gone


def _intake(mirror: Mirror, spec: StreamSpec, organisation: Organisation, typer: Typer) -> Intake:
    """It begins where the last pull ended, and when that began: of all other records no more is known than then."""
    began = mirror.pulled_at(spec.stream) or _NEVER
    shape = shape_of(spec, organisation.timezone)
    return mirror.intake(spec, shape, full=False, now=began, convert=typer.convert)


def _left_by(mirror: Mirror, specs: Sequence[StreamSpec], gone: Collection[str]) -> dict[str, list[str]]:
    """Records that, as far as the mirror knows, belong to accounts that are gone."""
    linked = [spec for spec in specs if any(field.column == _LINK for field in spec.fields[1:])]
    if not gone or not linked:
        return {}
    with engine() as con:
        tables = mirror.tables(con)
        return {
            spec.stream: con.to_pyarrow(
                (table := tables[spec.stream]).filter(table[_LINK].isin(list(gone))).select(spec.fields[0].column)
            )
            .column(0)
            .to_pylist()
            for spec in linked
        }
