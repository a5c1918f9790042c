"""How a project's schedules stand, for whoever asks; no daemon need be alive."""

from datetime import datetime, timedelta
from typing import Any, Final

from crm_kare.daemon.roster import Timetable, living, next_start, timetables
from crm_kare.journal import Daemon, Journal, Standing
from crm_kare.sync.runtime import Runtime

_STALE: Final = timedelta(days=2)


def status(runtime: Runtime) -> dict[str, Any]:
    """Every CRM's schedule, next start, pause, last run, last success and open rejections; and the daemons that are alive.

    JSON-able; moments are ISO text in UTC.
    """
    journal, now = runtime.journal, runtime.clock.now()
    standings, refused = journal.schedules.all(), journal.changes.count_rejected()
    tables = timetables(runtime.project)
    crms = [
        {
            "crm": crm,
            "schedule": one.schedule,
            "timezone": one.timezone,
            **_starts(tables[crm], standings.get(crm, Standing(crm)), now),
            **_runs(journal, crm),
            "open_rejections": refused.get(crm, 0),
        }
        for crm, one in runtime.project.crms.items()
    ]
    return {"crms": crms, "daemons": [_daemon(one) for one in living(journal, now)]}


def _starts(table: Timetable, standing: Standing, now: datetime) -> dict[str, Any]:
    waits = standing.pending and standing.not_before is not None and now < standing.not_before < now + _STALE
    return {
        "next_start": _text(next_start(table, standing, now)),
        "quiet_until": _text(table.quiet_until(now)),
        "paused": pause_words(standing, now),
        "waits": {"why": standing.why, "until": _text(standing.not_before), "tries": standing.tries} if waits else None,
        "asked": {"at": _text(standing.asked_at), "by": standing.asked_by} if standing.asked_at else None,
    }


def _runs(journal: Journal, crm: str) -> dict[str, Any]:
    last, success = next(iter(journal.runs.newest(crm, 1)), None), journal.runs.last_success(crm)
    told = last and {
        "run_id": last.run_id,
        "verb": last.verb,
        "status": last.status.value,
        "started_at": _text(last.started_at),
        "ended_at": _text(last.ended_at),
    }
    return {"last_run": told, "last_success": _text(success.ended_at if success else None)}


def _daemon(one: Daemon) -> dict[str, Any]:
    return {name: _text(value) if isinstance(value, datetime) else value for name, value in vars(one).items()}


def pause_words(standing: Standing, now: datetime) -> dict[str, str | None] | None:
    """Since when, until when and by whom a CRM is paused; None where it is not."""
    if not standing.paused(now):
        return None
    return {"since": _text(standing.paused_at), "until": _text(standing.paused_until), "by": standing.paused_by}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
