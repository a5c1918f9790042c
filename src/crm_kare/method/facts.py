"""One row per account with all facts, as of the day judged and as of the day it is compared with (section 1 rule 8)."""

from typing import Final

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.events import open_on
from crm_kare.method.histories import BEST_YEARS, ends, judged_histories, revenues
from crm_kare.method.related import lay_out_groups
from crm_kare.method.streams import Streams
from crm_kare.method.words import day_of
from crm_kare.method.workbench import Workbench, cases, quoted

BEFORE: Final = "before_"
"""Prefix of the facts as of the earlier day."""


def lay_out_facts(bench: Workbench, streams: Streams, usual_gap: int, as_of: int, rulebook: Rulebook) -> str:
    """Make the step `kare_facts`: account columns, facts as of `as_of`, and `before_…` as of `confirm_days` earlier."""
    lay_out_groups(bench)
    bench.step("kare_judged", _judged(usual_gap, rulebook))
    lay_out_dated(bench, "kare_now", as_of, as_of, rulebook)
    lay_out_dated(bench, "kare_before", as_of - rulebook.confirm_days, as_of, rulebook)
    contacts = _contacts(bench, streams)
    return bench.step("kare_facts", _FACTS.format(contacts=contacts, before=_before_columns()))


def lay_out_dated(bench: Workbench, name: str, day: int, as_of: int, rulebook: Rulebook) -> str:
    """Make a view of every fact that a day decides, as of `day`: one row per account."""
    bench.step(f"{name}_ends", ends(day))
    bench.view(f"{name}_history", judged_histories(day, f"{name}_ends", rulebook))
    bench.step(f"{name}_revenue", revenues(day, f"{name}_ends", rulebook))
    return bench.view(name, _DATED.format(
        history=f"{name}_history", revenue=f"{name}_revenue", lines=_line_counts(day),
        deals=_deal_facts(f"{name}_revenue", day, as_of, rulebook),
    ))  # fmt: skip


def _judged(usual_gap: int, rulebook: Rulebook) -> str:
    """The accounts with their usual gap and window: 365 days, longer for long cycles."""
    settings, window = rulebook.usual_gap, rulebook.window
    pairs = [(f"{settings.by} = {quoted(value)}", str(days)) for value, days in sorted(settings.days_by.items())]
    usual = cases(*pairs, otherwise=str(usual_gap)) if settings.by else str(usual_gap)
    return f"""
        SELECT *, CAST(CASE WHEN usual > {window.long_cycle_above}
                            THEN least(usual * {window.long_cycle_gaps}, {window.longest})
                            ELSE {window.days} END AS BIGINT) AS window_days
        FROM (
            SELECT a.account_id, k.key, a.renewal_on, a.wallet, CAST({usual} AS BIGINT) AS usual,
                   coalesce(o.undated, 0) AS undated, coalesce(o.credits, 0) AS credits, coalesce(o.zeros, 0) AS zeros, o.ahead
            FROM kare_accounts AS a JOIN kare_keys AS k ON a.account_id = k.account_id
            LEFT JOIN kare_oddities AS o ON k.key = o.key
        ) AS known"""


_DATED: Final = """
    SELECT j.key, h.* EXCLUDE (key, usual, window_days, events, events_window, quarters, lapsed),
           r.* EXCLUDE (key), d.* EXCLUDE (key, open_opportunities, expansion), l.product_lines,
           coalesce(h.events, 0) AS events, coalesce(h.events_window, 0) AS events_window, coalesce(h.quarters, 0) AS quarters,
           coalesce(h.lapsed, FALSE) AS lapsed, coalesce(h.events, 0) > 0 OR j.undated > 0 AS has_bought,
           coalesce(d.open_opportunities, 0) AS open_opportunities, coalesce(d.expansion, FALSE) AS expansion,
           coalesce(CAST(r.revenue_window AS DOUBLE), 0) * 365 / j.window_days AS yearly_revenue,
           CASE WHEN j.wallet > 0 THEN coalesce(CAST(r.revenue_window AS DOUBLE), 0) * 36500 / j.window_days / CAST(j.wallet AS DOUBLE)
                END AS wallet_share
    FROM kare_judged AS j
    LEFT JOIN {history} AS h ON j.key = h.key
    LEFT JOIN {revenue} AS r ON j.key = r.key
    LEFT JOIN ({lines}) AS l ON j.key = l.key
    LEFT JOIN ({deals}) AS d ON j.key = d.key"""


def _line_counts(day: int) -> str:
    """Distinct product lines of the window; null for an account whose lines are not known at all."""
    return f"""
        SELECT l.key, count(DISTINCT CASE WHEN l.n > {day} - j.window_days THEN l.line END) AS product_lines
        FROM kare_lines AS l JOIN kare_judged AS j ON l.key = j.key
        WHERE l.n <= {day} GROUP BY l.key"""


def _deal_facts(revenue: str, day: int, as_of: int, rulebook: Rulebook) -> str:
    """Open deals by account; an expansion deal is one of the mapped types, or, type unknown, larger than the year's largest."""
    return f"""
        SELECT key, CAST(sum(amount) AS DECIMAL(38, 4)) AS open_pipeline, count(*) AS open_opportunities,
               max(amount) AS largest_open, min(name) AS open_name, bool_or(is_expansion) AS expansion,
               min(name) FILTER (WHERE is_expansion) AS expansion_name
        FROM (
            SELECT d.*, coalesce(d.kind = 'expansion', FALSE)
                        OR (d.kind IS NULL AND coalesce(d.amount > r.largest_won_365, FALSE)) AS is_expansion
            FROM kare_deals AS d LEFT JOIN {revenue} AS r ON d.key = r.key
            WHERE {open_on(day, as_of, rulebook.expand.deal_overdue)}
        ) AS running GROUP BY key"""


_COMPARED: Final = (
    "events", "events_window", "quarters", "has_bought", "lapsed", "badge", "rule", "product_lines", "wallet_share", "expansion",
)  # fmt: skip
"""Facts of the earlier day that rule 8 compares."""


def _before_columns() -> str:
    return ", ".join(f"b.{name} AS {BEFORE}{name}" for name in _COMPARED)


def _contacts(bench: Workbench, streams: Streams) -> str:
    """A favourable decision-maker among the contacts, where they are mapped."""
    if streams.contacts is None:
        return "SELECT account_id, CAST(NULL AS BOOLEAN) AS in_favour FROM kare_accounts LIMIT 0"
    bench.keep("kare_contacts", streams.contacts)
    return """
        SELECT account_id, bool_or(favourable) AS in_favour FROM kare_contacts
        WHERE coalesce(decision_maker, TRUE) GROUP BY account_id"""


_FACTS: Final = f"""
    SELECT a.* EXCLUDE (favourable_contact), coalesce(a.favourable_contact, c.in_favour) AS favourable_contact,
           g.root, g.group_accounts, j.usual, j.window_days, j.undated, j.credits, j.zeros, j.ahead, y.best_year,
           n.* EXCLUDE (key), {{before}},
           {day_of("n.first_n")} AS first_event_on, {day_of("n.last_n")} AS last_event_on,
           round(n.expected_gap, 1) AS expected_gap_days, coalesce(a.target, FALSE) AS is_target,
           CASE WHEN n.revenue_prior_365 > 0 THEN
               (CAST(coalesce(n.revenue_365, 0) AS DOUBLE) - CAST(n.revenue_prior_365 AS DOUBLE)) * 100
               / CAST(n.revenue_prior_365 AS DOUBLE) END AS growth_percent
    FROM kare_accounts AS a
    JOIN kare_judged AS j ON a.account_id = j.account_id
    JOIN kare_groups AS g ON a.account_id = g.account_id
    JOIN kare_now AS n ON j.key = n.key
    JOIN kare_before AS b ON j.key = b.key
    LEFT JOIN ({BEST_YEARS}) AS y ON j.key = y.key
    LEFT JOIN ({{contacts}}) AS c ON a.account_id = c.account_id"""
