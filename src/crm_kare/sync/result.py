"""What a run tells: the Contract's object per CRM, and the exit code of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.model import Motion, Problem, Profile, RunStatus
from crm_kare.ports import Calls, Quota

_ORDER: Final = (1, 3, 4, 6, 7, 5)
_REJECTED: Final = 5
_NO_CALLS: Final = Calls()
_UNTOLD: Final = Quota()


@dataclass(frozen=True)
class PulledCounts:
    """Records that a pull brought, and how many are gone."""

    accounts: int = 0
    opportunities: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class Planned:
    """Accounts and fields to write, and the moves of the computed profile behind them."""

    accounts: int = 0
    fields: int = 0
    by_transition: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """Accounts by what became of their write; held back for a person's edit counts as a conflict."""

    changed: int = 0
    same: int = 0
    conflict: int = 0
    rejected: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class RunResult:
    """How one CRM's run went. `exit_code` is what the command would end with, were it alone; `quota` is the CRM's daily
    allowance as last told.
    """

    run_id: str
    crm: str
    status: RunStatus
    as_of: date | None = None
    pulled: PulledCounts = PulledCounts()
    scored: int = 0
    profiles: Mapping[str, int] = field(default_factory=dict)
    planned: Planned = Planned()
    applied: Applied = Applied()
    calls: Calls = _NO_CALLS
    quota: Quota = _UNTOLD
    duration_s: float = 0.0
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """The Contract's object of `sync --json`."""
        return {
            "run_id": self.run_id,
            "crm": self.crm,
            "status": self.status.value,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "pulled": vars(self.pulled),
            "scored": self.scored,
            "profiles": dict(self.profiles),
            "planned": {
                "accounts": self.planned.accounts,
                "fields": self.planned.fields,
                "by_transition": dict(self.planned.by_transition),
            },
            "applied": vars(self.applied),
            "api_calls": {"read": self.calls.read, "write": self.calls.write},
            "duration_s": round(self.duration_s, 3),
            "problems": [problem_to_json(problem) for problem in self.problems],
        }


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """A problem as the Contract writes it: code, message, fix, and the account where there is one."""
    account = {"account_id": problem.account_id} if problem.account_id is not None else {}
    return {"code": problem.code, "message": problem.message, "fix": problem.fix, **account}


def profile_counts(labels: pa.Table) -> dict[str, int]:
    """Accounts by shown profile, those to retire, and those with too little known; one that a person overrode to no profile is none
    of these.
    """
    if "overridden" in labels.column_names:
        labels = labels.filter(pc.or_(pc.is_valid(labels["profile"]), pc.invert(labels["overridden"])))
    shown = list(zip(labels["profile"].to_pylist(), labels["motion"].to_pylist(), strict=True))
    counts = {profile.value: sum(one == profile for one, _ in shown) for profile in Profile}
    retire = sum(profile is None and motion == Motion.RETIRE for profile, motion in shown)
    return {**counts, "retire": retire, "unknown": sum(pair == (None, None) for pair in shown)}


def exit_code(results: Sequence[RunResult]) -> int:
    """The Contract's exit code of several CRMs: a stop that was asked for, else the first present of 1, 3, 4, 6, 7, 5."""
    codes = {result.exit_code for result in results}
    stopped = next((one.exit_code for one in results if one.status is RunStatus.INTERRUPTED), 0)
    return stopped or next((code for code in _ORDER if code in codes), max(codes, default=0))


def done_code(applied: Applied) -> tuple[RunStatus, int]:
    """Status and exit code of a run that came to its end."""
    if applied.rejected or applied.unknown:
        return RunStatus.PARTIAL, _REJECTED
    return RunStatus.DONE, 0
