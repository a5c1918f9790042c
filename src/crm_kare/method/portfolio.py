"""Figures measured over the whole mirror, and constants until they are measured again (section 1 rules 2 and 9)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from crm_kare.config.rulebook import Between, Criterion, OneOf, Rulebook, stored_as
from crm_kare.method.workbench import Workbench


@dataclass(frozen=True)
class Proposed:
    """A range or values that good customers have, until leaders set their own."""

    least: float | None = None
    most: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Portfolio:
    """What is measured. Money in the reporting currency, days as counts.

    Attributes:
        measured_on: the day.
        usual_gap: days between two purchases of a usual account.
        measured_gap: whether that was measured; False = the rulebook's answer.
        repeat_accounts: accounts that bought twice or more.
        customers: accounts that ever bought.
        median_best_year: the median customer's best 12 months.
        key_revenue, national_revenue: 365-day revenue at which the top shares of section 4 begin.
        peer_lines: median count of product lines of like accounts, by what they share; `""` = all customers.
        first_event_on: first event in the mirror.
        proposed: proposed ICP ranges by criterion.
    """

    measured_on: date
    usual_gap: int
    measured_gap: bool = False
    repeat_accounts: int = 0
    customers: int = 0
    median_best_year: float | None = None
    key_revenue: float | None = None
    national_revenue: float | None = None
    peer_lines: Mapping[str, float] = field(default_factory=dict)
    first_event_on: date | None = None
    proposed: Mapping[str, Proposed] = field(default_factory=dict)


def portfolio_to_json(portfolio: Portfolio) -> str:
    """Canonical JSON text."""
    return json.dumps(asdict(portfolio), sort_keys=True, default=str)


def portfolio_from_json(text: str) -> Portfolio:
    """The inverse of `portfolio_to_json`."""
    raw: dict[str, Any] = json.loads(text)
    first = raw["first_event_on"]
    proposed = {
        name: Proposed(one["least"], one["most"], tuple(one["values"])) for name, one in raw["proposed"].items()
    }
    days = {
        "measured_on": date.fromisoformat(raw["measured_on"]),
        "first_event_on": date.fromisoformat(first) if first else None,
    }
    return Portfolio(**{**raw, **days, "proposed": proposed})


def renewed(old: Portfolio, new: Portfolio, moved_by: float) -> Portfolio:
    """`new` where one of its figures moved by more than `moved_by`, else `old` with the new day (rule 9)."""
    pairs = [
        (old.usual_gap, new.usual_gap),
        (old.median_best_year, new.median_best_year),
        (old.key_revenue, new.key_revenue),
        (old.national_revenue, new.national_revenue),
        *((old.peer_lines.get(peer), lines) for peer, lines in new.peer_lines.items()),
        *((_ends(old.proposed.get(name))[i], _ends(one)[i]) for name, one in new.proposed.items() for i in (0, 1)),
    ]
    values = any(_values(old, name) != set(one.values) for name, one in new.proposed.items())
    moved = values or any(_moved(was, now, moved_by) for was, now in pairs)
    return new if moved else replace(old, measured_on=new.measured_on)


def is_due(portfolio: Portfolio | None, as_of: date, measuring_day: int) -> bool:
    """Whether the figures are to be measured: at the first run, and from the set day of each month on."""
    if portfolio is None:
        return True
    months = (as_of.year - portfolio.measured_on.year) * 12 + as_of.month - portfolio.measured_on.month
    already = portfolio.measured_on.day >= measuring_day
    due = as_of.day >= measuring_day
    return months > 1 or (months == 1 and (due or not already)) or (months == 0 and due and not already)


def usual_gap(bench: Workbench, rulebook: Rulebook) -> tuple[int, bool, int]:
    """Rule 2's usual gap in days, whether it was measured, and how many accounts bought twice; from `kare_days`."""
    row = bench.rows(_MEAN_GAPS)[0]
    settings = rulebook.usual_gap
    if settings.days is not None:
        return settings.days, False, row["accounts"]
    if row["accounts"] < settings.measured_from:
        return settings.assumed, False, row["accounts"]
    return max(5, int(row["gap"] / 5 + 0.5) * 5), True, row["accounts"]


_MEAN_GAPS = """
    SELECT count(*) AS accounts, median(gap) AS gap FROM (
        SELECT CAST(max(n) - min(n) AS DOUBLE) / (count(*) - 1) AS gap
        FROM kare_days WHERE event GROUP BY key HAVING count(*) >= 2
    ) AS gaps"""


def figures(bench: Workbench, rulebook: Rulebook) -> dict[str, Any]:
    """The money and product-line figures, from `kare_facts` as of the day."""
    row = bench.rows(_CUSTOMERS)[0]
    rules = rulebook.account_class
    return {
        "customers": row["customers"],
        "median_best_year": row["best"],
        "key_revenue": _top_revenue(bench, rules.key_top),
        "national_revenue": _top_revenue(bench, rules.national_top),
        "peer_lines": _peer_lines(bench, rulebook),
        "first_event_on": row["first_event_on"],
    }


_CUSTOMERS = """
    SELECT count(*) AS customers, median(CAST(best_year AS DOUBLE)) AS best, min(first_event_on) AS first_event_on
    FROM kare_facts WHERE has_bought"""


def _top_revenue(bench: Workbench, percent: float) -> float | None:
    """365-day revenue of the last account that still belongs to the top `percent`; at least one account does."""
    rows = bench.rows(f"""
        SELECT CAST(min(revenue_365) AS DOUBLE) AS revenue FROM (
            SELECT revenue_365, row_number() OVER (ORDER BY revenue_365 DESC) AS place, count(*) OVER () AS accounts
            FROM kare_facts WHERE revenue_365 > 0
        ) AS paying WHERE place <= greatest(1, ceil(accounts * {percent} / 100))""")
    revenue: float | None = rows[0]["revenue"]
    return revenue


def _peer_lines(bench: Workbench, rulebook: Rulebook) -> dict[str, float]:
    """Median count of product lines among customers of the window, by peers where they are enough; `""` = all."""
    rules, shared = rulebook.expand, stored_as(rulebook.expand.peers_by)
    active = "FROM kare_facts WHERE events_window > 0 AND product_lines > 0"
    peers = bench.rows(f"""
        SELECT CAST({shared} AS VARCHAR) AS peer, median(CAST(product_lines AS DOUBLE)) AS lines {active}
        AND {shared} IS NOT NULL GROUP BY 1 HAVING count(*) >= {rules.peers_from} ORDER BY 1""")
    overall = bench.rows(f"SELECT median(CAST(product_lines AS DOUBLE)) AS lines {active}")[0]["lines"]
    by_peer = {row["peer"]: row["lines"] for row in peers}
    return by_peer if overall is None else {**by_peer, "": overall}


def proposals(bench: Workbench, rulebook: Rulebook, mapped: frozenset[str]) -> dict[str, Proposed]:
    """Section 2: ranges of good customers, for the criteria that ask for them and whose column is mapped."""
    icp = rulebook.icp
    good = f"(events >= {icp.good_customer_events} OR coalesce(rule = 'rhythm', FALSE))"
    if bench.rows(f"SELECT count(*) AS n FROM kare_facts WHERE {good}")[0]["n"] < icp.good_customers_from:
        good = "has_bought"
    found = {name: _propose(bench, one, good, icp.range_share, mapped) for name, one in icp.criteria.items()}
    return {name: one for name, one in found.items() if one is not None}


def wants_proposal(criterion: Criterion) -> bool:
    """Whether leaders left the criterion's range to be proposed."""
    if criterion.between is not None:
        return criterion.between.least is None and criterion.between.most is None
    return criterion.one_of is not None and criterion.one_of.propose and not criterion.one_of.values


def _propose(
    bench: Workbench, criterion: Criterion, good: str, share: float, mapped: frozenset[str]
) -> Proposed | None:
    part = criterion.between or criterion.one_of
    if part is None or not wants_proposal(criterion) or not {part.column, stored_as(part.column)} & mapped:
        return None
    known = f"FROM kare_facts WHERE {good} AND {stored_as(part.column)} IS NOT NULL"
    return _range(bench, part, known, share) if isinstance(part, Between) else _values_of(bench, part, known, share)


def _range(bench: Workbench, part: Between, known: str, share: float) -> Proposed | None:
    """What lies between the tails; whole numbers, so that a person can remember them."""
    number, tail = f"CAST({stored_as(part.column)} AS DOUBLE)", (1 - share) / 2
    row = bench.rows(
        f"SELECT quantile_cont({number}, {tail}) AS least, quantile_cont({number}, {1 - tail}) AS most {known}"
    )[0]
    return None if row["least"] is None else Proposed(least=float(int(row["least"])), most=float(int(row["most"]) + 1))


def _values_of(bench: Workbench, part: OneOf, known: str, share: float) -> Proposed | None:
    """The most frequent values that together cover the share."""
    counts = bench.rows(
        f"SELECT {stored_as(part.column)} AS value, count(*) AS n {known} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    total, covered, values = sum(row["n"] for row in counts), 0, []
    for row in counts:
        if covered >= share * total:
            break
        values.append(row["value"])
        covered += row["n"]
    return Proposed(values=tuple(sorted(values))) if values else None


def _ends(proposed: Proposed | None) -> tuple[float | None, float | None]:
    return (proposed.least, proposed.most) if proposed else (None, None)


def _values(portfolio: Portfolio, name: str) -> set[str]:
    one = portfolio.proposed.get(name)
    return set(one.values) if one else set()


def _moved(was: float | None, now: float | None, by: float) -> bool:
    if was is None or now is None:
        return was is not now
    return abs(now - was) > by * abs(was)
