"""What the journal, the mirror and the settings tell of a CRM's state, noted where people were not told of it yet."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from cryptography import x509

from crm_kare.config.alerting import Kind
from crm_kare.config.quiet import parse_window, quiet_until
from crm_kare.daemon.alerts import conditions
from crm_kare.daemon.alerts.conditions import Findings, Kept
from crm_kare.daemon.alerts.words import body_of
from crm_kare.daemon.roster import timetables
from crm_kare.journal import FINE
from crm_kare.model import PRESENT_PREFIX
from crm_kare.sync.judge import known_organisation, present_values, today
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

WHOLE: Final = "sync"
"""Kind of a run over a whole CRM."""

_MOST_STARTS: Final = 1000
_OVERRIDE, _UNTIL = f"{PRESENT_PREFIX}Override", f"{PRESENT_PREFIX}Override_Until"
_PEMS: Final = ("CERTIFICATE", "PRIVATE_KEY")
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def note(runtime: Runtime, crm: str, found: Findings) -> None:
    """Keep what was found in the journal, where the project wants alerts of that kind."""
    now, settings = runtime.clock.now(), runtime.project.alerts
    for kind, condition in found.items():
        if settings.wants(kind):
            state, body = (condition.mark, body_of(condition)) if condition else (FINE, {})
            runtime.journal.alerts.observe(crm, kind.value, state, body, now)


@dataclass(frozen=True)
class Looker:
    """Who looks.

    Attributes:
        began: since when: a CRM without any success misses starts from then on.
        rested: when CRMs last came out of a rest, for those that did.
    """

    began: datetime
    rested: Mapping[str, datetime] = field(default_factory=dict)


def note_run(runtime: Runtime, kind: str, result: RunResult, looker: Looker) -> None:
    """Keep what a run's end tells; `kind` is `sync` or `webhook`."""
    found = conditions.of_run(result, kept(runtime, result.crm, looker), runtime.project.alerts, whole=kind == WHOLE)
    note(runtime, result.crm, found)


def look(runtime: Runtime, crm: str, looker: Looker) -> None:
    """Keep what can be told of a CRM without any run: missed starts, rejections, a long pause, the login's certificate."""
    settings, now = runtime.project.alerts, runtime.clock.now()
    note(runtime, crm, conditions.of_journal(crm, kept(runtime, crm, looker), settings))
    note(runtime, crm, conditions.paused(crm, runtime.journal.schedules.get(crm), now, settings))
    ends = certificate_end(runtime, crm)
    if ends is not None:
        note(runtime, crm, conditions.certificate(crm, ends, now, settings))


def look_at_overrides(runtime: Runtime, crm: str) -> None:
    """Keep which overrides have expired. Reads the mirror, so once a day is often enough."""
    if runtime.project.alerts.wants(Kind.OVERRIDE_EXPIRED) and runtime.mirror(crm).exists():
        note(runtime, crm, conditions.overrides(crm, expired_overrides(runtime, crm)))


def rests(runtime: Runtime, crm: str) -> bool:
    """Whether no start counts as missed now: the CRM is paused, or it is a quiet time."""
    one, now = runtime.project.crm(crm), runtime.clock.now()
    quiet = quiet_until(tuple(map(parse_window, one.quiet)), one.timezone, now)
    return quiet is not None or runtime.journal.schedules.get(crm).paused(now)


def kept(runtime: Runtime, crm: str, looker: Looker) -> Kept:
    """What the journal tells of a CRM. Missed starts are counted from the last success, or the last rest where that is later."""
    journal, one, now = runtime.journal, runtime.project.crm(crm), runtime.clock.now()
    success, labelled = journal.runs.last_success(crm), journal.runs.last_labelled(crm)
    ended = (success.ended_at if success else None) or looker.began
    missed = None
    if one.schedule and not rests(runtime, crm):
        since = max(ended, looker.rested.get(crm, ended))
        missed = timetables(runtime.project)[crm].count(since, now, _MOST_STARTS)
    profiles: dict[str, int] = dict(labelled.summary).get("profiles", {}) if labelled else {}
    return Kept(missed, journal.changes.count_rejected().get(crm, 0), sum(profiles.values()))


def expired_overrides(runtime: Runtime, crm: str) -> list[date]:
    """The last days of overrides that are over and still stand in the CRM, as last pulled."""
    present, day = present_values(runtime, crm), today(runtime, known_organisation(runtime, crm))
    if not {_OVERRIDE, _UNTIL} <= set(present.column_names):
        return []
    rows = zip(present[_OVERRIDE].to_pylist(), present[_UNTIL].to_pylist(), strict=True)
    return [until for override, until in rows if override is not None and until is not None and until < day]


def certificate_end(runtime: Runtime, crm: str) -> datetime | None:
    """When the first certificate of a CRM's login ends; None where no certificate is among its settings."""
    one = runtime.project.crm(crm)
    login = runtime.settings.credentials(one.connector, one.env_prefix)
    front = one.connector.upper().replace("-", "_")
    texts = [login[name].get_secret_value() for part in _PEMS if (name := f"{front}_{part}") in login]
    return min(_ends(texts), default=None)


def _ends(texts: Iterable[str]) -> Iterator[datetime]:
    for text in texts:
        for part in text.split(_BEGIN)[1:]:
            pem: Any = f"{_BEGIN}{part.partition(_END)[0]}{_END}\n".encode()
            try:
                yield x509.load_pem_x509_certificate(pem).not_valid_after_utc
            except ValueError:  # the login itself tells what is wrong with it
                continue
