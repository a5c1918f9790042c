"""A plain judge of one account, written from METHOD.md alone: sections 1, 3 and 4. The portfolio's figures are given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import floor

from method.oracle_view import (
    ATTAIN,
    DAY,
    ENTER,
    EXPAND,
    KEEP,
    LEAVE,
    MOTIONS,
    RECAPTURE,
    YEAR,
    Account,
    Deal,
    Figures,
    View,
)


@dataclass
class Judgement:
    """What must come out."""

    profile: str | None = None
    motion: str | None = None
    badge: str | None = None
    lapsed: bool = False
    lapsed_since: date | None = None
    events: int = 0
    last_event_on: date | None = None
    expected_gap: Fraction | None = None
    overdue: Fraction | None = None
    effective: float | None = None
    window_days: int = YEAR
    plan: list[str] = field(default_factory=list)
    account_class: str | None = None


def judge(account: Account, figures: Figures, day: date) -> Judgement:
    """The whole judgement of one account as of a day."""
    now = View(account, figures, day, day)
    result = _numbers(now)
    result.profile, result.motion, result.badge = _profile(now)
    if result.profile in (ATTAIN, EXPAND):
        result.plan = _plan(now)
    result.account_class = _class(now)
    return result


def _numbers(now: View) -> Judgement:
    result = Judgement(events=len(now.events), window_days=now.window)
    if now.events:
        result.last_event_on = now.events[-1]
        result.expected_gap, result.overdue, result.effective = now.gap, now.overdue, now.effective
        result.lapsed, result.lapsed_since = now.lapse_rule, now.lapsed_since
    return result


Shown = tuple[str | None, str | None, str | None]


def _profile(now: View) -> Shown:
    won = [deal for deal in now.account.deals if deal.outcome == "won" and (deal.amount is None or deal.amount > 0)]
    ahead = any(deal.closed_on and deal.closed_on > now.day for deal in won)
    undated = any(deal.closed_on is None for deal in won)
    if ahead and (now.lapse_rule if now.events else not undated):
        return KEEP, "Retain", "New"
    if now.events:
        return _customer(now)
    if undated:
        return KEEP, "Retain", None
    if any(deal.outcome == "won" and deal.amount is not None and deal.amount < 0 for deal in now.account.deals):
        return None, None, None
    return _prospect(now)


def _prospect(now: View) -> Shown:
    account = now.account
    if account.is_customer:
        return None, None, None
    if account.tier in ("High", "Moderate") or account.target or bool(_open_deals(now)):
        return ATTAIN, "Acquire", None
    return None, "Retire" if account.tier == "Low" else None, None


def _open_deals(now: View) -> list[Deal]:
    """Open and not overdue by more than 90 days."""
    return [deal for deal in now.account.deals if deal.outcome == "open" and _due(deal, now.day)]


def _due(deal: Deal, day: date) -> bool:
    return deal.closed_on is not None and deal.closed_on >= day - 90 * DAY


def _customer(now: View) -> Shown:
    before = now.at(now.day - 30 * DAY)
    return _gone(now, before) if now.lapse_rule else _active(now, before)


def _gone(now: View, before: View) -> Shown:
    held = now.account.held
    waits = (held in (KEEP, EXPAND)) if now.account.is_held else True
    if before.lapse_rule or not waits:
        return _lapsed(now)
    if now.account.is_held and held:
        return held, MOTIONS[held], now.badge
    if not before.events:
        return KEEP, "Retain", "New"
    shown = before.active(ENTER)
    return shown, MOTIONS[shown], now.badge


def _lapsed(now: View) -> Shown:
    answers = _answers(now)
    if any(answer is True for answer in answers):
        return RECAPTURE, "Reactivate", None
    if any(answer is None for answer in answers):
        return (RECAPTURE, "Reactivate", None) if now.silence < 3 * YEAR else (None, None, None)
    return None, "Retire", None


def _answers(now: View) -> list[bool | None]:
    """Every field is mapped in the org that is compared."""
    account = now.account
    return [
        None if account.potential is None else account.potential > 0,
        _either(account.strategic_value, _in_market(now)),
        None if account.tier == "Unrated" else account.tier != "Low",
        account.favourable,
        account.still_using,
        None if (best := _best_year(now)) is None else best > now.figures.median_best_year,
        bool(_open_deals(now)),
    ]


def _in_market(now: View) -> bool | None:
    return None if now.account.market is None else now.account.market in now.figures.strategic_markets


def _either(one: bool | None, other: bool | None) -> bool | None:  # noqa: FBT001 - three-valued or
    return True if one or other else (None if one is None or other is None else False)


def _best_year(now: View) -> Fraction | None:
    if all(amount is None for _, amount in now.purchases):
        return None
    ends = {day for day, _ in now.purchases}
    return max(now.at(end).revenue(YEAR) for end in ends)


def _line_limit(now: View) -> Fraction:
    """Whoever is in Expand leaves at 100 % of the lines; with no label held, who was in it 30 days ago."""
    account, before = now.account, now.at(now.day - 30 * DAY)
    if account.is_held:
        return LEAVE if account.held == EXPAND else ENTER
    was_in = bool(before.events) and before.active(ENTER) == EXPAND and before.firm(ENTER)
    return LEAVE if was_in else ENTER


def _active(now: View, before: View) -> Shown:
    """Between Keep and Expand; whoever held neither waits in Keep."""
    account = now.account
    earlier = before.active(LEAVE if account.held == EXPAND else ENTER) if before.events else KEEP
    below = _line_limit(now)
    shown = now.active(below)
    if shown != earlier and not _at_once(now, before, shown, below):
        waits = account.held if account.held in (KEEP, EXPAND) else KEEP
        shown = (waits or KEEP) if account.is_held else earlier
    return shown, MOTIONS[shown], now.badge


def _at_once(now: View, before: View, wanted: str, below: Fraction) -> bool:
    if wanted == EXPAND:
        return now.deal_room
    return before.deal_room and not before.firm(below) and not now.deal_room


def _plan(now: View) -> list[str]:
    account = now.account
    customer = bool(now.events)
    share = now.share
    wallet = None if share is None else share < Fraction(7, 10)
    growth = _growth(now)
    return [
        _word(account.has_problem),
        _word(None if growth is None else growth > now.figures.median_best_year),
        _word(wallet) if customer else "not asked",
        _word(_in_market(now)),
        _word(None if account.tier == "Unrated" else account.tier in ("High", "Moderate")),
    ]


def _growth(now: View) -> Fraction | None:
    account = now.account
    if account.potential is not None:
        return account.potential
    if account.wallet is not None:
        return account.wallet - now.yearly_revenue
    amounts = [deal.amount for deal in _open_deals(now) if deal.amount is not None]
    return sum(amounts, Fraction(0)) if amounts else None


def _word(answer: bool | None) -> str:  # noqa: FBT001 - three-valued
    return {True: "yes", False: "no", None: "unknown"}[answer]


def _class(now: View) -> str | None:
    account, figures = now.account, now.figures
    revenue = now.revenue(YEAR)
    chosen: list[tuple[str, Callable[[], bool]]] = [
        ("Strategic", lambda: _key(now) and _wanted(now) and now.room(_line_limit(now))),
        ("Key", lambda: _key(now)),
        ("National", lambda: revenue >= figures.national_revenue and (account.sites or 0) >= 5),
        ("SMB", lambda: account.employees is not None and account.employees < 100),
    ]
    return next((name for name, holds in chosen if holds()), None)


def _wanted(now: View) -> bool:
    return bool(now.account.target) or bool(_in_market(now))


def _key(now: View) -> bool:
    """A candidate without a standing warning; what is unknown warns of nothing."""
    if not now.events or now.revenue(YEAR) < now.figures.key_revenue:
        return False
    margin = now.account.margin
    little = margin is not None and margin < 10
    room_known = now.share is not None or bool(now.lines) or now.account.related is not None
    full = room_known and not now.room(_line_limit(now))
    easy = full and _in_market(now) is False and not now.account.target and _kept(now)
    return not little and not easy and _proven(now)


def _kept(now: View) -> bool:
    return not now.badge and not now.lapse_rule


def _proven(now: View) -> bool:
    days = 3 * YEAR
    steady = now.rhythm or now.contract
    quarters = {floor(Fraction((now.day - event).days * 4, now.window)) for event in now.recent}
    often = len(quarters) >= 3 and len(now.recent) >= 3
    long = (now.day - now.events[0]).days >= days
    return (
        long and (often or (steady and _kept(now))) and _largest_share(now, days if steady else YEAR) <= Fraction(1, 2)
    )


def _largest_share(now: View, days: int) -> Fraction:
    by_day: dict[date, Fraction] = {}
    for day, amount in now.purchases:
        if now.within(day, days):
            by_day[day] = by_day.get(day, Fraction(0)) + (amount or Fraction(0))
    total = sum(by_day.values(), Fraction(0))
    return max(by_day.values()) / total if total > 0 else Fraction(0)
