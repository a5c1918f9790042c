"""What is worth an alert, as pure rules: what a run and the journal tell, against the project's `alerts:` section.

A rule answers with a condition (something is wrong), with `None` (it is well), or leaves its kind out (nobody can tell now).
Messages hold ids, counts and codes, never customers' data nor a CRM's own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from crm_kare.config.alerting import Alerts, Kind
from crm_kare.errors import AccessError
from crm_kare.journal import Standing
from crm_kare.model import Problem, RunStatus
from crm_kare.sync.brakes import FIRST, SHRANK, TRANSITION, UNDONE, UNKNOWN
from crm_kare.sync.result import RunResult

ELSEWHERE: Final = "brake-elsewhere"
"""Code of a CRM that was stopped for the brake of another one in the same run."""

_COUNTS_ONLY: Final = {FIRST, SHRANK, TRANSITION, UNDONE, UNKNOWN}
"""Brakes whose sentence holds counts, shares and our own words only."""

_OUT_OF_REACH: Final = 2
"""Scheduled starts without success before an unavailable CRM is told of: one hiccup is not worth it."""


@dataclass(frozen=True)
class Condition:
    """Something is wrong.

    Attributes:
        told: what, in ids, counts and codes.
        command: what to type next.
        mark: a later one is news again; most kinds have one only.
    """

    told: str
    command: str
    mark: str = "on"


Findings = Mapping[Kind, Condition | None]
"""By kind what is wrong, or None where it is well; kinds that are left out stay as they were."""


@dataclass(frozen=True)
class Kept:
    """What the journal tells of a CRM.

    Attributes:
        missed: starts that its schedule named since the last run that came to its end; None without a schedule, or while it rests.
        rejected: accounts whose last write the CRM refused.
        accounts: accounts as last judged.
    """

    missed: int | None = None
    rejected: int = 0
    accounts: int = 0


def of_run(result: RunResult, kept: Kept, settings: Alerts, *, whole: bool) -> Findings:
    """What a run's end tells. A run for single records (not `whole`) can show that something is wrong, and not that the
    whole CRM is well.
    """
    found = {**_of_status(result, kept), **_quota(result, settings)}
    if whole:
        return {**found, **of_journal(result.crm, kept, settings)}
    reached = (Kind.LOGIN_REFUSED, Kind.CRM_UNAVAILABLE, Kind.QUOTA_LOW)
    return {kind: one for kind, one in found.items() if one is not None or kind in reached}


def of_journal(crm: str, kept: Kept, settings: Alerts) -> Findings:
    """What the journal tells, whether or not anything ran."""
    found: dict[Kind, Condition | None] = {}
    if kept.missed is not None:
        told = f"No run came to its end through {kept.missed} scheduled starts."
        over = kept.missed >= settings.missed_starts
        found[Kind.NO_SUCCESS] = Condition(told, f"crm-kare history {crm}") if over else None
    if kept.accounts:
        over = kept.rejected >= settings.rejected_floor and kept.rejected > settings.rejected_share * kept.accounts
        told = f"The CRM refuses {kept.rejected} of {kept.accounts} accounts."
        command = f"crm-kare rejected {crm}; mend the cause, then crm-kare retry {crm}"
        found[Kind.REJECTIONS] = Condition(told, command) if over else None
    return found


def certificate(crm: str, ends: datetime, now: datetime, settings: Alerts) -> Findings:
    """When the certificate of a login ends."""
    left = (ends - now).days
    if left >= settings.certificate_days:
        return {Kind.CERTIFICATE_ENDS: None}
    told = f"The certificate of its login {'ends' if ends > now else 'ended'} on {ends:%Y-%m-%d}."
    command = f"crm-kare doctor {crm}, once a new certificate is in the connected app and its key in the settings"
    return {Kind.CERTIFICATE_ENDS: Condition(told, command)}


def overrides(crm: str, expired: list[date]) -> Findings:
    """Overrides whose last day is over and that still stand in the CRM; another one that expires is news."""
    if not expired:
        return {Kind.OVERRIDE_EXPIRED: None}
    told = f"{len(expired)} overrides have expired, the last on {max(expired)}; the accounts show what the rules say."
    return {Kind.OVERRIDE_EXPIRED: Condition(told, f"crm-kare overrides {crm}", max(expired).isoformat())}


def paused(crm: str, standing: Standing, now: datetime, settings: Alerts) -> Findings:
    """Since when a CRM is paused."""
    since, until = standing.paused_at, standing.paused_until
    if since is None or not standing.paused(now) or now - since < timedelta(hours=settings.paused_hours):
        return {Kind.PAUSED_LONG: None}
    ends = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "and has no end"
    told = f"It has been paused since {since:%Y-%m-%d %H:%M} UTC, {ends}; no run starts."
    return {Kind.PAUSED_LONG: Condition(told, f"crm-kare resume {crm}")}


def configuration(code: str | None) -> Findings:
    """Whether the changed configuration could be read; the code of what is wrong, None = it could."""
    told = f"The changed configuration is wrong (code {code}); the one before goes on."
    return {Kind.CONFIGURATION_BROKEN: Condition(told, "crm-kare doctor") if code else None}


_OF_RUNS: Final = (Kind.RUN_FAILED, Kind.LOGIN_REFUSED, Kind.CRM_UNAVAILABLE, Kind.BRAKE, Kind.APPROVAL_WAITS)


def _of_status(result: RunResult, kept: Kept) -> Findings:
    well: dict[Kind, Condition | None] = dict.fromkeys(_OF_RUNS)
    match result.status:
        case RunStatus.DONE | RunStatus.PARTIAL:
            return well
        case RunStatus.REFUSED:
            return {**well, **_stopped(result)} if _code(result) != ELSEWHERE else {}
        case RunStatus.UNAVAILABLE:
            return _unavailable(result, kept)
        case RunStatus.FAILED:
            return _failed(result)
        case _:  # another run has the CRM, or somebody asked for a stop: neither tells anything
            return {}


def _stopped(result: RunResult) -> Findings:
    """The brake that stands first among the problems; those that only want an approval come after all others."""
    first = result.problems[0] if result.problems else Problem("refused", "")
    told = first.message if first.code in _COUNTS_ONLY else f"A brake stopped run {result.run_id} (code {first.code})."
    crm, kind = result.crm, Kind.APPROVAL_WAITS if first.code in {FIRST, UNDONE} else Kind.BRAKE
    look = f"crm-kare plan {crm} -o look.plan, then crm-kare apply {crm} look.plan if it is right"
    if first.code == SHRANK:  # no plan can be made before the mirror is whole
        look = f"crm-kare doctor {crm}; if the records are really gone, crm-kare sync {crm} --full --force"
    return {kind: Condition(told, look)}


def _failed(result: RunResult) -> Findings:
    code = _code(result)
    if result.exit_code == AccessError.exit_code:
        return {Kind.LOGIN_REFUSED: _login(result.crm, code)}
    look = f"crm-kare show {result.run_id}" if result.run_id else f"crm-kare history {result.crm}"
    told = f"{f'Run {result.run_id}' if result.run_id else 'A run'} failed with the code {code}."
    return {Kind.RUN_FAILED: Condition(told, f"{look}, then crm-kare doctor {result.crm}")}


def _login(crm: str, code: str) -> Condition:
    return Condition(f"The CRM refuses the login, or a permission is missing (code {code}).", f"crm-kare doctor {crm}")


def _unavailable(result: RunResult, kept: Kept) -> Findings:
    if kept.missed is not None and kept.missed < _OUT_OF_REACH:
        return {}
    told = f"The CRM cannot be reached, or its allowance is used up (code {_code(result)}); runs go on by themselves."
    return {Kind.CRM_UNAVAILABLE: Condition(told, f"crm-kare doctor {result.crm}")}


def _quota(result: RunResult, settings: Alerts) -> Findings:
    used, limit = result.quota.used, result.quota.limit
    if used is None or not limit:
        return {}
    told = f"{used} of the day's {limit} API calls are used, by all users of the CRM together."
    command = f"crm-kare history {result.crm}; see who else calls, or run less often"
    return {Kind.QUOTA_LOW: Condition(told, command) if used > settings.quota_share * limit else None}


def _code(result: RunResult) -> str:
    return result.problems[0].code if result.problems else result.status.value
