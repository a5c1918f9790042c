"""Account class and the three mistakes (METHOD.md section 4)."""

from datetime import date
from typing import Final

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.portfolio import Portfolio
from crm_kare.method.room import HAS_ROOM, ROOM_KNOWN
from crm_kare.method.words import day_text, packed, plain, when, whole
from crm_kare.method.workbench import any_of

_EPOCH: Final = date(1970, 1, 1)


def classed(source: str, rulebook: Rulebook, portfolio: Portfolio, as_of: int) -> str:
    """`source` with class (the first that holds, a person's choice before it) and class_warnings (list of text)."""
    rules = rulebook.account_class
    in_market = f"coalesce({any_of('market', rulebook.strategic_markets)}, FALSE)"
    standing = "big_volume IS NOT NULL OR big_revenue IS NOT NULL OR easy_sell IS NOT NULL"
    notes = [when("candidate", note) for note in ("big_volume", "big_revenue", "easy_sell", "young_note")]
    return f"""
        WITH candidates AS (
            SELECT *, {_at_least(portfolio.key_revenue)} AS candidate, {_warnings(rulebook, portfolio, as_of)} FROM {source}
        ), weighed AS (SELECT *, candidate AND NOT ({standing}) AS important FROM candidates)
        SELECT * EXCLUDE (candidate, important, big_volume, big_revenue, easy_sell, young_note),
               coalesce(class_override, CASE
                   WHEN important AND ({in_market} OR is_target) AND {HAS_ROOM} THEN 'Strategic'
                   WHEN important THEN 'Key'
                   WHEN {_at_least(portfolio.national_revenue)} AND sites >= {rules.national_sites} THEN 'National'
                   WHEN employees < {rules.smb_below} THEN 'SMB' END) AS class,
               {packed(notes)} AS class_warnings
        FROM weighed"""


def _at_least(revenue: float | None) -> str:
    return "FALSE" if revenue is None else f"coalesce(revenue_365 >= {revenue} AND revenue_365 > 0, FALSE)"


_STEADY: Final = "coalesce(rule IN ('rhythm', 'renewal'), FALSE)"


def _warnings(rulebook: Rulebook, portfolio: Portfolio, as_of: int) -> str:
    rules = rulebook.account_class
    not_in_market = f"NOT {any_of('market', rulebook.strategic_markets)}"
    margin = f"'big volume: its margin of ' || {plain('margin')} || ' % is below {rules.margin_floor:g} %'"
    easy = "'easy sell: it orders predictably, but there is no room and no strategic market'"
    useless = f"{ROOM_KNOWN} AND NOT {HAS_ROOM} AND {not_in_market} AND NOT is_target AND badge IS NULL AND NOT lapsed"
    young = f"first_n > {as_of - round(rules.years * 365)}"
    years = f"'large, not proven: it has bought for less than {rules.years:g} years (since ' || {day_text('first_n')} || ')'"
    note = f"'note: our records are shorter than {rules.years:g} years'"
    short = _records_are_short(portfolio, rules.years, as_of)
    unproven = [_one_order(rules.largest_share), _irregular(rulebook)] + ([] if short else [when(young, years)])
    return f"""
        {when(f"margin < {rules.margin_floor}", margin)} AS big_volume,
        coalesce({", ".join(unproven)}) AS big_revenue,
        {when(useless, easy)} AS easy_sell,
        {when(young, note) if short else "CAST(NULL AS VARCHAR)"} AS young_note"""


def _records_are_short(portfolio: Portfolio, years: float, as_of: int) -> bool:
    first = portfolio.first_event_on
    return first is None or as_of - (first - _EPOCH).days < years * 365


def _one_order(most: float) -> str:
    """One order is too much of the revenue; for own rhythms and renewals over 36 months."""
    share = (
        f"(CAST(CASE WHEN {_STEADY} THEN largest_long ELSE largest_365 END AS DOUBLE) * 100 "
        f"/ nullif(CAST(CASE WHEN {_STEADY} THEN revenue_long ELSE revenue_365 END AS DOUBLE), 0))"
    )
    return when(
        f"{share} > {most}", f"'large, not proven: one order is ' || CAST({whole(share)} AS VARCHAR) || ' % of revenue'"
    )


def _irregular(rulebook: Rulebook) -> str:
    """Too few orders or quarters; a rhythm or renewal that is kept is regular enough."""
    rules = rulebook.account_class
    few = f"(quarters < {rules.quarters} OR events_window < {rules.orders})"
    kept = f"({_STEADY} AND badge IS NULL AND NOT lapsed)"
    told = "'large, not proven: ' || CAST(events_window AS VARCHAR) || ' orders in ' || CAST(quarters AS VARCHAR) || ' of 4 quarters'"
    return when(f"{few} AND NOT {kept}", told)
