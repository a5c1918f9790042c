"""When silence says that a customer has lapsed (METHOD.md section 1 rules 2, 3 and 7), as SQL over a history's columns.

All days are day numbers. Between two events nothing about an account's history moves, so the first day on which a rule
holds has a closed form: each rule here gives that day, and "lapsed on day d" is "that day is not after d".
"""

import math
from dataclasses import dataclass

from crm_kare.config.rulebook import Lapse, Rulebook


@dataclass(frozen=True)
class History:
    """Names of the columns that tell an account's own events up to some day.

    Attributes:
        events: number of events.
        last: day of the last; the first is the column `first_n`.
        longest, shortest, median: own gaps in days; null below two events.
        shift: how many of the latest events are left out: `latest_<k + shift>` is the day of the k-th latest.
    """

    events: str = "events"
    last: str = "last_n"
    longest: str = "longest"
    shortest: str = "shortest"
    median: str = "median_gap"
    shift: int = 0


WHOLE = History()
BEFORE_LAST = History("(events - 1)", "latest_2", "longest_before", "shortest_before", "median_before", shift=1)
"""The history without its last event."""


def expected_gap(history: History) -> str:
    """Rule 2: (first to last + 2 × usual gap) ÷ (own gaps + 2), in days."""
    return f"(CAST({_span(history)} AS DOUBLE) / {_parts(history)})"


def own_rhythm(history: History, lapse: Lapse) -> str:
    """Rule 3b: whether the account has a rhythm of its own."""
    even = f"{history.longest} <= {lapse.rhythm_evenness} * {history.shortest}"
    return f"coalesce({history.events} >= 3 AND {history.median} >= {lapse.rhythm_gap_from} AND {even}, FALSE)"


def rhythm_broken_on(history: History, slack: float) -> str:
    """First day on which silence is longer than `slack` × the longest own gap."""
    return f"({history.last} + CAST(floor({history.longest} * {slack}) AS BIGINT) + 1)"


def patience_over_on(history: History, lapse: Lapse, share: float = 1.0) -> str:
    """Rule 3c: first day on which silence is longer than `share` of what the events in the window allow.

    With `share` 1 also the day on which both 12 months and 2 expected gaps are over.
    """
    following = [*(step.events_from for step in lapse.patience[1:]), None]
    days = [
        f"greatest({silent_for(history, step.gaps * share)}, {_fewer_than(history, events)})"
        for step, events in zip(lapse.patience, following, strict=True)
    ]
    if share == 1.0:
        over = silent_for(history, lapse.always_gaps)
        days.append(f"greatest({history.last} + {lapse.always_after + 1}, {over})")
    return f"least({', '.join(days)})"


def latest_asked(rulebook: Rulebook) -> list[int]:
    """Which latest events the patience steps ask for (k of "k-th latest"), for both histories."""
    asked = [step.events_from for step in rulebook.lapse.patience[1:]]
    return sorted({k + shift for k in asked for shift in (0, 1)} | {2})


def _span(history: History) -> str:
    return f"({history.last} - first_n + 2 * usual)"


def _parts(history: History) -> str:
    return f"({history.events} + 1)"


def silent_for(history: History, gaps: float) -> str:
    """First day whose silence is above that many expected gaps; in whole numbers, so that no rounding decides."""
    hundredths = round(gaps * 100)
    divisor = math.gcd(hundredths, 100)
    allowed = f"({_span(history)} * {hundredths // divisor}) // ({_parts(history)} * {100 // divisor})"
    return f"({history.last} + {allowed} + 1)"


def _fewer_than(history: History, events: int | None) -> str:
    """First day after the last event whose window holds fewer events than that."""
    after = f"{history.last} + 1"
    return after if events is None else f"coalesce(latest_{events + history.shift} + window_days, {after})"
