"""Place of each account among its owner's of one profile (METHOD.md sections 2 and 5)."""

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.plan_test import GROWTH_OFFERED


def ranked(source: str, rulebook: Rulebook) -> str:
    """`source` with rank (first n of the owner's profile, else null).

    Attain and Expand by ICP score, then money at stake; Keep by 365-day revenue; Recapture by its best 12 months. What
    METHOD.md ranks last comes last; the account id breaks ties.
    """
    weak = "(profile = 'Attain' AND icp_tier IN ('Low', 'Unrated') AND NOT is_target)"
    last = f"({weak} OR coalesce(lapsed_to = 'Recapture last' AND situation = 'lapsed', FALSE))"
    score = """
        CASE WHEN profile IN ('Attain', 'Expand') THEN coalesce(CAST(icp_score AS DOUBLE), -1)
             WHEN profile = 'Keep' THEN coalesce(CAST(revenue_365 AS DOUBLE), 0)
             ELSE coalesce(CAST(best_year AS DOUBLE), 0) END"""
    return f"""
        WITH placed AS (
            SELECT *, row_number() OVER (
                PARTITION BY owner_id, profile
                ORDER BY {last}, profile = 'Recapture' AND events = 1, {score} DESC, coalesce({GROWTH_OFFERED}, 0) DESC, account_id
            ) AS place FROM {source})
        SELECT * EXCLUDE (place), CASE WHEN profile IS NOT NULL AND place <= {rulebook.rank.first} THEN place END AS rank
        FROM placed"""
