"""The first step of a run: the mirror brought up to date, at as few calls as a quiet day needs."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm_kare.config.mapping import label_fields, stream_specs
from crm_kare.errors import ConfigError
from crm_kare.labels import Editor
from crm_kare.model import Problem
from crm_kare.ports import LabelField, Organisation
from crm_kare.sync.brakes import shrank
from crm_kare.sync.crm_run import CrmRun
from crm_kare.sync.judge import in_zone
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import Pulled, pull


def pull_in(run: CrmRun) -> None:
    """Bring the mirror up to date; where it shrank too much, it stays as it was and a brake is noted."""
    runtime = run.runtime
    mirror = runtime.mirror(run.crm)
    run.pulled = _pull(run, mirror, _organisation(run))
    run.list_problems(run.pulled.problems)
    tripped = shrank(run.pulled, runtime.project.brakes, run.options.leave)
    run.brakes += tripped
    if tripped:
        mirror.discard()
    else:
        mirror.accept()


def _pull(run: CrmRun, mirror: Mirror, organisation: Organisation) -> Pulled:
    """Pull with the label fields that were there last time; which are there is asked only where that fails."""
    fields = label_fields(run.mapping, run.connector)
    if not run.connector.capabilities.provisions:
        return _pull_with(run, mirror, organisation, fields)
    notes = run.runtime.journal.notes
    if {one.field for one in fields} <= notes.fields(run.crm):
        try:
            return _pull_with(run, mirror, organisation, fields)
        except ConfigError:
            notes.keep_fields(run.crm, (), run.runtime.clock.now())
    info = run.connector.schema(run.mapping.streams.accounts.source)
    names = {one.name.casefold() for one in info}
    there = [one for one in fields if one.field.casefold() in names]
    run.list_problems(_missing(run, [one for one in fields if one not in there]))
    pulled = _pull_with(run, mirror, organisation, there)
    notes.keep_fields(run.crm, [one.field for one in there], run.runtime.clock.now())
    return pulled


def _pull_with(run: CrmRun, mirror: Mirror, organisation: Organisation, fields: Sequence[LabelField]) -> Pulled:
    now = run.runtime.clock.now()
    days = run.runtime.project.crm(run.crm).full_pull_days
    return pull(
        run.connector,
        stream_specs(run.mapping, fields),
        mirror,
        organisation,
        now=now,
        full=run.options.full,
        due_before=now - timedelta(days=days) if days else None,
        stop=run.asked_to_stop,
        progress=lambda stream, done, total: run.tell(f"pull {stream}", done, total),
    )


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
