"""What holds for every org: tried on random ones, many accounts in each."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest
from method.kit import D, Org, Row, ago, by_account, figures, fit, money

from crm_kare.config.rulebook import UsualGap
from crm_kare.method import Portfolio, Scored

MAPPED = frozenset(
    {
        "cultural_fit",
        "wallet",
        "renewal_on",
        "market",
        "still_using",
        "parent_id",
        "industry",
        "opportunities.product_line",
    }
)
RULES = fit(strategic_markets=("Wind",), usual_gap=UsualGap(days=60))
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 5))]


def standing(day: date = D) -> Portfolio:
    return figures(60, peer_lines={"": 3.0}, measured_on=day, first_event_on=day - timedelta(days=4000))


def random_org(seed: int, accounts: int = 60, day: date = D) -> Org:
    """Customers and prospects of all kinds, as seen on `day`: the same history, whatever the day."""
    random = Random(seed)  # noqa: S311 - seeded on purpose
    org = Org(MAPPED)
    for number in range(accounts):
        _enter(org, f"a{number:03}", random, day)
    return org


def _enter(org: Org, name: str, random: Random, day: date) -> None:
    def maybe(*values: Any) -> Any:
        return random.choice([None, *values])

    renewal = maybe(None, random.randint(-200, 90))
    org.account(
        name,
        industry=maybe("Tools", "Toys"),
        market=maybe("Wind", "Toys"),
        wallet=money(maybe(0, 5000, 20_000)),
        cultural_fit=maybe(True, False),
        still_using=maybe(True, False),
        renewal_on=None if renewal is None else ago(renewal, day),
        parent_id=maybe(*(row["account_id"] for row in org.accounts[:3])),
        target=maybe(True, False),
        is_customer=maybe(True, False),
    )
    silence, step = random.choice([3, 30, 100, 400, 900]), random.choice([5, 30, 70, 180])
    for _ in range(random.randint(0, 7)):
        silence += random.randint(1, step)
        line = random.choice(["x", "y", "z", None])
        org.deal(
            name, "won", ago(silence, day), amount=random.choice([None, -50, 0, 800, 1000, 2500]), product_line=line
        )
    if random.random() < 0.3:
        due, made = random.randint(-60, 120), random.randint(1, 200)
        kind = random.choice([None, "expansion", "renewal"])
        org.deal(name, "open", ago(due, day), created_on=ago(made + 120, day), deal_kind=kind, amount=maybe(500, 9000))
    if random.random() < 0.4:
        org.hold(name, random.choice(["Keep", "Expand", "Recapture", "Attain", None]))


def bytes_of(scored: Scored) -> list[Row]:
    rows: list[Row] = scored.labels.to_pylist()
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_one_profile_at_most_and_a_score_within_bounds(seed: int) -> None:
    org = random_org(seed)
    rows = bytes_of(org.scored(RULES, portfolio=standing()))
    assert [row["account_id"] for row in rows] == sorted(row["account_id"] for row in org.accounts)
    for row in rows:
        assert row["profile"] in {"Keep", "Attain", "Recapture", "Expand", None}
        assert row["icp_score"] is None or 0 <= row["icp_score"] <= 100
        assert 0 <= row["icp_completeness"] <= 100
        assert row["reason"]
        assert (row["motion"] in {"Retire", None}) == (row["profile"] is None)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_nothing_and_the_same_input_gives_the_same_bytes(seed: int) -> None:
    org = random_org(seed)
    labels = org.scored(RULES, portfolio=standing()).labels
    shuffled = Random(seed + 1)  # noqa: S311 - seeded on purpose
    for rows in (org.accounts, org.opportunities, org.held):
        shuffled.shuffle(rows)
    again = org.scored(RULES, portfolio=standing()).labels
    assert again.equals(labels)
    assert json.dumps(again.to_pylist(), default=str) == json.dumps(labels.to_pylist(), default=str)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_unrelated_account_changes_no_label_while_the_figures_stand(seed: int) -> None:
    org = random_org(seed)
    before = by_account(org.scored(RULES, portfolio=standing()))
    org.customer("zz stranger", 1, 20, 200, amount=10**9, industry="Tools", wallet=money(10**10))
    org.account("zz prospect", cultural_fit=True)
    after = by_account(org.scored(RULES, portfolio=standing()))
    # a rank is a place among the owner's accounts
    assert {name: {**row, "rank": 0} for name, row in before.items()} == {
        name: {**after[name], "rank": 0} for name in before
    }


def test_shifting_all_dates_changes_nothing_but_the_dates() -> None:
    shift = 1000
    later = D + timedelta(days=shift)
    rows = by_account(random_org(5, 150).scored(RULES, D, standing()))
    shifted = by_account(random_org(5, 150, later).scored(RULES, later, standing(later)))
    for name, row in rows.items():
        for column in set(row) - {"reason", "reasons", "runner_up", "class_warnings"}:
            moved = row[column] + timedelta(days=shift) if isinstance(row[column], date) else row[column]
            assert shifted[name][column] == moved, (name, column)
        assert [_dateless(text) for text in shifted[name]["reasons"]] == [_dateless(text) for text in row["reasons"]]


def _dateless(text: str) -> list[str]:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    words = text.split(" ")
    dated = {at for at, word in enumerate(words) if word in months}
    return [word for at, word in enumerate(words) if not {at - 1, at, at + 1} & dated]


HOSTILE = [
    'O\'Brien & "Söhne"',
    "😀 emoji",
    "line\nbreak\r\n",
    "=1+1",
    "'; DROP TABLE kare_accounts; --",
    "\u202eright",
    "",
    " ",
]


def _all_null(org: Org) -> None:
    org.accounts.append({"account_id": "null"})
    org.opportunities.append({"opportunity_id": "null", "account_id": "null"})


def _hostile_names(org: Org) -> None:
    for number, name in enumerate(HOSTILE):
        org.account(f"id {number} {name}", parent_id=f"id {number} {name}")
        org.accounts[-1].update(name=name, owner_id=name, industry=name, market=name)
        org.won(f"id {number} {name}", 10, 100, 200, 300, product_line=name)
        org.deal(f"id {number} {name}", "open", ago(1), deal_kind="expansion")
        org.opportunities[-1]["name"] = name


def _far_dates(org: Org) -> None:
    for number, day in enumerate((date(1, 1, 1), date(9999, 12, 31))):
        for outcome in ("won", "open", "lost"):
            org.account(f"{number} {outcome}", renewal_on=day, created_on=day)
            org.deal(f"{number} {outcome}", outcome, day, created_on=day)
        org.customer(f"{number} both", 10, 20, renewal_on=day, override="Keep", override_until=day)
        org.deal(f"{number} both", "won", day)


def _huge_amounts(org: Org) -> None:
    most = Decimal("99999999999999.9999")
    for number, amount in enumerate((most, -most, Decimal("0.0001"))):
        org.account(f"huge {number}", wallet=amount, potential=amount, annual_revenue=amount, margin=amount)
        for days in range(0, 400, 4):
            org.deal(f"huge {number}", "won", ago(days), amount=amount)


def _strangers(org: Org) -> None:
    org.account("known")
    org.won("not an account", 10)
    org.hold("not an account either", "Keep")
    org.hold("known", "no such profile")


ABSURD: tuple[Callable[[Org], None], ...] = (_all_null, _hostile_names, _far_dates, _huge_amounts, _strangers)


@cache
def absurd() -> tuple[Org, list[Row]]:
    org = Org(MAPPED | {"potential", "annual_revenue", "margin", "opportunities.type"})
    for fill in ABSURD:
        fill(org)
    return org, bytes_of(org.scored(fit(usual_gap=UsualGap())))


def test_absurd_input_gives_an_answer_for_every_account() -> None:
    org, rows = absurd()
    assert [row["account_id"] for row in rows] == sorted(row["account_id"] for row in org.accounts)
    assert all(row["reason"] for row in rows)
    assert {row["name"] for row in rows} >= set(HOSTILE)


@pytest.mark.parametrize("accounts", [0, 1])
def test_empty_tables_and_a_single_account(accounts: int) -> None:
    org = Org()
    for number in range(accounts):
        org.account(f"a{number}")
    scored = org.scored(fit(usual_gap=UsualGap()))
    assert scored.labels.num_rows == accounts
    assert scored.portfolio.usual_gap == 90
