"""Whether an account warrants a strategic account development plan: six questions (METHOD.md section 3)."""

from typing import Final

from crm_kare.config.rulebook import Rulebook
from crm_kare.method.icp import Asked
from crm_kare.method.portfolio import Portfolio
from crm_kare.method.words import packed, when
from crm_kare.method.workbench import any_of

QUESTIONS: Final = (
    "a market we have experience in",
    "a problem that we solve",
    "growth in money above the floor",
    "we have less than the set share of its purchases",
    "a strategic market",
    "matches the ICP",
)

GROWTH_OFFERED: Final = (
    "coalesce(CAST(potential AS DOUBLE), CAST(wallet AS DOUBLE) - yearly_revenue, CAST(open_pipeline AS DOUBLE))"
)
"""Question 3's money: mapped potential, else wallet − yearly revenue, else open pipeline, else unknown."""

_ASKED: Final = "coalesce(profile IN ('Attain', 'Expand'), FALSE)"


def planned(source: str, rulebook: Rulebook, portfolio: Portfolio, on: tuple[Asked, ...]) -> str:
    """`source` with plan_test (`5/6`), plan_answers (list of text), plan_warranted; null outside Attain and Expand.

    Answers are yes, no, unknown, or not asked (question 4 for a prospect). Expects `profile`, the shown one.
    """
    answers = ", ".join(f"{answer} AS answer_{n}" for n, answer in enumerate(_answers(rulebook, portfolio, on), 1))
    numbers = range(1, len(QUESTIONS) + 1)
    yes = " + ".join(f"CAST(answer_{n} = 'yes' AS INTEGER)" for n in numbers)
    told = [when(_ASKED, f"'{n}. {question}: ' || answer_{n}") for n, question in enumerate(QUESTIONS, 1)]
    drop = ", ".join(["yes", *(f"answer_{n}" for n in numbers)])
    return f"""
        WITH answered AS (SELECT *, {answers} FROM {source}),
        counted AS (SELECT *, {yes} AS yes FROM answered)
        SELECT * EXCLUDE ({drop}),
               CASE WHEN {_ASKED} THEN CAST(yes AS VARCHAR) || '/6' END AS plan_test,
               CASE WHEN {_ASKED} THEN CASE WHEN yes >= {rulebook.plan_test.yes_from} THEN 'Yes' ELSE 'No' END END AS plan_warranted,
               {packed(told)} AS plan_answers
        FROM counted"""


def _answers(rulebook: Rulebook, portfolio: Portfolio, on: tuple[Asked, ...]) -> list[str]:
    rules = rulebook.plan_test
    floor = rules.growth_above if rules.growth_above is not None else portfolio.median_best_year
    growth = "NULL" if floor is None else f"{GROWTH_OFFERED} > {floor}"
    tiers = any_of("icp_tier", rules.tiers)
    asked = frozenset(one.name for one in on)
    return [
        _criterion(rules.experience, asked),
        f"CASE WHEN has_problem IS NULL THEN {_criterion(rules.challenge, asked)} ELSE {_word('has_problem')} END",
        _word(growth),
        f"CASE WHEN has_bought THEN {_word(f'wallet_share < {rules.wallet_share_below}')} ELSE 'not asked' END",
        _word(any_of("market", rulebook.strategic_markets)),
        _word(f"CASE WHEN icp_tier <> 'Unrated' THEN {tiers} END"),
    ]


def _criterion(name: str, asked: frozenset[str]) -> str:
    if name not in asked:
        return "'unknown'"
    return f"CASE icp_{name} WHEN 'met' THEN 'yes' WHEN 'unknown' THEN 'unknown' ELSE 'no' END"


def _word(test: str) -> str:
    return f"CASE CAST({test} AS BOOLEAN) WHEN TRUE THEN 'yes' WHEN FALSE THEN 'no' ELSE 'unknown' END"
