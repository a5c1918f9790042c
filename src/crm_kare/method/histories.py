"""What an account's events and revenue say as of a day (METHOD.md section 1, *Days* and rules 1 to 3, 7)."""

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.lapse import (
    BEFORE_LAST,
    WHOLE,
    expected_gap,
    latest_asked,
    own_rhythm,
    patience_over_on,
    rhythm_broken_on,
)
from crm_kare.method.words import day_number


def ends(day: int) -> str:
    """Number and last day of the events up to `day`, for accounts with an event by then."""
    return f"SELECT key, count(*) AS events, max(n) AS last_n FROM kare_events WHERE n <= {day} GROUP BY key"


def histories(day: int, ends_then: str, rulebook: Rulebook) -> str:
    """Event facts as of `day`, for accounts with an event by then; from `kare_events`, `kare_judged` and a step of `ends`."""
    latest = ", ".join(f"max(n) FILTER (WHERE k = {k}) AS latest_{k}" for k in latest_asked(rulebook))
    quarters = " + ".join(f"CAST(coalesce(bool_or(inside AND quarter = {q}), FALSE) AS INTEGER)" for q in range(4))
    return f"""
        SELECT key, any_value(total) AS events, count(*) FILTER (WHERE inside) AS events_window,
               min(n) AS first_n, max(n) AS last_n, max(gap) AS longest, min(gap) AS shortest, median(gap) AS median_gap,
               max(gap) FILTER (WHERE k >= 2) AS longest_before, min(gap) FILTER (WHERE k >= 2) AS shortest_before,
               median(gap) FILTER (WHERE k >= 2) AS median_before,
               max(largest) FILTER (WHERE inside) AS largest_order, {quarters} AS quarters, {latest}
        FROM (
            SELECT e.key, e.n, e.largest, e.gap, t.events AS total, t.events - e.place + 1 AS k,
                   e.n > {day} - j.window_days AS inside, (({day} - e.n) * 4) // j.window_days AS quarter
            FROM kare_events AS e JOIN kare_judged AS j ON e.key = j.key JOIN {ends_then} AS t ON e.key = t.key
            WHERE e.n <= {day}
        ) AS events GROUP BY key"""


def judged_histories(day: int, ends_then: str, rulebook: Rulebook) -> str:
    """`histories` with usual, window_days, expected_gap, silent_days, overdue, effective_orders, rule, lapsed_on, lapsed,
    at_risk_on, won_back, badge (as if the account were a customer).
    """
    lapse, badges = rulebook.lapse, rulebook.badges
    renews = "coalesce(NOT last_n > renewal_n, FALSE)"
    rhythm = own_rhythm(WHOLE, lapse)
    used = patience_over_on(WHOLE, lapse, badges.patience_used)
    before = (
        f"CASE WHEN {own_rhythm(BEFORE_LAST, lapse)} THEN {rhythm_broken_on(BEFORE_LAST, lapse.rhythm_slack)} "
        f"ELSE {patience_over_on(BEFORE_LAST, lapse)} END"
    )
    return f"""
        WITH known AS (
            SELECT h.*, j.usual, j.window_days, {day_number("j.renewal_on")} AS renewal_n
            FROM ({histories(day, ends_then, rulebook)}) AS h JOIN kare_judged AS j ON h.key = j.key
        ), ruled AS (
            SELECT *, {expected_gap(WHOLE)} AS expected_gap, {day} - last_n AS silent_days,
                   CASE WHEN {renews} THEN 'renewal' WHEN {rhythm} THEN 'rhythm' ELSE 'patience' END AS rule
            FROM known
        ), dated AS (
            SELECT *, silent_days / expected_gap AS overdue,
                   CASE rule WHEN 'renewal' THEN greatest(last_n + 1, renewal_n + {lapse.renewal_grace + 1})
                             WHEN 'rhythm' THEN {rhythm_broken_on(WHOLE, lapse.rhythm_slack)}
                             ELSE {patience_over_on(WHOLE, lapse)} END AS lapsed_on,
                   CASE rule WHEN 'renewal' THEN greatest(last_n + 1, renewal_n + 1)
                             WHEN 'rhythm' THEN {rhythm_broken_on(WHOLE, 1)}
                             ELSE {used} END AS at_risk_on,
                   coalesce(events >= 2 AND rule <> 'renewal' AND {before} < last_n, FALSE) AS won_back
            FROM ruled
        ), weighed AS (
            SELECT *, lapsed_on <= {day} AS lapsed, events_window * power(0.5, overdue / 2) AS effective_orders FROM dated
        )
        SELECT *,
               CASE WHEN (events = 1 OR won_back) AND silent_days <= {badges.new_gaps} * expected_gap THEN 'New'
                    WHEN at_risk_on <= {day} THEN 'At risk'
                    WHEN rule = 'patience' AND effective_orders < {badges.effective_below}
                         AND events_window >= {badges.effective_from} THEN 'At risk' END AS badge
        FROM weighed"""


def revenues(day: int, ends_then: str, rulebook: Rulebook) -> str:
    """Revenue facts as of `day`; credits count, unknown amounts do not."""
    long = rulebook.account_class.long_share_days

    def within(first: str, upto: str) -> str:
        return f"CAST(sum(revenue) FILTER (WHERE n > {first} AND n <= {upto}) AS DECIMAL(38, 4))"

    return f"""
        SELECT key,
               {within(f"{day} - window_days", str(day))} AS revenue_window,
               {within(f"{day - 365}", str(day))} AS revenue_365,
               {within(f"{day - 730}", f"{day - 365}")} AS revenue_prior_365,
               {within(f"{day - long}", str(day))} AS revenue_long,
               {within("last_n - 365", "last_n")} AS revenue_at_last,
               {within("last_n - 730", "last_n - 365")} AS revenue_prior_at_last,
               CAST(sum(revenue) AS DECIMAL(38, 4)) AS revenue_ever,
               max(revenue) FILTER (WHERE n > {day - 365}) AS largest_365,
               max(revenue) FILTER (WHERE n > {day - long}) AS largest_long,
               max(largest) FILTER (WHERE n > {day - 365}) AS largest_won_365
        FROM (
            SELECT d.key, d.n, d.revenue, d.largest, j.window_days, t.last_n
            FROM kare_days AS d JOIN kare_judged AS j ON d.key = j.key LEFT JOIN {ends_then} AS t ON d.key = t.key
            WHERE d.n <= {day}
        ) AS past GROUP BY key"""


BEST_YEARS = """
    SELECT key, CAST(max(in_a_row) AS DECIMAL(38, 4)) AS best_year FROM (
        SELECT key, sum(revenue) OVER (
            PARTITION BY key ORDER BY n RANGE BETWEEN 364 PRECEDING AND CURRENT ROW) AS in_a_row
        FROM kare_days
    ) AS years GROUP BY key"""
"""key, best_year: the highest revenue of any 365 days in a row."""
