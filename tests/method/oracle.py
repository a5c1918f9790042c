"""A plain judge of one account, written from METHOD.md alone: sections 1, 3 and 4, brute force where that is surest.

It knows nothing of the product's code. It walks day by day, counts what lies in a window by looking at each event, and
compares in whole numbers and fractions. The portfolio's figures are given.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from math import floor
from statistics import median

DAY = timedelta(days=1)
YEAR = 365
ENTER, LEAVE = Fraction(8, 10), Fraction(1)
"""Share of like accounts' product lines below which there is room, and at which it ends."""
KEEP, ATTAIN, RECAPTURE, EXPAND = "Keep", "Attain", "Recapture", "Expand"
LAPSED_PROFILES = (RECAPTURE, None)
MOTIONS = {KEEP: "Retain", ATTAIN: "Acquire", RECAPTURE: "Reactivate", EXPAND: "Grow"}


@dataclass(frozen=True)
class Deal:
    """An opportunity."""

    outcome: str
    closed_on: date | None
    amount: Fraction | None = None
    kind: str | None = None
    created_on: date | None = None
    line: str | None = None


@dataclass(frozen=True)
class Figures:
    """What the portfolio says."""

    usual_gap: int
    median_best_year: Fraction
    peer_lines: Fraction | None
    key_revenue: Fraction
    national_revenue: Fraction
    strategic_markets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """What the CRM says of one account; `tier` is given, as is whether a related company counts as room."""

    deals: tuple[Deal, ...]
    tier: str = "Unrated"
    is_customer: bool | None = None
    target: bool | None = None
    renewal_on: date | None = None
    wallet: Fraction | None = None
    potential: Fraction | None = None
    market: str | None = None
    strategic_value: bool | None = None
    favourable: bool | None = None
    still_using: bool | None = None
    margin: Fraction | None = None
    sites: int | None = None
    employees: int | None = None
    has_problem: bool | None = None
    held: str | None = None
    is_held: bool = False
    related: bool | None = None
    """Room by a related company: yes, no, or None = none known."""


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


@dataclass(frozen=True)
class View:
    """One account as of one day."""

    account: Account
    figures: Figures
    day: date
    today: date
    """The day that is judged; `day` may lie before it."""

    def at(self, day: date) -> "View":
        return View(self.account, self.figures, day, self.today)

    # --- days

    @property
    def window(self) -> int:
        gap = self.figures.usual_gap
        return YEAR if gap <= 90 else min(6 * gap, 3 * YEAR)

    def within(self, when: date, days: int) -> bool:
        """Whether a day lies in the days that end on this one."""
        return self.day - days * DAY < when <= self.day

    # --- events

    @cached_property
    def purchases(self) -> list[tuple[date, Fraction | None]]:
        won = [deal for deal in self.account.deals if deal.outcome == "won"]
        return [(deal.closed_on, deal.amount) for deal in won if deal.closed_on and deal.closed_on <= self.day]

    @cached_property
    def events(self) -> list[date]:
        return sorted({day for day, amount in self.purchases if amount is None or amount > 0})

    @cached_property
    def recent(self) -> list[date]:
        return [event for event in self.events if self.within(event, self.window)]

    @property
    def silence(self) -> int:
        return (self.day - self.events[-1]).days

    @cached_property
    def gap(self) -> Fraction:
        span = (self.events[-1] - self.events[0]).days
        return Fraction(span + 2 * self.figures.usual_gap, len(self.events) - 1 + 2)

    @property
    def overdue(self) -> Fraction:
        return self.silence / self.gap

    @property
    def effective(self) -> float:
        return float(len(self.recent) * 0.5 ** float(self.overdue / 2))

    def revenue(self, days: int) -> Fraction:
        return sum((amount or Fraction(0) for day, amount in self.purchases if self.within(day, days)), Fraction(0))

    @property
    def yearly_revenue(self) -> Fraction:
        """A year's worth of the window's: a wallet is what is bought in a year."""
        return self.revenue(self.window) * Fraction(YEAR, self.window)

    # --- lapse

    @cached_property
    def own_gaps(self) -> list[int]:
        return [(b - a).days for a, b in zip(self.events, self.events[1:], strict=False)]

    @cached_property
    def contract(self) -> bool:
        """A renewal date decides; one that the last order overtook does not (a reading, see docs/method.md)."""
        renewal = self.account.renewal_on
        return renewal is not None and bool(self.events) and renewal >= self.events[-1]

    @cached_property
    def rhythm(self) -> bool:
        gaps = self.own_gaps
        return len(gaps) >= 2 and median(gaps) >= 120 and 2 * max(gaps) <= 3 * min(gaps)

    @property
    def patience(self) -> int:
        count = len(self.recent)
        return 6 if count >= 5 else 4 if count >= 3 else 2 if count == 2 else 1

    @property
    def lapse_rule(self) -> bool:
        """Whether the rule holds on this very day, looked at without any memory."""
        if not self.events:
            return False
        if self.contract and self.account.renewal_on:
            return (self.day - self.account.renewal_on).days > 60
        if self.rhythm:
            return 4 * self.silence > 5 * max(self.own_gaps)
        return self.overdue > self.patience or (self.silence > YEAR and self.overdue > 2)

    @property
    def lapsed_since(self) -> date | None:
        if not self.lapse_rule:
            return None
        day = self.events[-1] + DAY
        while not self.at(day).lapse_rule:
            day += DAY
        return day

    # --- badges

    @property
    def won_back(self) -> bool:
        """Lapsed on the day before the last event, by the same kind of rule as judges it now (a reading)."""
        account = self.account if self.contract else replace(self.account, renewal_on=None)
        eve = View(account, self.figures, self.events[-1] - DAY, self.today)
        return len(self.events) > 1 and eve.lapse_rule

    @property
    def badge(self) -> str | None:
        if not self.events:
            return None
        if (len(self.events) == 1 or self.won_back) and self.overdue <= 2:
            return "New"
        return "At risk" if self.at_risk else None

    @property
    def at_risk(self) -> bool:
        if self.contract and self.account.renewal_on:
            return self.day > self.account.renewal_on
        if self.rhythm:
            return self.silence > max(self.own_gaps)
        # E < 2 is n × 2^(−R/2) < 2
        tired = len(self.recent) >= 3 and self.effective < 2
        return 2 * self.overdue > self.patience or tired

    # --- room

    @property
    def sound(self) -> bool:
        if self.badge:
            return False
        if self.contract:
            return len(self.events) > 1
        if self.rhythm:
            return True
        quarters = {floor(Fraction((self.day - event).days * 4, self.window)) for event in self.recent}
        return len(self.recent) >= 3 and len(quarters) >= 3

    @property
    def share(self) -> Fraction | None:
        wallet = self.account.wallet
        return self.yearly_revenue / wallet if wallet else None

    def was_open(self, deal: Deal) -> bool:
        """Open on this day, as far as its dates tell."""
        if deal.created_on and deal.created_on > self.day:
            return False
        return deal.outcome == "open" or bool(deal.closed_on and self.day < deal.closed_on <= self.today)

    @property
    def deal_room(self) -> bool:
        largest = max((amount or Fraction(0) for day, amount in self.purchases if self.within(day, YEAR)), default=None)
        return any(self._expands(deal, largest) for deal in self.account.deals)

    def _expands(self, deal: Deal, largest: Fraction | None) -> bool:
        if not self.was_open(deal) or not deal.closed_on or deal.closed_on < self.day - 90 * DAY:
            return False
        if deal.kind is None:
            return deal.amount is not None and largest is not None and deal.amount > largest
        return deal.kind == "expansion"

    @property
    def lines(self) -> list[tuple[str, date]]:
        """Product lines bought, with the day; a credit or a gift buys none."""
        won = [
            deal for deal in self.account.deals if deal.outcome == "won" and (deal.amount is None or deal.amount > 0)
        ]
        return [
            (deal.line, deal.closed_on) for deal in won if deal.line and deal.closed_on and deal.closed_on <= self.day
        ]

    def line_room(self, below: Fraction) -> bool:
        peers = self.figures.peer_lines
        bought = {line for line, day in self.lines if self.within(day, self.window)}
        return peers is not None and bool(self.lines) and len(bought) < below * peers

    def firm(self, lines_below: Fraction) -> bool:
        """Room by anything but a deal."""
        share = self.share
        little = share is not None and share < Fraction(7, 10)
        return little or self.line_room(lines_below) or self.account.related is True

    def room(self, lines_below: Fraction) -> bool:
        return self.firm(lines_below) or self.deal_room

    def active(self, lines_below: Fraction) -> str:
        """Keep or Expand."""
        return EXPAND if not self.lapse_rule and self.sound and self.room(lines_below) else KEEP


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


def _active(now: View, before: View) -> Shown:
    """Between Keep and Expand; whoever held neither waits in Keep."""
    account = now.account
    earlier = before.active(LEAVE if account.held == EXPAND else ENTER) if before.events else KEEP
    inside = account.held == EXPAND or (not account.is_held and earlier == EXPAND and before.firm(ENTER))
    below = LEAVE if inside else ENTER
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
        ("Strategic", lambda: _key(now) and _wanted(now) and now.room(ENTER)),
        ("Key", lambda: _key(now)),
        ("National", lambda: revenue >= figures.national_revenue and (account.sites or 0) >= 5),
        ("SMB", lambda: account.employees is not None and account.employees < 100),
    ]
    return next((name for name, holds in chosen if holds()), None)


def _wanted(now: View) -> bool:
    return bool(now.account.target) or bool(_in_market(now)) or bool(now.account.strategic_value)


def _key(now: View) -> bool:
    """A candidate without a standing warning."""
    if not now.events or now.revenue(YEAR) < now.figures.key_revenue:
        return False
    margin = now.account.margin
    little = margin is not None and margin < 10
    easy = not now.room(ENTER) and not _wanted(now)
    return not little and not easy and _proven(now)


def _proven(now: View) -> bool:
    days = 3 * YEAR
    if (now.day - now.events[0]).days < days:
        return False
    if now.rhythm or now.contract:
        return _largest_share(now, days) <= Fraction(1, 2)
    quarters = {floor(Fraction((now.day - event).days * 4, now.window)) for event in now.recent}
    return len(quarters) >= 3 and len(now.recent) >= 3 and _largest_share(now, YEAR) <= Fraction(1, 2)


def _largest_share(now: View, days: int) -> Fraction:
    by_day: dict[date, Fraction] = {}
    for day, amount in now.purchases:
        if now.within(day, days):
            by_day[day] = by_day.get(day, Fraction(0)) + (amount or Fraction(0))
    total = sum(by_day.values(), Fraction(0))
    return max(by_day.values()) / total if total > 0 else Fraction(0)
