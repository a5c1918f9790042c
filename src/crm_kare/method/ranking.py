"""Place of each account among its owner's of one profile (METHOD.md sections 2 and 5)."""

from typing import Final

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.plan_test import GROWTH_OFFERED

KEYS: Final = "ranked_last, ranked_once, ranked_by, ranked_stake"
"""The columns that `places` goes by."""


def keys() -> str:
    """The expressions of `KEYS`: what METHOD.md ranks last; bought once; the figure of the profile; money at stake.

    Attain and Expand go by ICP score, then money at stake; Keep by 365-day revenue; Recapture by its best 12 months.
    """
    weak = "(profile = 'Attain' AND icp_tier IN ('Low', 'Unrated') AND NOT is_target)"
    return f"""
        ({weak} OR coalesce(lapsed_to = 'Recapture last' AND situation = 'lapsed', FALSE)) AS ranked_last,
        profile = 'Recapture' AND events = 1 AS ranked_once,
        CASE WHEN profile IN ('Attain', 'Expand') THEN coalesce(CAST(icp_score AS DOUBLE), -1)
             WHEN profile = 'Keep' THEN coalesce(CAST(revenue_365 AS DOUBLE), 0)
             ELSE coalesce(CAST(best_year AS DOUBLE), 0) END AS ranked_by,
        coalesce({GROWTH_OFFERED}, 0) AS ranked_stake"""


def places(source: str, rulebook: Rulebook) -> str:
    """account_id, place: the first n of each owner's profile; the account id breaks ties.

    A query of its own over few columns: sorting whole rows with their reasons would take most of the time.
    """
    return f"""
        SELECT account_id, row_number() OVER (
                   PARTITION BY owner_id, profile
                   ORDER BY ranked_last, ranked_once, ranked_by DESC, ranked_stake DESC, account_id) AS place
        FROM {source} WHERE profile IS NOT NULL QUALIFY place <= {rulebook.rank.first}"""


def placed(source: str, rulebook: Rulebook, *, but: str = "") -> str:
    """The rows of `source` by account id, with their place as `rank`, less `KEYS` and the columns of `but`."""
    gone = f"{but}, {KEYS}" if but else KEYS
    return f"""
            SELECT l.* EXCLUDE ({gone}) REPLACE (r.place AS rank)
            FROM {source} AS l LEFT JOIN ({places(source, rulebook)}) AS r ON l.account_id = r.account_id
            ORDER BY l.account_id"""
