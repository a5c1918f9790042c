"""The brakes: what must not be written without somebody looking at it first. Pure; DESIGN.md section 6."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from crm_kare.config.project import Brakes
from crm_kare.model import Problem
from crm_kare.sync.plan import Plan, Transition
from crm_kare.sync.pull import Pulled
from crm_kare.sync.unmapped import Unmapped
from crm_kare.sync.wanted import cut


@dataclass(frozen=True)
class Leave:
    """What the caller allows: `force` lifts the brakes on size and on the first run; with `full`, a smaller mirror too."""

    force: bool = False
    full: bool = False


SHRANK: Final = "mirror-shrank"
FIRST: Final = "first-run"
TRANSITION: Final = "transition-limit"
UNKNOWN: Final = "unknown-jumped"
UNDONE: Final = "undone"
APPEARED: Final = "value-appeared"
_NAMED: Final = 5


def check(
    plan: Plan,
    held: float | None,
    limits: Brakes,
    *,
    first_run: bool,
    undone: str | None = None,
    appeared: Sequence[Unmapped] = (),
    leave: Leave,
) -> list[Problem]:
    """Every brake on the plan that trips; empty = it may be written.

    Args:
        plan: what would be written.
        held: share of accounts without profile and motion at the last run that passed; None where there was none.
        limits: the limits set.
        first_run: whether nothing of this CRM was ever approved.
        undone: the run that was undone, where nothing was approved since.
        appeared: values that the mapping does not know and that were not there at the last run that passed.
        leave: what the caller allows.
    """
    if leave.force:
        return []
    unapproved = [*(_first(plan) if first_run else []), *(_undone(plan, undone) if undone else [])]
    return [*_transitions(plan, limits), *_unknown(plan, held, limits), *_appeared(appeared, limits), *unapproved]


def shrank(pulled: Pulled, limits: Brakes, leave: Leave) -> list[Problem]:
    """A brake for every stream that lost too many rows: over the share, and over the floor or all of them."""
    return [] if leave.force and leave.full else list(_smaller(pulled, limits))


def _transitions(plan: Plan, limits: Brakes) -> Iterator[Problem]:
    for move in plan.transitions:
        holders = plan.holders.get(move.before, 0)
        if move.seen and move.accounts > limits.transition_floor and move.accounts > limits.transition_share * holders:
            yield _too_many(move, holders, limits)


def _too_many(move: Transition, holders: int, limits: Brakes) -> Problem:
    share = f"{move.accounts / holders:.0%}" if holders else "all"
    return Problem(
        TRANSITION,
        f"{move.accounts} of {holders} accounts ({share}) would go from {move.before} to {move.after}; the limit is"
        f" {limits.transition_share:.0%} and {limits.transition_floor} accounts.",
        "Look at the plan; if it is right, run again with --force or apply the saved plan.",
    )


def _smaller(pulled: Pulled, limits: Brakes) -> Iterator[Problem]:
    for stream in pulled.streams:
        before = stream.before or 0
        gone = before - stream.rows
        if gone > limits.mirror_shrink * before and (gone > limits.transition_floor or not stream.rows):
            yield Problem(
                SHRANK,
                f"The mirror would hold {stream.rows} {stream.stream} where it held {before} ({gone / before:.0%} fewer); the"
                f" limit is {limits.mirror_shrink:.0%}.",
                "Check the filters and permissions of the CRM's user; if the records are really gone, run again with"
                " --full --force.",
            )


def _unknown(plan: Plan, held: float | None, limits: Brakes) -> Iterator[Problem]:
    if held is not None and plan.unknown_share - held > limits.unknown_jump:
        yield Problem(
            UNKNOWN,
            f"{plan.unknown} of {plan.judged} accounts ({plan.unknown_share:.0%}) have too little known for a profile; at the"
            f" last run it was {held:.0%}, and the limit is {limits.unknown_jump:.0%} more.",
            "Look for a field that is no longer mapped or readable; if it is right, run again with --force.",
        )


def _appeared(appeared: Sequence[Unmapped], limits: Brakes) -> Iterator[Problem]:
    """One for every field whose unknown values stand in too many records."""
    for (stream, column), group in groupby(sorted(appeared, key=lambda one: one.key), key=lambda one: one.key[:2]):
        values = list(group)
        records = sum(one.records for one in values)
        if not limits.new_values or records < limits.new_values:
            continue
        some = ", ".join(f"`{cut(one.value, 60)}`" for one in values[:_NAMED]) + (" …" if len(values) > _NAMED else "")
        yield Problem(
            APPEARED,
            f"{records} {stream} hold in {column} what the mapping does not know and no run has met before: {some}; the limit is"
            f" {limits.new_values}.",
            f"Name it in the mapping, under streams.{stream}, {column}, `map`; if it may stay unknown, run again with --force or apply"
            " the saved plan.",
        )


def _first(plan: Plan) -> Iterator[Problem]:
    if not plan.empty():
        yield Problem(
            FIRST,
            f"This is the first run: {plan.accounts.num_rows} accounts and {plan.changes.num_rows} fields would be written,"
            " and nobody has approved it yet.",
            "Look at the plan, then run again with --force or apply the saved plan; --limit and --owner start with a part.",
        )


def _undone(plan: Plan, run_id: str) -> Iterator[Problem]:
    if not plan.empty():
        yield Problem(
            UNDONE,
            f"Run {run_id} was undone, and this run would write {plan.accounts.num_rows} accounts and {plan.changes.num_rows}"
            " fields, the same again as long as rulebook and mapping are as they were.",
            "Mend what was wrong, look at the plan, then run again with --force or apply the saved plan.",
        )
