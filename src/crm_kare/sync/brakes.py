"""The brakes: what must not be written without somebody looking at it first. Pure; DESIGN.md section 6."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from crm_kare.model import Problem
from crm_kare.sync.plan import Plan, Transition


@dataclass(frozen=True)
class Limits:
    """How much may change in one run.

    Attributes:
        transition_share: share of the accounts that hold a profile, which may leave it for one other profile.
        transition_floor: accounts up to which a transition never trips, however large their share.
        shrink_share: share of the mirror's accounts, or of its opportunities, that may be gone since the last run.
        shrink_floor: records up to which a smaller mirror never trips.
        unknown_share: by how much the share of accounts without profile and motion may grow.
    """

    transition_share: float = 0.05
    transition_floor: int = 20
    shrink_share: float = 0.05
    shrink_floor: int = 20
    unknown_share: float = 0.1


@dataclass(frozen=True)
class Size:
    """What the brakes compare between two runs: records in the mirror by stream, accounts judged, and those unknown."""

    records: tuple[tuple[str, int], ...] = ()
    judged: int = 0
    unknown: int = 0

    @property
    def unknown_share(self) -> float:
        """Share of the accounts judged that have neither profile nor motion."""
        return self.unknown / self.judged if self.judged else 0.0


@dataclass(frozen=True)
class Leave:
    """What the caller allows: `force` lifts the brakes on size and on the first run; with `full`, a smaller mirror too."""

    force: bool = False
    full: bool = False


SHRANK: Final = "mirror-shrank"
FIRST: Final = "first-run"
TRANSITION: Final = "transition-limit"
UNKNOWN: Final = "unknown-jumped"


def check(
    plan: Plan, before: Size | None, now: Size, limits: Limits, leave: Leave, *, first_run: bool
) -> list[Problem]:
    """Every brake that the plan trips; empty = it may be written.

    Args:
        plan: what would be written.
        before: sizes at the last run that passed; None where there was none.
        now: sizes at this run.
        limits: the limits set.
        leave: what the caller allows.
        first_run: whether nothing of this CRM was ever approved: no whole run was written yet.
    """
    found = [] if leave.force and leave.full else list(_shrank(before, now, limits))
    if not leave.force:
        found += _transitions(plan, limits)
        found += _unknown(before, now, limits)
        found += _first(plan) if first_run else []
    return found


def _transitions(plan: Plan, limits: Limits) -> Iterator[Problem]:
    for move in plan.transitions:
        holders = plan.holders.get(move.before, 0)
        if move.seen and move.accounts > limits.transition_floor and move.accounts > limits.transition_share * holders:
            yield _too_many(move, holders, limits)


def _too_many(move: Transition, holders: int, limits: Limits) -> Problem:
    share = f"{move.accounts / holders:.0%}" if holders else "all"
    return Problem(
        TRANSITION,
        f"{move.accounts} of {holders} accounts ({share}) would go from {move.before} to {move.after}; the limit is"
        f" {limits.transition_share:.0%} and {limits.transition_floor} accounts.",
        "Look at the plan; if it is right, run again with --force or apply the saved plan.",
    )


def _shrank(before: Size | None, now: Size, limits: Limits) -> Iterator[Problem]:
    present = dict(now.records)
    for stream, count in before.records if before else ():
        gone = count - present.get(stream, 0)
        if gone > limits.shrink_floor and gone > limits.shrink_share * count:
            yield Problem(
                SHRANK,
                f"The mirror holds {present.get(stream, 0)} {stream} where the last run had {count} ({gone / count:.0%} fewer);"
                f" the limit is {limits.shrink_share:.0%} and {limits.shrink_floor} records.",
                "Check the permissions and filters of the CRM's user; if the records are really gone, run again with"
                " --full --force.",
            )


def _unknown(before: Size | None, now: Size, limits: Limits) -> Iterator[Problem]:
    if before is not None and before.judged and now.unknown_share - before.unknown_share > limits.unknown_share:
        yield Problem(
            UNKNOWN,
            f"{now.unknown} of {now.judged} accounts ({now.unknown_share:.0%}) have too little known for a profile; at the"
            f" last run it was {before.unknown_share:.0%}, and the limit is {limits.unknown_share:.0%} more.",
            "Look for a field that is no longer mapped or readable; if it is right, run again with --force.",
        )


def _first(plan: Plan) -> Iterator[Problem]:
    if not plan.empty():
        yield Problem(
            FIRST,
            f"This is the first run: {plan.accounts.num_rows} accounts and {plan.changes.num_rows} fields would be written,"
            " and nobody has approved it yet.",
            "Look at the plan, then run again with --force or apply the saved plan; --limit and --owner start with a part.",
        )
