"""Marks the steps of a run, so that each tells when it begins and ends, and with what counts."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, Final, ParamSpec, TypeVar

from crm_kare.errors import KareError
from crm_kare.model import OutcomeStatus
from crm_kare.sync.crm_run import CrmRun

P = ParamSpec("P")
T = TypeVar("T")
Step = Callable[Concatenate[CrmRun, P], T]


def traced(name: str) -> Callable[[Step[P, T]], Step[P, T]]:
    """Let a function be the step of that name: pull, score, plan or apply. Of one that an error ended, its code is told."""

    def mark(function: Step[P, T]) -> Step[P, T]:
        @wraps(function)
        def step(run: CrmRun, /, *rest: P.args, **named: P.kwargs) -> T:
            with run.span.step(name) as span:
                try:
                    found = function(run, *rest, **named)
                except KareError as error:
                    span.fail(error.code)
                    raise
                span.note(**_COUNTS[name](run))
                return found

        return step

    return mark


def _pulled(run: CrmRun) -> dict[str, int]:
    pulled = run.pulled
    return {one: getattr(pulled, one) for one in ("accounts", "opportunities", "deleted")} if pulled else {}


def _scored(run: CrmRun) -> dict[str, int]:
    return {"accounts": run.judged.labels.num_rows} if run.judged else {}


def _planned(run: CrmRun) -> dict[str, int]:
    return {"accounts": run.plan.accounts.num_rows, "fields": run.plan.changes.num_rows} if run.plan else {}


def _applied(run: CrmRun) -> dict[str, int]:
    return {status.value: run.outcomes[status] for status in OutcomeStatus}


_COUNTS: Final[Mapping[str, Callable[[CrmRun], dict[str, int]]]] = {
    "pull": _pulled,
    "score": _scored,
    "plan": _planned,
    "apply": _applied,
}
