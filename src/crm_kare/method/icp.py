"""The ideal customer profile: criteria, score, completeness, tier (METHOD.md section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from crm_kare.config.rulebook import Criterion, Rulebook, conditions, stored_as
from crm_kare.method.conditions import evaluate
from crm_kare.method.portfolio import Portfolio, Proposed, wants_proposal
from crm_kare.method.words import whole
from crm_kare.method.workbench import Workbench, any_of
from crm_kare.model import FACTS, Kind

_NEEDS = {
    "wallet_share": frozenset({"wallet"}),
    "product_lines": frozenset({"opportunities.product_line", "line_items.product_line", "purchases.product_line"}),
    "is_target": frozenset({"target"}),
}
"""Facts that are only known where one of these is mapped."""


@dataclass(frozen=True)
class Asked:
    """A criterion as it is asked: its test in words, whether its range is proposed, the columns it needs."""

    name: str
    criterion: Criterion
    words: str
    proposal: Proposed | None
    columns: frozenset[str]


def criteria_on(
    rulebook: Rulebook, portfolio: Portfolio, mapped: frozenset[str], columns: Mapping[str, Kind]
) -> tuple[tuple[Asked, ...], dict[str, str]]:
    """The criteria that are on, and for each that is off, why."""
    on, off = [], {}
    for name, criterion in rulebook.icp.criteria.items():
        asked = _asked(name, criterion, portfolio, columns)
        missing = sorted(column for column in asked.columns if not _is_mapped(column, mapped))
        if missing:
            off[name] = f"`{missing[0]}` is not mapped"
        elif not asked.words:
            off[name] = "nobody has set its target yet"
        else:
            on.append(asked)
    return tuple(on), off


def never_asked(rulebook: Rulebook, mapped: frozenset[str], columns: Mapping[str, Kind]) -> dict[str, str]:
    """The criteria that no data can turn on: their field isn't mapped, or they need a target that nobody set; each with why."""
    anything = Proposed(least=0, most=0, values=("anything",))
    open_minded = Portfolio(date.min, 0, proposed=dict.fromkeys(rulebook.icp.criteria, anything))
    return criteria_on(rulebook, open_minded, mapped, columns)[1]


def _asked(name: str, criterion: Criterion, portfolio: Portfolio, columns: Mapping[str, Kind]) -> Asked:
    proposal = portfolio.proposed.get(name) if wants_proposal(criterion) else None
    if criterion.between is not None:
        words = _range_words(proposal or Proposed(criterion.between.least, criterion.between.most))
        return Asked(name, criterion, words, proposal, frozenset({criterion.between.column}))
    if criterion.one_of is not None:
        words = ", ".join(proposal.values if proposal else criterion.one_of.values)
        return Asked(name, criterion, words, proposal, frozenset({criterion.one_of.column}))
    parsed = conditions(criterion, columns)
    used = frozenset(column for condition, _ in parsed for column in condition.columns)
    return Asked(name, criterion, "; ".join(condition.text for condition, _ in parsed), None, used)


def _range_words(ends: Proposed) -> str:
    if ends.least is None and ends.most is None:
        return ""
    if ends.most is None:
        return f"{ends.least:,.0f} or more"
    return f"up to {ends.most:,.0f}" if ends.least is None else f"{ends.least:,.0f} to {ends.most:,.0f}"


def _is_mapped(column: str, mapped: frozenset[str]) -> bool:
    if column in _NEEDS:
        return bool(_NEEDS[column] & mapped)
    return column in FACTS or column in mapped or f"x_{column}" in mapped


def lay_out_icp(
    bench: Workbench, on: tuple[Asked, ...], rulebook: Rulebook, columns: Mapping[str, Kind], held: str
) -> str:
    """Make the step `kare_rated`: account_id, held, has_held, icp_score, icp_completeness, icp_tier, icp_best, icp_worst,
    and for each criterion `icp_<name>` as met, partly, unmet, unknown.
    """
    facts = bench.table("kare_facts")
    tests = {f"share_{one.name}": _conditions_share(facts, one, columns) for one in on if _by_condition(one)}
    bench.keep("kare_shares", facts.select("account_id", **tests))
    shares = {one.name: f"s.share_{one.name}" if _by_condition(one) else _listed_share(one) for one in on}
    return bench.step("kare_rated", _rated(shares, on, rulebook, held))


def _by_condition(asked: Asked) -> bool:
    return asked.criterion.between is None and asked.criterion.one_of is None


def _conditions_share(facts: ir.Table, asked: Asked, columns: Mapping[str, Kind]) -> ir.FloatingValue:
    """Share of the weight that the account earns by conditions: the first that holds; unknown as soon as one is unknown."""
    share = ibis.literal(0.0)
    for condition, earned in reversed(conditions(asked.criterion, columns)):
        holds = evaluate(condition, facts)
        share = ibis.cases((holds, ibis.literal(float(earned))), (holds.isnull(), ibis.null("float64")), else_=share)
    return share


def _listed_share(asked: Asked) -> str:
    """The same for a range or a list of values."""
    between, one_of = asked.criterion.between, asked.criterion.one_of
    if one_of is not None:
        holds = any_of(f"f.{stored_as(one_of.column)}", asked.proposal.values if asked.proposal else one_of.values)
        return f"CAST(CAST({holds} AS INTEGER) AS DOUBLE)"
    assert between is not None  # noqa: S101  the caller's branch
    ends = asked.proposal or Proposed(between.least, between.most)
    number = f"CAST(f.{stored_as(between.column)} AS DOUBLE)"
    tests = [f"{number} >= {ends.least}"] if ends.least is not None else []
    tests += [f"{number} <= {ends.most}"] if ends.most is not None else []
    return f"CAST(CAST({' AND '.join(tests)} AS INTEGER) AS DOUBLE)"


def _rated(shares: Mapping[str, str], on: tuple[Asked, ...], rulebook: Rulebook, held: str) -> str:
    icp = rulebook.icp
    total = sum(one.criterion.weight for one in on) or 1.0
    weights = {one.name: one.criterion.weight for one in on}
    met = " + ".join(["0.0", *(f"coalesce(e_{name}, 0) * {weight}" for name, weight in weights.items())])
    known = " + ".join(
        ["0.0", *(f"CASE WHEN e_{name} IS NULL THEN 0 ELSE {weight} END" for name, weight in weights.items())]
    )
    earned = "".join(f", {share} AS e_{name}" for name, share in shares.items())
    words = "".join(
        f", CASE WHEN e_{name} >= 1 THEN 'met' WHEN e_{name} > 0 THEN 'partly' WHEN e_{name} = 0 THEN 'unmet' ELSE 'unknown' END AS icp_{name}"
        for name in shares
    )
    drop = f" EXCLUDE ({', '.join(['met', 'known', *(f'e_{name}' for name in shares)])})"
    return f"""
        WITH earned AS (
            SELECT f.account_id, h.computed_profile AS held, h.account_id IS NOT NULL AS has_held{earned}
            FROM kare_facts AS f JOIN kare_shares AS s ON f.account_id = s.account_id
            LEFT JOIN {held} AS h ON f.account_id = h.account_id
        ), weighed AS (
            SELECT *, CAST({met} AS DOUBLE) AS met, CAST({known} AS DOUBLE) AS known FROM earned
        ), scored AS (
            SELECT *{drop}{words},
                   CASE WHEN known > 0 THEN {whole("met * 100 / known")} END AS icp_score,
                   {whole(f"known * 100 / {total}")} AS icp_completeness,
                   {whole(f"met * 100 / {total}")} AS icp_worst,
                   {whole(f"(met + {total} - known) * 100 / {total}")} AS icp_best
            FROM weighed
        )
        SELECT *, CASE WHEN icp_score IS NULL OR icp_completeness < {icp.complete_from} THEN 'Unrated'
                       WHEN icp_score >= {icp.high_from} THEN 'High'
                       WHEN icp_score >= {icp.moderate_from} THEN 'Moderate' ELSE 'Low' END AS icp_tier
        FROM scored"""
