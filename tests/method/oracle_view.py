"""One account as of one day, told in plain Python from METHOD.md alone: the half of the oracle that looks at histories.

It knows nothing of the product's code. It walks day by day, counts what lies in a window by looking at each event, and
compares in whole numbers and fractions.
"""

from dataclasses import dataclass, replace
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
        year = [amount for day, amount in self.purchases if amount is not None and self.within(day, YEAR)]
        largest = max(year, default=None)
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
