"""What is wrong or odd in the data and in the portfolio, as a list for the admin (METHOD.md section 1 rules 1, 3a, 10)."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from crm_kare.method.icp import Asked
from crm_kare.method.portfolio import Portfolio
from crm_kare.method.workbench import Workbench
from crm_kare.model import Problem, Profile

_MOST: Final = 0.5


def data_problems(bench: Workbench, on: tuple[Asked, ...], off: Mapping[str, str]) -> list[Problem]:
    """Won deals without a date, orphans, long terms without renewal date, customers without orders, ICP criteria off."""
    counts = bench.rows(_COUNTS)[0]
    problems = [
        Problem(code, f"{counts[code]} {what}.", fix, level="warning") for code, what, fix in _FINDINGS if counts[code]
    ]
    if off:
        problems.append(
            Problem(
                "icp-not-asked",
                f"{len(off)} ICP criteria are not asked yet: {', '.join(off)}.",
                "`crm-kare doctor` tells for each what is missing.",
                level="info",
            )
        )
    if not on:
        problems.append(
            Problem(
                "icp-off",
                "No ICP criterion is on: every account is Unrated.",
                "Map industry, country or employees, or set targets in the rulebook.",
                level="warning",
            )
        )
    elif len(on) == 1:
        problems.append(
            Problem(
                "icp-thin",
                f"Only one ICP criterion is on ({on[0].name}): every tier hangs on it alone.",
                "Map more fields or set more targets; or leave the criterion out, so that accounts are Unrated.",
                level="warning",
            )
        )
    return problems


_COUNTS: Final = """
    SELECT CAST(sum(undated) AS BIGINT) AS "won-without-date",
           count(*) FILTER (WHERE contract_months > 12 AND renewal_on IS NULL) AS "terms-without-renewal",
           count(*) FILTER (WHERE situation = 'no orders') AS "customer-without-orders",
           (SELECT count(*) FROM kare_opportunities WHERE account_id IS NULL) AS "deal-without-account"
    FROM kare_labels"""

_FINDINGS: Final = (
    ("won-without-date", "won deals have no close date: they make no event", "Fill their close dates in the CRM."),
    (
        "terms-without-renewal",
        "accounts have a contract above 12 months and no renewal date",
        "Fill the renewal date, or their silence is judged by orders.",
    ),
    (
        "customer-without-orders",
        "accounts are customers for the CRM but have no won business in it",
        "Map their orders, or correct the field that is_customer is mapped to.",
    ),
    (
        "deal-without-account",
        "opportunities belong to no account: they count for nobody",
        "Set their account in the CRM.",
    ),
)

_CAUSES: Final = {
    Profile.KEEP: "Check that won deals are pulled and the usual gap fits.",
    Profile.EXPAND: "Map wallet, product lines, parent or the expansion deal types: room must have evidence.",
    Profile.ATTAIN: "Check that prospects are pulled and ICP criteria are on.",
    Profile.RECAPTURE: "Check the usual gap, and how far back deals are pulled.",
}


def portfolio_problems(labels: pa.Table, portfolio: Portfolio) -> list[Problem]:
    """Rule 10: over half of the customers in Recapture, or a profile empty, with the likely cause and the one setting."""
    counts = Counter(labels["computed_profile"].to_pylist())
    customers = sum(counts[profile] for profile in (Profile.KEEP, Profile.EXPAND, Profile.RECAPTURE))
    problems = []
    if counts[Profile.RECAPTURE] > _MOST * customers:
        gap = "measured" if portfolio.measured_gap else "assumed"
        message = f"{counts[Profile.RECAPTURE]} of {customers} customers are in Recapture; the usual gap is {portfolio.usual_gap} days ({gap})."
        problems.append(
            Problem(
                "mostly-recapture",
                message,
                "If that is too short for your business, set usual_gap in the rulebook.",
                level="warning",
            )
        )
    empty = [profile for profile in Profile if not counts[profile]] if labels.num_rows else []
    return [
        *problems,
        *(Problem("profile-empty", f"No account is in {name}.", _CAUSES[name], level="info") for name in empty),
    ]
