"""The Pandas version's words: reasons, runner-up, what is unknown."""

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas_rules import WEIGHTS, Frame, choose

_TITLES: Final = {
    "opportunity_size": "Size of the opportunity", "company_sales": "Company size in sales",
    "company_employees": "Company size in employees", "location": "Location",
    "market_experience": "Market we have experience in",
}  # fmt: skip
_COLUMNS: Final = {
    "opportunity_size": "potential", "company_sales": "annual_revenue", "company_employees": "employees",
    "location": "country", "market_experience": "industry",
}  # fmt: skip
_WORTH: Final = {
    "potential": "potential", "icp": "ICP High or Moderate",
    "revenue": "best 12 months above the median customer's", "deal": "open deal",
}  # fmt: skip
_RUNNER_UP: Final = {
    "ahead": "Attain or none, if the deal is not won after all",
    "undated": "Recapture or Retire, if its close date lies too far back",
    "first": "Keep, with the first order",
    "prospect": "Attain, from an ICP score of 40, as target, or with an open deal",
    "Recapture": "Keep, with the next order",
    "none": "Recapture, if one answer turned yes: potential, strategic value, ICP, contact, use, open deal",
    "room": "Expand, once it has 3 orders in 3 quarters of its window and named room: share of wallet below 70 %, an open "
    "expansion deal, fewer product lines than like accounts, or a related company that buys nothing",
}


def number(values: Frame) -> Frame:
    """Whole numbers as text."""
    return values.astype("Int64").astype("str").where(values.notna())


def rounded(values: Frame) -> Frame:
    """The same, rounded half up."""
    return number(np.floor(values + 0.5))


def day_text(days: Frame) -> Frame:
    """`18 Jun 2026`; each day is written once."""
    known = {day: _day(int(day)) for day in days.dropna().unique()}
    return days.map(known).astype("str")


def _day(day: int) -> str:
    told = date(1970, 1, 1) + timedelta(days=day)
    return f"{told.day} {told:%b %Y}"


def money_text(amounts: Frame) -> Frame:
    """`EUR 12k`: two significant figures."""
    return amounts.dropna().map(_money).astype("str").reindex(amounts.index)


def _money(amount: float) -> str:
    value, sign = abs(amount), "-" if amount < 0 else ""
    for limit, unit, name in ((1e3, 1.0, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"), (1e300, 1e9, "B")):
        if value < limit * 0.9995:
            return f"{sign}EUR {_two_figures(value / unit, unit)}{name}"
    return ""


def _two_figures(scaled: float, unit: float) -> str:
    if scaled < 9.95 and unit > 1:
        tenths = int(scaled * 10 + 0.5)
        return str(tenths // 10) if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"
    return str(int(scaled + 0.5)) if scaled < 99.5 else str(int(scaled / 10 + 0.5) * 10)


def when(holds: Frame, said: Any) -> Frame:
    """A text where the condition holds."""
    return said.where(holds) if isinstance(said, pd.Series) else choose([(holds, said)])


def joined(parts: list[Frame], separator: str = "; ") -> Frame:
    """The texts that are there, one after the other."""
    told = parts[0]
    for part in parts[1:]:
        told = (told + separator + part).where(told.notna() & part.notna(), told.where(told.notna(), part))
    return told


def listed(parts: list[Frame]) -> list[list[str]]:
    """The texts that are there, as a list for each account."""
    rows = zip(*(part.astype(object).to_numpy() for part in parts), strict=True)
    return [[said for said in row if isinstance(said, str)] for row in rows]


def sentence(words: Frame) -> Frame:
    """With a capital."""
    return words.str.slice(0, 1).str.upper() + words.str.slice(1)


def add_texts(f: Frame, words: dict[str, str], median: float) -> None:
    """Add reason, reasons, runner_up and unknown to the frame of facts."""
    once = "bought once, on " + day_text(f["last_n"])
    rhythm = _rhythm(f)
    f["said_history"], f["said_silence"] = _history(f, once, rhythm), when(f["lapsed"], _silence(f))
    f["said_room"] = _room(f)
    last = choose([(f["events"] == 1, once)], "last order " + day_text(f["last_n"]) + "; " + rhythm)
    decision = sentence(_decision(f, last, _worth(f, median)))
    f["reason"] = decision
    f["reasons"] = listed([decision, *_behind(f, words)])
    f["runner_up"] = _runner_up(f)
    f["unknown"] = listed(_unknown(f))


def _rhythm(f: Frame) -> Frame:
    longest, shortest = number(f["longest"]), number(f["shortest"])
    span = choose([(f["shortest"] == f["longest"], longest)], shortest + " to " + longest)
    usually = "usually every " + rounded(f["expected_gap"]) + " days"
    return choose([(f["rule"] == "rhythm", "every " + span + " days")], usually)


def _history(f: Frame, once: Frame, rhythm: Frame) -> Frame:
    many = number(f["events"]) + " orders since " + day_text(f["first_n"]) + ", last " + day_text(f["last_n"])
    single = once + "; expected again within " + rounded(f["expected_gap"]) + " days"
    return choose([(f["events"] > 1, many + ", " + rhythm), (f["events"] == 1, single)])


def _silence(f: Frame) -> Frame:
    since = " since " + day_text(f["lapsed_on"])
    renewal = "renewal date " + day_text(f["renewal_on"]) + " is over by more than 60 days" + since
    rhythm = "silent beyond 1.25 × its longest gap of " + number(f["longest"]) + " days" + since
    steps = [(f[f"latest_{k}"] + f["window_days"] > f["lapsed_on"], gaps) for k, gaps in ((5, 6), (3, 4), (2, 2))]
    allowed = np.select([holds for holds, _ in steps], [gaps for _, gaps in steps], 1)
    beyond = choose(
        [(pd.Series(allowed == gaps, f.index), f"silent beyond {gaps} intervals") for gaps in (2, 4, 6)],
        "silent beyond 1 interval",
    )
    long = (f["lapsed_on"] - f["last_n"]) / f["expected_gap"] <= allowed
    patience = choose([(long, "silent beyond 365 days and 2 intervals")], beyond) + since
    return choose([(f["rule"] == "renewal", renewal), (f["rule"] == "rhythm", rhythm)], patience)


def _room(f: Frame) -> Frame:
    bought = money_text(f["revenue_at_last"]) + " in the year to its last order, of " + money_text(f["wallet"])
    peers = f["peer_lines"].map(lambda lines: f"{lines:g}").astype("str")
    return joined([
        when(f["expansion"], ("open expansion deal: " + f["expansion_name"]).fillna("open expansion deal")),
        when(f["room_wallet"] == 1, "we have less than 70 % of what it buys (" + bought + ")"),
        when(f["room_lines"] == 1, "it buys fewer than 80 % of the product lines that like accounts buy (" + peers + ")"),
        when(f["room_family"] == 1, "its related company " + f["room_name"] + " buys nothing yet"),
    ])  # fmt: skip


def _worth(f: Frame, median: float) -> Frame:
    best = "its best 12 months brought " + money_text(f["best_year"]) + f", the median customer's {_money(median)}"
    return joined([
        when(f["win_deal"] == "yes", "open deal: " + f["open_name"]),
        when(f["win_potential"] == "yes", "potential " + money_text(f["potential"])),
        when(f["win_icp"] == "yes", "ICP " + f["icp_tier"]),
        when(f["win_revenue"] == "yes", best),
    ])  # fmt: skip


def _decision(f: Frame, last: Frame, worth: Frame) -> Frame:
    is_last = when(
        f["lapsed_to"] == "Recapture last", "no sign yet that it is worth it, and answers are unknown: ranked last"
    )
    old = "last bought more than 1095 days ago, and answers are unknown"
    given_up = choose([(f["lapsed_to"] == "Retire", "no sign that it is worth winning back")], old)
    profile, situation = f["computed_profile"], f["situation"]
    return choose([
        (situation == "ahead", "won deal dated ahead: counts from " + day_text(f["ahead"])),
        (situation == "undated", "it has bought, but the won deal has no close date: silence can't be judged"),
        (situation == "credits", "only credits on record: no profile"),
        (situation == "no orders", "customer without orders in the CRM"),
        (situation == "prospect", _prospect(f)),
        (profile == "Recapture", joined([last, f["said_silence"], worth, is_last])),
        (profile.isna(), joined([last, f["said_silence"], given_up])),
        (profile == "Expand", joined([f["said_room"], f["said_history"], _badge(f), _waiting(f)])),
    ], joined([_badge(f), f["said_history"], _waiting(f), _keep_room(f)]))  # fmt: skip


def _prospect(f: Frame) -> Frame:
    weak = (f["computed_profile"] == "Attain") & f["icp_tier"].isin(["Low", "Unrated"])
    return joined([
        when(f["events"] >= 0, "never bought"),
        when(f["open_opportunities"] > 0, "open deal: " + f["open_name"]),
        "ICP " + f["icp_tier"] + (" (" + number(f["icp_score"]) + ")").fillna(""),
        when(weak, "ranked last"),
        when(f["prospect_to"] == "none", "not enough known to rate it"),
    ])  # fmt: skip


def _badge(f: Frame) -> Frame:
    back = "new: won back with the order of " + day_text(f["last_n"])
    new = choose([(f["won_back"], back)], "new: too early to call it regular")
    risk = "at risk: lapses on " + day_text(f["lapsed_on"]) + " if nothing is ordered"
    return choose([(f["badge"] == "New", new), ((f["badge"] == "At risk") & ~f["lapsed"], risk)])


def _waiting(f: Frame) -> Frame:
    confirmed = f["said_silence"] + " (confirmed from " + day_text(f["lapsed_on"] + 30) + ")"
    return when(f["held_back"] & f["lapsed"], confirmed)


def _keep_room(f: Frame) -> Frame:
    known = f["room_wallet"].notna() | f["room_lines"].notna() | f["room_family"].notna()
    told = choose([(known & f["badge"].isna(), "no confirmed room"), (~known, "Keep (room unknown)")])
    return told.where(~(f["held_back"] & f["lapsed"]))


def _behind(f: Frame, words: dict[str, str]) -> list[Frame]:
    worth = joined([f"{said}: " + f[f"win_{name}"] for name, said in _WORTH.items()], ", ")
    fall = (
        (f["revenue_prior_at_last"] - f["revenue_at_last"])
        * 100
        / f["revenue_prior_at_last"].where(f["revenue_prior_at_last"] > 0)
    )
    fell = "At its last order, the revenue of 12 months was " + rounded(fall) + " % below the 12 months before."
    early = "The renewal date lies before the last order: judged by its orders."
    zeros = "Won deals of amount zero are on record; they don't count as orders."
    score = (
        "ICP "
        + number(f["icp_score"]).fillna("–")
        + " of 100 ("
        + f["icp_tier"]
        + "), "
        + number(f["icp_completeness"])
    )
    span = " % known, between " + number(f["icp_worst"]) + " and " + number(f["icp_best"]) + " whatever is unknown."
    pairs = zip(f["said_history"].fillna(""), f["reason"], strict=True)
    untold = pd.Series([history not in reason for history, reason in pairs], f.index)
    return [
        when(untold, sentence(f["said_history"])),
        when(fall > 25, fell),
        when(f["renewal_on"] < f["last_n"], early),
        when((f["situation"] == "prospect") & (f["zeros"] > 0), zeros),
        when(f["situation"] == "lapsed", "Worth winning back? " + worth),
        score + span,
        *(f"{_TITLES[name]} ({words[name]}, proposed): " + f[f"icp_{name}"] for name in WEIGHTS),
    ]


def _runner_up(f: Frame) -> Frame:
    lapse = "Recapture or Retire, from " + day_text(f["lapsed_on"] + 30) + " on if nothing is ordered"
    profile, situation = f["computed_profile"], f["situation"]
    return choose([
        (situation == "ahead", _RUNNER_UP["ahead"]),
        (situation == "undated", _RUNNER_UP["undated"]),
        (situation.isin(["credits", "no orders"]) | (profile == "Attain"), _RUNNER_UP["first"]),
        (situation == "prospect", _RUNNER_UP["prospect"]),
        (profile == "Recapture", _RUNNER_UP["Recapture"]),
        (profile.isna(), _RUNNER_UP["none"]),
        (f["badge"].notna(), lapse),
        (profile == "Expand", "Keep, once the room named is used up; " + lapse),
    ], _RUNNER_UP["room"])  # fmt: skip


def _unknown(f: Frame) -> list[Frame]:
    customer = f["computed_profile"].isin(["Keep", "Expand"])
    return [
        when(customer & f["wallet"].isna(), "wallet"),
        when(customer & f["room_lines"].isna(), "product_line"),
        when(customer & f["room_family"].isna(), "parent_id"),
        when((f["situation"] == "lapsed") & (f["win_potential"] == "unknown"), "potential"),
        *(when(f[f"icp_{name}"] == "unknown", column) for name, column in _COLUMNS.items()),
    ]
