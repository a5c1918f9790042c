"""The Pandas version from the mirror's Parquet files to labels: portfolio figures, room, profile, plan test, class, rank."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas_rules import (
    CONFIRM,
    Frame,
    best_years,
    choose,
    events_of,
    groups,
    history,
    icp,
    line_counts,
    open_deals,
    read,
    revenues,
    usual_gap,
    won_days,
)
from pandas_texts import add_texts, listed, number, rounded, when

_ACCOUNTS: Final = [
    "account_id", "name", "owner_id", "owner", "parent_id", "industry", "country", "employees", "annual_revenue",
    "wallet", "potential", "sites", "renewal_on", "is_customer",
]  # fmt: skip
_DEALS: Final = [
    "account_id", "name", "is_won", "is_closed", "closed_on", "created_on", "amount", "type", "product_line",
]  # fmt: skip
_KINDS: Final = {"Existing Customer - Upgrade": "expansion", "Renewal": "renewal"}
_QUESTIONS: Final = (
    "a market we have experience in", "a problem that we solve", "growth in money above the floor",
    "we have less than the set share of its purchases", "a strategic market", "matches the ICP",
)  # fmt: skip
_MOTIONS: Final = {"Attain": "Acquire", "Expand": "Grow", "Recapture": "Reactivate", "Keep": "Retain"}
_SHOWN: Final = [
    "account_id", "name", "owner", "profile", "computed_profile", "motion", "badge", "reason", "reasons", "runner_up",
    "unknown", "icp_score", "icp_tier", "icp_completeness", "plan_test", "plan_answers", "plan_warranted", "class",
    "class_warnings", "lapsed", "lapsed_since", "events", "last_event_on", "expected_gap_days", "overdue",
    "effective_orders", "revenue_window", "owner_id", "rank", "window_days",
]  # fmt: skip


def labels(folder: Path, as_of: date) -> Frame:
    """One row per account with labels and reasons."""
    day = (as_of - date(1970, 1, 1)).days
    accounts, deals = _accounts(folder), _deals(folder)
    deals["key"] = pd.Index(accounts["account_id"]).get_indexer(deals["account_id"])
    f, before, money = _facts(accounts, deals[deals["key"] >= 0], day)
    rated, words = icp(f, money["good"])
    f = pd.concat([f, rated], axis=1)
    _add_room(f, before)
    _add_profile(f, before, money["median"])
    _add_plan(f, money["median"])
    _add_class(f, money, day)
    add_texts(f, words, money["median"])
    _add_rank(f)
    f["lapsed_since"] = pd.to_datetime(f["lapsed_on"].where(f["lapsed"]), unit="D")
    f["last_event_on"] = pd.to_datetime(f["last_n"], unit="D")
    f["expected_gap_days"] = np.floor(f["expected_gap"] * 10 + 0.5) / 10
    f["overdue"] = f["overdue"].round(3)
    f["effective_orders"] = f["effective_orders"].round(3)
    return f[[*_SHOWN, *rated.columns[:5]]].sort_values("account_id")


def _accounts(folder: Path) -> Frame:
    accounts = read(folder, "accounts", _ACCOUNTS)
    accounts["is_customer"] = accounts["is_customer"].str.strip().str.lower() == "customer"
    return accounts


def _deals(folder: Path) -> Frame:
    deals = read(folder, "opportunities", _DEALS).rename(columns={"closed_on": "n"})
    deals["outcome"] = np.select([deals["is_won"], deals["is_closed"]], ["won", "lost"], "open")
    deals["kind"] = deals["type"].map(_KINDS).where(deals["type"].isna() | deals["type"].isin(list(_KINDS)), "other")
    deals["counts"] = ~(deals["amount"] <= 0)
    return deals


def _facts(accounts: Frame, deals: Frame, day: int) -> tuple[Frame, Frame, dict[str, Any]]:
    """All facts as of the day, those of the earlier day, and the portfolio figures."""
    days = won_days(deals, day)
    events = events_of(days)
    usual = usual_gap(events)
    window = min(usual * 6, 1095) if usual > 90 else 365
    won = deals[deals["outcome"] == "won"]
    lines = won.loc[won["counts"] & won["product_line"].notna(), ["key", "n", "product_line"]]
    now, before = (
        _dated(accounts, days, events, lines, deals, one, day, usual, window) for one in (day, day - CONFIRM)
    )
    f = pd.concat([accounts, now, _oddities(won, day, accounts.index)], axis=1)
    f["window_days"], f["best_year"] = window, best_years(days, accounts.index)
    for facts in (f, before):
        facts["has_bought"] = (facts["events"] > 0) | (f["undated"] > 0)
    return f, before, _figures(f)


def _dated(
    accounts: Frame,
    days: Frame,
    events: Frame,
    lines: Frame,
    deals: Frame,
    day: int,
    as_of: int,
    usual: int,
    window: int,
) -> Frame:
    told = history(events, accounts, day, usual, window)
    money = revenues(days, told["last_n"], day, window)
    money["product_lines"] = line_counts(lines, day, window, accounts.index)
    told = pd.concat([told, money, open_deals(deals, money["largest_won_365"], day, as_of)], axis=1)
    yearly = told["revenue_window"].fillna(0) * 365 / window
    told["yearly_revenue"] = yearly
    told["wallet_share"] = yearly * 100 / accounts["wallet"].where(accounts["wallet"] > 0)
    return told


def _oddities(won: Frame, day: int, index: Frame) -> Frame:
    counting = won[won["counts"]]
    odd = pd.DataFrame({
        "undated": counting[counting["n"].isna()].groupby("key").size(),
        "credits": won[won["amount"] < 0].groupby("key").size(),
        "zeros": won[won["amount"] == 0].groupby("key").size(),
    }).reindex(index, fill_value=0).fillna(0)  # fmt: skip
    return odd.assign(ahead=counting[counting["n"] > day].groupby("key")["n"].min().reindex(index))


def _figures(f: Frame) -> dict[str, Any]:
    """What is measured over all accounts (rule 9)."""
    paying = f.loc[f["revenue_365"] > 0, "revenue_365"].sort_values(ascending=False)
    active = f[(f["events_window"] > 0) & (f["product_lines"] > 0)]
    peers = active.groupby("industry")["product_lines"].agg(["median", "size"])
    by_peer = peers.loc[peers["size"] >= 30, "median"]
    f["peer_lines"] = f["industry"].map(by_peer).fillna(active["product_lines"].median())
    return {
        "median": f.loc[f["has_bought"], "best_year"].median(),
        "key": paying.iloc[max(1, int(np.ceil(len(paying) * 0.05))) - 1],
        "national": paying.iloc[max(1, int(np.ceil(len(paying) * 0.2))) - 1],
        "good": (f["events"] >= 3) | (f["rule"] == "rhythm"),
    }


def _add_room(f: Frame, before: Frame) -> None:
    root = groups(f)
    size = root.map(root.value_counts())
    for facts in (before, f):
        _add_family(f, facts, root, size)
        enough = (facts["events_window"] >= 3) & (facts["quarters"] >= 3)
        by_rule = choose_bool(facts["rule"], enough, facts["events"] >= 2)
        facts["sound"] = by_rule & facts["badge"].isna() & ~facts["lapsed"]
        limit = 80 if facts is before else np.where(before["firm"] & before["sound"], 100, 80)
        facts["room_wallet"] = (facts["wallet_share"] < 70).where(facts["wallet_share"].notna()).astype(float)
        has_lines = facts["product_lines"].notna() & f["peer_lines"].notna()
        facts["room_lines"] = (facts["product_lines"] * 100 < f["peer_lines"] * limit).where(has_lines).astype(float)
        facts["firm"] = facts[["room_wallet", "room_lines", "room_family"]].eq(1).any(axis=1)


def choose_bool(rule: Frame, enough: Frame, renewed: Frame) -> Frame:
    """What sound means under each rule."""
    return enough.mask(rule == "renewal", renewed).mask(rule == "rhythm", other=True)


def _add_family(f: Frame, facts: Frame, root: Frame, size: Frame) -> None:
    """Related companies that never bought and aren't ICP Low."""
    candidate = ~facts["has_bought"] & (f["icp_tier"] != "Low")
    room = root.map(candidate.groupby(root).sum()) - candidate
    facts["room_family"] = (room > 0).where(size > 1).astype(float)
    facts["room_name"] = root.map(f["name"][candidate].groupby(root[candidate]).min()).where(facts["room_family"] == 1)


def _add_profile(f: Frame, before: Frame, median: float) -> None:
    """Rules 3 to 8, without held labels."""
    f["win_potential"] = choose([(f["potential"].isna(), "unknown"), (f["potential"] > 0, "yes")], "no")
    tiers = [(f["icp_tier"] == "Unrated", "unknown"), (f["icp_tier"].isin(["High", "Moderate"]), "yes")]
    f["win_icp"] = choose(tiers, "no")
    f["win_revenue"] = choose([(f["best_year"].isna(), "unknown"), (f["best_year"] > median, "yes")], "no")
    f["win_deal"] = choose([(f["open_opportunities"] > 0, "yes")], "no")
    answers = f[["win_potential", "win_icp", "win_revenue", "win_deal"]]
    unknown, recent = answers.eq("unknown").any(axis=1), f["silent_days"] <= 1095
    steps = [(answers.eq("yes").any(axis=1), "Recapture"), (~unknown, "Retire"), (recent, "Recapture last")]
    f["lapsed_to"] = choose(steps, "none")
    f["situation"] = choose([
        (f["ahead"].notna() & (~f["has_bought"] | f["lapsed"]), "ahead"), (f["lapsed"], "lapsed"),
        (f["events"] > 0, "customer"), (f["undated"] > 0, "undated"), (f["credits"] > 0, "credits"),
        (f["is_customer"], "no orders"),
    ], "prospect")  # fmt: skip
    wanted = f["icp_tier"].isin(["High", "Moderate"]) | (f["open_opportunities"] > 0)
    f["prospect_to"] = choose([(wanted, "Attain"), (f["icp_tier"] == "Low", "Retire")], "none")
    f["raw"], f["before_raw"] = _raw(f, f["lapsed_to"]), _raw(before, f["lapsed_to"])
    _confirm(f, before)


def _raw(facts: Frame, lapsed_to: Frame) -> Frame:
    back = choose([(lapsed_to.str.startswith("Recapture"), "Recapture")])
    expand = facts["sound"] & (facts["firm"] | facts["expansion"])
    return choose([(facts["lapsed"], back), (~facts["has_bought"], None), (expand, "Expand")], "Keep")


def _confirm(f: Frame, before: Frame) -> None:
    """Rule 8, then badge, motion and what waits."""
    situation, was = f["situation"], f["before_raw"]
    lapse = choose([(before["lapsed"], f["raw"]), (~before["has_bought"], "Keep")], was)
    into = choose([(f["expansion"] | (was == "Expand"), "Expand")], "Keep")
    ended = ~before["firm"] & before["expansion"] & ~f["expansion"]
    out = choose([((was != "Expand") | ended, "Keep")], was)
    f["computed_profile"] = choose([
        (situation == "lapsed", lapse), ((situation == "customer") & (f["raw"] == "Expand"), into),
        (situation == "customer", out), (situation.isin(["ahead", "undated"]), "Keep"),
        ((situation == "prospect") & (f["prospect_to"] == "Attain"), "Attain"),
    ])  # fmt: skip
    profile = f["computed_profile"]
    new = (situation == "ahead") | ((situation == "lapsed") & ~before["has_bought"])
    f["badge"] = choose([(new & (profile == "Keep"), "New"), (profile.isin(["Keep", "Expand"]), f["badge"])])
    f["held_back"] = situation.isin(["customer", "lapsed"]) & (f["raw"].fillna("") != profile.fillna(""))
    retired = ((situation == "lapsed") & (f["lapsed_to"] == "Retire")) | (
        (situation == "prospect") & (f["prospect_to"] == "Retire")
    )
    f["profile"] = profile
    f["motion"] = profile.map(_MOTIONS).mask(profile.isna() & retired, "Retire")


def _add_plan(f: Frame, floor: float) -> None:
    growth = f["potential"].fillna(f["wallet"] - f["yearly_revenue"]).fillna(f["open_pipeline"])
    f["growth"] = growth
    market, share = f["icp_market_experience"], f["wallet_share"]
    answers = [
        choose([(market == "met", "yes"), (market == "unknown", "unknown")], "no"),
        pd.Series("unknown", f.index),
        choose([(growth.isna(), "unknown"), (growth > floor, "yes")], "no"),
        choose([(~f["has_bought"], "not asked"), (share.isna(), "unknown"), (share < 70, "yes")], "no"),
        pd.Series("unknown", f.index),
        choose([(f["icp_tier"] == "Unrated", "unknown"), (f["icp_tier"] != "Low", "yes")], "no"),
    ]
    asked = f["profile"].isin(["Attain", "Expand"])
    yes = pd.concat([answer == "yes" for answer in answers], axis=1).sum(axis=1)
    f["plan_test"] = when(asked, number(yes) + "/6")
    f["plan_warranted"] = choose([(~asked, None), (yes >= 4, "Yes")], "No")
    told = enumerate(zip(_QUESTIONS, answers, strict=True), 1)
    f["plan_answers"] = listed([when(asked, f"{n}. {question}: " + answer) for n, (question, answer) in told])


def _add_class(f: Frame, money: dict[str, Any], day: int) -> None:
    steady = f["rule"].isin(["rhythm", "renewal"])
    largest, total = f["largest_365"].mask(steady, f["largest_long"]), f["revenue_365"].mask(steady, f["revenue_long"])
    share = largest * 100 / total.where(total != 0)
    irregular = ((f["quarters"] < 3) | (f["events_window"] < 3)) & ~(steady & f["badge"].isna() & ~f["lapsed"])
    few = "large, not proven: " + number(f["events_window"]) + " orders in " + number(f["quarters"]) + " of 4 quarters"
    young = "large, not proven: it has bought for less than 3 years (since " + _since(f) + ")"
    warning = choose([
        (share > 50, "large, not proven: one order is " + rounded(share) + " % of revenue"),
        (irregular, few), (f["first_n"] > day - 1095, young),
    ])  # fmt: skip
    candidate = f["revenue_365"] >= money["key"]
    national = (f["revenue_365"] >= money["national"]) & (f["sites"] >= 5)
    small = f["employees"] < 100
    f["class"] = choose([(candidate & warning.isna(), "Key"), (national, "National"), (small, "SMB")])
    f["class_warnings"] = listed([warning.where(candidate)])


def _since(f: Frame) -> Frame:
    days = pd.to_datetime(f["first_n"], unit="D")
    return number(days.dt.day) + days.dt.strftime(" %b ") + number(days.dt.year)


def _add_rank(f: Frame) -> None:
    """The first five of each owner's profile."""
    figure = f["best_year"].fillna(0).mask(f["profile"] == "Keep", f["revenue_365"].fillna(0))
    figure = figure.mask(f["profile"].isin(["Attain", "Expand"]), f["icp_score"].fillna(-1))
    weak = (f["profile"] == "Attain") & f["icp_tier"].isin(["Low", "Unrated"])
    order = pd.DataFrame({
        "last": weak | ((f["lapsed_to"] == "Recapture last") & (f["situation"] == "lapsed")),
        "once": (f["profile"] == "Recapture") & (f["events"] == 1),
        "figure": -figure, "stake": -f["growth"].fillna(0), "account_id": f["account_id"],
    }).sort_values(["last", "once", "figure", "stake", "account_id"])  # fmt: skip
    place = f.loc[order.index].groupby(["owner_id", "profile"]).cumcount() + 1
    f["rank"] = place.where((place <= 5) & f["profile"].notna())
