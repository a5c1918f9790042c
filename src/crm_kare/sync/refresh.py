"""The first step of a run: the mirror brought up to date, at as few calls as a quiet day needs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from crm_kare.config.mapping import label_fields, stream_specs
from crm_kare.errors import ConfigError, KareError
from crm_kare.labels import Editor
from crm_kare.model import Problem
from crm_kare.ports import LabelField, Organisation, StreamSpec
from crm_kare.sync.brakes import shrank
from crm_kare.sync.crm_run import CrmRun
from crm_kare.sync.judge import in_zone
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.placed import forget_gone, former_fields, peoples
from crm_kare.sync.pull import Pulled, pull
from crm_kare.sync.single import MOST, take_in, takes_single
from crm_kare.sync.traced import traced


@traced("pull")
def pull_in(run: CrmRun) -> None:
    """Bring the mirror up to date; where it shrank too much, it stays as it was and a brake is noted.

    A run that was to take in single records ends here where the mirror cannot take them.
    """
    runtime = run.runtime
    mirror = runtime.mirror(run.crm)
    pulled = _take_in(run, mirror) if run.options.touched else _pull(run, mirror, _organisation(run))
    if pulled is None:
        run.list_problems([_LEFT])
        run.finish()
        return
    run.pulled = pulled
    run.list_problems(run.pulled.problems)
    tripped = shrank(run.pulled, runtime.project.brakes, run.options.leave)
    run.brakes += tripped
    if tripped:
        mirror.discard()
    else:
        mirror.accept()


def _take_in(run: CrmRun, mirror: Mirror) -> Pulled | None:
    """Single records, with the label fields that were there last time; None where a whole pull has to come first.

    Accounts that we wrote to since the last pull come along: else our own labels would look like people's edits.
    """
    journal, pulled_at = run.runtime.journal, mirror.pulled_at()
    fields = label_fields(run.mapping, run.connector)
    known = journal.notes.fields(run.crm) if run.connector.capabilities.provisions else {one.field for one in fields}
    there = tuple(one for one in fields if one.field in known)
    old = [one for one in peoples(former_fields(journal, run.crm, fields)) if one.field in known]
    specs, organisation = stream_specs(run.mapping, there, old), _organisation(run)
    if pulled_at is None or not takes_single(mirror, specs, organisation):
        return None
    touched = {stream: set(ids) for stream, ids in run.options.touched.items()}
    touched.setdefault("accounts", set()).update(_written(run, since=pulled_at))
    if sum(map(len, touched.values())) > MOST:
        return None
    run.list_problems(_missing(run, [one for one in fields if one not in there]))
    try:
        return _fetched(run, specs, mirror, organisation, touched)
    except KareError:
        mirror.discard()
        raise


def _fetched(
    run: CrmRun,
    specs: Sequence[StreamSpec],
    mirror: Mirror,
    organisation: Organisation,
    records: Mapping[str, Collection[str]],
) -> Pulled:
    return take_in(
        run.connector,
        specs,
        mirror,
        organisation,
        records,
        stop=run.asked_to_stop,
        progress=lambda stream, done, total: run.tell(f"fetch {stream}", done, total),
    )


def _written(run: CrmRun, *, since: datetime) -> frozenset[str]:
    """Accounts whose labels, as a pull of that moment brought them, may be older than what we wrote."""
    return run.runtime.journal.runs.written_since(run.crm, since - _lag(run))


def _lag(run: CrmRun) -> timedelta:
    return timedelta(seconds=run.connector.capabilities.lag)


_LEFT: Final = Problem(
    "left-to-sync",
    "Single records are not taken in before the next sync, which has to pull more.",
    "Nothing, where the CRM has a schedule; else run `crm-kare sync`.",
    level="info",
)


def _pull(run: CrmRun, mirror: Mirror, organisation: Organisation) -> Pulled:
    """Pull with the label fields that were there last time; which are there is asked only where that fails."""
    fields = label_fields(run.mapping, run.connector)
    if not run.connector.capabilities.provisions:
        return _pull_with(run, mirror, organisation, fields)
    journal, now = run.runtime.journal, run.runtime.clock.now()
    former = peoples(former_fields(journal, run.crm, fields))
    if {one.field for one in (*fields, *former)} <= journal.notes.fields(run.crm):
        try:
            return _pull_with(run, mirror, organisation, fields, former)
        except ConfigError:
            journal.notes.keep_fields(run.crm, (), now)
    info = run.connector.schema(run.mapping.streams.accounts.source)
    names = {one.name.casefold() for one in info}
    there = [one for one in fields if one.field.casefold() in names]
    run.list_problems(_missing(run, [one for one in fields if one not in there]))
    old = [one for one in former if one.field.casefold() in names]
    forget_gone(journal, run.crm, [one for one in former if one not in old], now)
    pulled = _pull_with(run, mirror, organisation, there, old)
    journal.notes.keep_fields(run.crm, [one.field for one in (*there, *old)], run.runtime.clock.now())
    return pulled


def _pull_with(
    run: CrmRun,
    mirror: Mirror,
    organisation: Organisation,
    fields: Sequence[LabelField],
    former: Sequence[LabelField] = (),
) -> Pulled:
    now = run.runtime.clock.now()
    days = run.runtime.project.crm(run.crm).full_pull_days
    specs = stream_specs(run.mapping, fields, former)
    before = None if mirror.pending() else mirror.pulled_at()
    pulled = pull(
        run.connector,
        specs,
        mirror,
        organisation,
        now=now,
        full=run.options.full,
        due_before=now - timedelta(days=days) if days else None,
        stop=run.asked_to_stop,
        progress=lambda stream, done, total: run.tell(f"pull {stream}", done, total),
    )
    if not run.connector.capabilities.fetches:
        return pulled
    # Where no account came, those that were read by id after an earlier run's writing stand as they were read.
    since = max(now, before + _lag(run)) if before and not pulled.accounts else now
    own = {"accounts": _written(run, since=since)} if run.connector.capabilities.lag else {}
    return pulled.with_later(_fetched(run, specs, mirror, organisation, own))


def _organisation(run: CrmRun) -> Organisation:
    """Who we are logged in to, and its rates; asked by the first run of a day, so that deals closed that day meet its rate.

    Files are asked at every run: their mapping tells it, and may have changed.
    """
    journal, now = run.runtime.journal, run.runtime.clock.now()
    kept = journal.notes.organisation(run.crm)
    if kept is not None and run.connector.capabilities.provisions:
        organisation = in_zone(run.mapping, kept[0])
        if _day(kept[1], organisation) == _day(now, organisation):
            return organisation
    told = run.connector.organisation()
    organisation = in_zone(run.mapping, told)
    journal.rates.remember(run.crm, told.currency, told.rates, day=_day(now, organisation), now=now)
    journal.notes.keep_organisation(run.crm, told, now)
    return organisation


def _day(moment: datetime, organisation: Organisation) -> date:
    return moment.astimezone(ZoneInfo(organisation.timezone)).date()


def _missing(run: CrmRun, missing: Sequence[LabelField]) -> Iterator[Problem]:
    source = run.mapping.streams.accounts.source
    run.missing = frozenset(one.field for one in missing)
    for one in missing:
        yield Problem(
            "label-missing",
            f"{source}.{one.field} ({one.label.title}) is not there, or this user may not see it.",
            f"Run `crm-kare provision {run.crm}`.",
            level="error" if one.label.editor is Editor.OURS else "warning",
        )
