"""The same rules in plain Pandas: what ours is measured against. Starter rules, first run, every number at its default.

Left out, as the bench's org does not use it: orders and line items, affiliates, gaps by segment, overrides, held
labels, own fields, markets, margin. An account is a row number; a day is a number; a fact is a column over accounts.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

Frame = Any
"""A Pandas frame or column; the bench reads like Pandas code usually does, and that is hardly typed."""

CONFIRM: Final = 30
RANGES: Final = {"opportunity_size": "potential", "company_sales": "annual_revenue", "company_employees": "employees"}
LISTS: Final = {"location": "country", "market_experience": "industry"}
WEIGHTS: Final = {
    "opportunity_size": 10, "company_sales": 10, "company_employees": 10, "location": 10, "market_experience": 15,
}  # fmt: skip
_PATIENCE: Final = ((1, 2), (2, 3), (4, 5), (6, None))
"""Gaps allowed, and the events from which the next step holds."""


def read(folder: Path, stream: str, columns: list[str]) -> Frame:
    """Some columns of a stream of the mirror; decimals as floats, dates as day numbers."""
    table = pq.read_table(sorted((folder / "mirror" / "bench" / stream).glob("*.parquet")), columns=columns)
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.float64()))
        elif pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.int32()))
    return table.to_pandas()


def won_days(deals: Frame, day: int) -> Frame:
    """One row per account and day of won business, in order."""
    won = deals[(deals["outcome"] == "won") & (deals["n"] <= day)]
    grouped = won.groupby(["key", "n"], sort=True)
    days = grouped.agg(event=("counts", "any"), largest=("amount", "max")).reset_index()
    days["revenue"] = grouped["amount"].sum(min_count=1).to_numpy()
    return days


def events_of(days: Frame) -> Frame:
    """The days that count, with the gap to the one before."""
    events = days[days["event"]].copy()
    events["gap"] = events.groupby("key")["n"].diff()
    return events


def usual_gap(events: Frame) -> int:
    """Median of the repeat accounts' mean gaps, in steps of five days."""
    span = events.groupby("key")["n"].agg(["min", "max", "count"])
    span = span[span["count"] >= 2]
    return max(5, int(((span["max"] - span["min"]) / (span["count"] - 1)).median() / 5 + 0.5) * 5)


def history(events: Frame, accounts: Frame, day: int, usual: int, window: int) -> Frame:
    """What an account's events say as of a day; one row per account."""
    past = events[events["n"] <= day].copy()
    past["k"] = past.groupby("key").cumcount(ascending=False) + 1
    grouped = past.groupby("key")
    told = grouped.agg(
        events=("n", "size"), first_n=("n", "min"), last_n=("n", "max"),
        longest=("gap", "max"), shortest=("gap", "min"), median_gap=("gap", "median"),
    )  # fmt: skip
    before = past[past["k"] >= 2].groupby("key")["gap"].agg(["max", "min", "median"])
    told[["longest_before", "shortest_before", "median_before"]] = before.reindex(told.index)
    for k in range(2, 7):
        told[f"latest_{k}"] = past[past["k"] == k].set_index("key")["n"]
    inside = past[past["n"] > day - window]
    told["events_window"] = inside.groupby("key").size()
    quarters = pd.DataFrame({"key": inside["key"], "quarter": ((day - inside["n"]) * 4) // window})
    told["quarters"] = quarters.drop_duplicates().groupby("key").size()
    told = told.reindex(accounts.index)
    counts = ["events", "events_window", "quarters"]
    told[counts] = told[counts].fillna(0).astype(int)
    return judged(told, accounts["renewal_on"], day, usual, window)


def judged(told: Frame, renewal: Frame, day: int, usual: int, window: int) -> Frame:
    """Rules 2, 3 and 7: expected gap, lapse, badge."""
    h = told
    last, whole = h["last_n"], (h["events"], h["last_n"], 0)
    before = (h["events"] - 1, h["latest_2"], 1)
    h["expected_gap"] = (last - h["first_n"] + 2 * usual) / (h["events"] + 1)
    h["silent_days"] = day - last
    h["overdue"] = h["silent_days"] / h["expected_gap"]
    rhythm = (h["events"] >= 3) & (h["median_gap"] >= 120) & (h["longest"] <= 1.5 * h["shortest"])
    h["rule"] = np.select([h["events"] == 0, last <= renewal, rhythm], ["", "renewal", "rhythm"], "patience")
    by = [h["rule"] == "renewal", h["rule"] == "rhythm"]
    renewed = [np.maximum(last + 1, renewal + 61), last + np.floor(h["longest"] * 1.25) + 1]
    h["lapsed_on"] = np.select(by, renewed, patience_over(h, whole, usual, window))
    at_risk = [np.maximum(last + 1, renewal + 1), last + np.floor(h["longest"]) + 1]
    h["at_risk_on"] = np.select(by, at_risk, patience_over(h, whole, usual, window, 0.5))
    was_even = (h["events"] - 1 >= 3) & (h["median_before"] >= 120)
    was_even &= h["longest_before"] <= 1.5 * h["shortest_before"]
    broken = h["latest_2"] + np.floor(h["longest_before"] * 1.25) + 1
    over = np.where(was_even, broken, patience_over(h, before, usual, window))
    h["won_back"] = (h["events"] >= 2) & (h["rule"] != "renewal") & (over < last)
    h["lapsed"] = h["lapsed_on"] <= day
    h["effective_orders"] = h["events_window"] * 0.5 ** (h["overdue"] / 2)
    new = ((h["events"] == 1) | h["won_back"]) & (h["silent_days"] <= 2 * h["expected_gap"])
    few = (h["rule"] == "patience") & (h["effective_orders"] < 2) & (h["events_window"] >= 3)
    h["badge"] = choose([(new, "New"), ((h["at_risk_on"] <= day) | few, "At risk")])
    return h


def patience_over(h: Frame, which: tuple[Frame, Frame, int], usual: int, window: int, share: float = 1) -> Frame:
    """Rule 3c: the first day on which silence is longer than what the events in the window allow."""
    events, last, shift = which
    span, parts = last - h["first_n"] + 2 * usual, events + 1
    days = [
        np.maximum(_silent_for(last, span, parts, gaps * share), _fewer_than(h, last, following, shift, window))
        for gaps, following in _PATIENCE
    ]
    if share == 1:
        days.append(np.maximum(last + 366, _silent_for(last, span, parts, 2)))
    return np.minimum.reduce(days)


def _silent_for(last: Frame, span: Frame, parts: Frame, gaps: float) -> Frame:
    return last + (span * round(gaps * 2)) // (parts * 2) + 1


def _fewer_than(h: Frame, last: Frame, events: int | None, shift: int, window: int) -> Frame:
    return last + 1 if events is None else (h[f"latest_{events + shift}"] + window).fillna(last + 1)


def revenues(days: Frame, last: Frame, day: int, window: int) -> Frame:
    """Sums of money over stretches of days; empty where nothing is known."""
    past = days[days["n"] <= day]
    n, at = past["n"], past["key"].map(last)

    def within(chosen: Frame) -> Frame:
        return past[chosen].groupby("key")["revenue"].sum(min_count=1)

    told = {
        "revenue_window": within(n > day - window),
        "revenue_365": within(n > day - 365),
        "revenue_long": within(n > day - 1095),
        "revenue_at_last": within((n > at - 365) & (n <= at)),
        "revenue_prior_at_last": within((n > at - 730) & (n <= at - 365)),
        "largest_365": past[n > day - 365].groupby("key")["revenue"].max(),
        "largest_long": past[n > day - 1095].groupby("key")["revenue"].max(),
        "largest_won_365": past[n > day - 365].groupby("key")["largest"].max(),
    }
    return pd.DataFrame(told).reindex(last.index)


def best_years(days: Frame, index: Frame) -> Frame:
    """The highest revenue of any 365 days in a row, by running sums."""
    place = days["key"].to_numpy().astype(np.int64) * 100_000 + days["n"].to_numpy()
    starts = np.searchsorted(place, place - 364)
    sums = np.concatenate([[0.0], days["revenue"].fillna(0).cumsum().to_numpy()])
    known = np.concatenate([[0], days["revenue"].notna().cumsum().to_numpy()])
    ends = np.arange(1, len(days) + 1)
    years = pd.Series(np.where(known[ends] > known[starts], sums[ends] - sums[starts], np.nan)).round(4)
    return years.groupby(days["key"].to_numpy()).max().reindex(index)


def line_counts(lines: Frame, day: int, window: int, index: Frame) -> Frame:
    """Distinct product lines of the window; empty where no line is known at all."""
    past = lines[lines["n"] <= day]
    counts = past[past["n"] > day - window].drop_duplicates(["key", "product_line"]).groupby("key").size()
    return counts.reindex(past["key"].unique(), fill_value=0).reindex(index)


def open_deals(deals: Frame, largest: Frame, day: int, as_of: int) -> Frame:
    """Open deals by account, and whether one of them is an expansion."""
    is_open, closes = deals["outcome"] == "open", deals["n"]
    running = (is_open & (closes.isna() | (closes >= day - 90))) | (~is_open & (closes > day) & (closes <= as_of))
    kept = deals[running & (deals["created_on"].fillna(0) <= day)]
    more = (kept["kind"] == "expansion") | (kept["kind"].isna() & (kept["amount"] > kept["key"].map(largest)))
    grouped = kept.groupby("key")
    told = grouped.agg(open_opportunities=("key", "size"), open_name=("name", "min"))
    told["open_pipeline"] = grouped["amount"].sum(min_count=1)
    told["expansion_name"] = kept[more].groupby("key")["name"].min()
    told = told.reindex(largest.index)
    told["open_opportunities"] = told["open_opportunities"].fillna(0)
    told["expansion"] = largest.index.isin(kept["key"][more])
    return told


def groups(accounts: Frame) -> Frame:
    """The ultimate parent of each account."""
    parents = pd.Index(accounts["account_id"]).get_indexer(accounts["parent_id"])
    roots = np.where(parents < 0, accounts.index, parents)
    for _ in range(10):
        roots = roots[roots]
    return pd.Series(roots, accounts.index)


def icp(accounts: Frame, good: Frame) -> tuple[Frame, dict[str, str]]:
    """Score, completeness and tier by ranges proposed from good customers, and the ranges in words."""
    told, words = pd.DataFrame(index=accounts.index), {}
    met: Frame = 0.0
    known: Frame = 0.0
    for name, weight in WEIGHTS.items():
        column = accounts[RANGES[name] if name in RANGES else LISTS[name]]
        holds, words[name] = _between(column, good) if name in RANGES else _among(column, good)
        told[f"icp_{name}"] = choose([(column.isna(), "unknown"), (holds, "met")], "unmet")
        met, known = met + weight * holds, known + weight * column.notna()
    total = sum(WEIGHTS.values())
    told["icp_score"] = np.floor(met * 100 / known.where(known > 0) + 0.5)
    told["icp_completeness"] = np.floor(known * 100 / total + 0.5)
    told["icp_worst"] = np.floor(met * 100 / total + 0.5)
    told["icp_best"] = np.floor((met + total - known) * 100 / total + 0.5)
    unrated = told["icp_score"].isna() | (told["icp_completeness"] < 50)
    tiers = [(unrated, "Unrated"), (told["icp_score"] >= 70, "High"), (told["icp_score"] >= 40, "Moderate")]
    told["icp_tier"] = choose(tiers, "Low")
    return told, words


def _between(column: Frame, good: Frame) -> tuple[Frame, str]:
    tail = (1 - 0.8) / 2
    least, most = column[good].quantile([tail, 1 - tail])
    return column.between(int(least), int(most) + 1), f"{int(least):,.0f} to {int(most) + 1:,.0f}"


def _among(column: Frame, good: Frame) -> tuple[Frame, str]:
    counts = column[good].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    kept = sorted(counts.index[counts.cumsum().shift(fill_value=0) < 0.8 * counts.sum()])
    return column.isin(kept), ", ".join(kept)


def choose(branches: list[tuple[Frame, Any]], otherwise: Any = None) -> Frame:
    """A text column: the first branch that holds."""
    index = branches[0][0].index
    picked = np.full(len(index), otherwise, dtype=object) if not isinstance(otherwise, pd.Series) else otherwise
    told = pd.Series(picked, index, dtype="str")
    for holds, said in reversed(branches):
        told = told.mask(holds, said)
    return told
