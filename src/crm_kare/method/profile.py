"""Which profile an account gets, its badge, and how long a label is held (METHOD.md section 1 rules 3 to 8)."""

from typing import Final

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.facts import BEFORE
from crm_kare.method.icp import Asked
from crm_kare.method.portfolio import Portfolio
from crm_kare.method.workbench import Workbench, any_of

WIN_QUESTIONS: Final = {
    "potential": "potential",
    "strategic": "strategic value or market",
    "icp": "ICP High or Moderate",
    "contact": "favourable decision-maker",
    "using": "still using",
    "revenue": "best 12 months above the median customer's",
    "deal": "open deal",
}
"""What is asked of a lapsed account (rule 4)."""


def lay_out_profile(
    bench: Workbench, rulebook: Rulebook, portfolio: Portfolio, mapped: frozenset[str], on: tuple[Asked, ...]
) -> str:
    """Make the step `kare_profiled`: `kare_roomy` with.

    win_<question> (yes, no, unknown, null = not asked), situation (which rule is the account's), lapsed_to and prospect_to
    (what rules 4 and 6 say), raw (the profile as of the day), computed_profile (after rule 8), badge, held_back, retired.
    """
    answers = _win_answers(rulebook, portfolio, mapped, criteria=bool(on))
    asked = ", ".join(f"{_word(test)} AS win_{name}" for name, test in answers.items())
    bench.view(
        "kare_asked", f"SELECT *, {asked}, {_SITUATION} AS situation, {_PROSPECT} AS prospect_to FROM kare_roomy"
    )
    return bench.view("kare_profiled", _PROFILED.format(
        lapsed_to=_lapsed_to(rulebook), raw=_raw(""), before_raw=_raw(BEFORE),
    ))  # fmt: skip


def _win_answers(
    rulebook: Rulebook, portfolio: Portfolio, mapped: frozenset[str], *, criteria: bool
) -> dict[str, str | None]:
    """Each question as a three-valued test; None = its field isn't mapped, so it isn't asked."""
    markets = rulebook.strategic_markets
    strategic = ["strategic_value"] if "strategic_value" in mapped else []
    strategic += [any_of("market", markets)] if "market" in mapped and markets else []
    median = portfolio.median_best_year
    tests: dict[str, tuple[bool, str]] = {
        "potential": ("potential" in mapped, f"potential > {rulebook.recapture.potential_above}"),
        "strategic": (bool(strategic), " OR ".join(strategic)),
        "icp": (criteria, "CASE WHEN icp_tier <> 'Unrated' THEN icp_tier IN ('High', 'Moderate') END"),
        "contact": (bool({"favourable_contact", "contacts.favourable"} & mapped), "favourable_contact"),
        "using": ("still_using" in mapped, "still_using"),
        "revenue": (median is not None, f"best_year > {median}"),
        "deal": (True, "open_opportunities > 0"),
    }
    return {name: test if asked else None for name, (asked, test) in tests.items()}


def _word(test: str | None) -> str:
    if test is None:
        return "CAST(NULL AS VARCHAR)"
    return f"CASE ({test}) WHEN TRUE THEN 'yes' WHEN FALSE THEN 'no' ELSE 'unknown' END"


_SITUATION: Final = """
    CASE WHEN ahead IS NOT NULL AND (NOT has_bought OR lapsed) THEN 'ahead'
         WHEN lapsed THEN 'lapsed'
         WHEN events > 0 THEN 'customer'
         WHEN undated > 0 THEN 'undated'
         WHEN credits > 0 THEN 'credits'
         WHEN is_customer THEN 'no orders'
         ELSE 'prospect' END"""

_PROSPECT: Final = """
    CASE WHEN is_target OR icp_tier IN ('High', 'Moderate') OR open_opportunities > 0 THEN 'Attain'
         WHEN icp_tier = 'Low' THEN 'Retire' ELSE 'none' END"""
"""Rule 6."""


def _lapsed_to(rulebook: Rulebook) -> str:
    """Rule 4: Recapture, Recapture last (an answer is unknown), none (unknown, too long ago), Retire."""
    answers = ", ".join(f"win_{name}" for name in WIN_QUESTIONS)
    recent = f"silent_days <= {rulebook.recapture.unknown_within}"
    return f"""
        CASE WHEN coalesce('yes' IN ({answers}), FALSE) THEN 'Recapture'
             WHEN NOT coalesce('unknown' IN ({answers}), FALSE) THEN 'Retire'
             WHEN {recent} THEN 'Recapture last' ELSE 'none' END"""


def _raw(when: str) -> str:
    """Keep, Expand, or what lapsing leads to, as of one day, without rule 8; null where nothing was bought."""
    return f"""
        CASE WHEN {when}lapsed THEN CASE WHEN lapsed_to LIKE 'Recapture%' THEN 'Recapture' END
             WHEN NOT {when}has_bought THEN NULL
             WHEN {when}sound AND ({when}firm OR {when}expansion) THEN 'Expand' ELSE 'Keep' END"""


_HELD_CUSTOMER: Final = "coalesce(held IN ('Keep', 'Expand'), FALSE)"

_LAPSE: Final = f"""
    CASE WHEN before_lapsed THEN raw WHEN {_HELD_CUSTOMER} THEN held WHEN has_held THEN raw
         WHEN NOT before_has_bought THEN 'Keep' ELSE before_raw END"""
"""Rule 8, out of Keep or Expand by lapse: both evaluations agree, or the label waits."""

_INTO_EXPAND: Final = f"""
    CASE WHEN expansion OR coalesce(before_raw = 'Expand', FALSE) THEN 'Expand' WHEN {_HELD_CUSTOMER} THEN held ELSE 'Keep' END"""
"""Rule 8: an open expansion deal lets in at once, anything else when both evaluations agree."""

_OUT_OF_EXPAND: Final = f"""
    CASE WHEN coalesce(before_raw, '') <> 'Expand' THEN 'Keep'
         WHEN NOT before_firm AND before_expansion AND NOT expansion THEN 'Keep'
         WHEN {_HELD_CUSTOMER} THEN held WHEN has_held THEN 'Keep' ELSE before_raw END"""
"""Rule 8: the end of an expansion deal lets out at once, anything else when both evaluations agree."""

_PROFILED: Final = f"""
    WITH lapsing AS (SELECT *, {{lapsed_to}} AS lapsed_to FROM kare_asked),
    evaluated AS (SELECT *, {{raw}} AS raw, {{before_raw}} AS before_raw FROM lapsing),
    shown AS (
        SELECT *, CASE situation
            WHEN 'lapsed' THEN {_LAPSE}
            WHEN 'customer' THEN CASE WHEN raw = 'Expand' THEN {_INTO_EXPAND} ELSE {_OUT_OF_EXPAND} END
            WHEN 'ahead' THEN 'Keep' WHEN 'undated' THEN 'Keep'
            WHEN 'prospect' THEN CASE WHEN prospect_to = 'Attain' THEN 'Attain' END END AS computed_profile
        FROM evaluated
    )
    SELECT * EXCLUDE (badge),
           CASE WHEN situation = 'ahead' AND computed_profile = 'Keep' THEN 'New'
                WHEN situation = 'lapsed' AND computed_profile = 'Keep' AND NOT before_has_bought AND NOT has_held THEN 'New'
                WHEN computed_profile IN ('Keep', 'Expand') THEN badge END AS badge,
           situation IN ('customer', 'lapsed') AND coalesce(raw, '') <> coalesce(computed_profile, '') AS held_back,
           computed_profile IS NULL
               AND ((situation = 'lapsed' AND lapsed_to = 'Retire') OR (situation = 'prospect' AND prospect_to = 'Retire')) AS retired
    FROM shown"""
