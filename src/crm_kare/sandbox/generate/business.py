"""The made-up business as values, in no vendor's words. Each CRM's side loads them in its own form.

`key` numbers are the business's own: they tie the values together and become ids in each CRM.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Stage(StrEnum):
    """Where a deal stands; each vendor's side has its own names for these, some of them custom."""

    PROSPECTING = "prospecting"
    QUALIFICATION = "qualification"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    WON = "won"
    WON_RENEWAL = "won_renewal"
    LOST = "lost"
    LOST_NO_DECISION = "lost_no_decision"

    @property
    def is_won(self) -> bool:
        """Whether the deal is won."""
        return self.startswith("won")

    @property
    def is_lost(self) -> bool:
        """Whether the deal is lost."""
        return self.startswith("lost")

    @property
    def is_closed(self) -> bool:
        """Whether the deal is won or lost."""
        return self.is_won or self.is_lost


@dataclass(frozen=True, slots=True)
class Rep:
    """A user who owns accounts and deals."""

    key: int
    first_name: str
    last_name: str
    email: str
    team: str
    active: bool


@dataclass(frozen=True, slots=True)
class Company:
    """An account. `story` says how it was made (for tests and for people who look at the sandbox), no CRM holds it.

    `revenue`, `wallet` are whole units of the home currency. `kind` is Customer, Prospect or None. `segment` is the
    record type: Direct or Partner.
    """

    key: int
    name: str
    story: str
    owner: int
    created_on: date
    domain: str | None = None
    phone: str | None = None
    industry: str | None = None
    country: str | None = None
    city: str | None = None
    employees: int | None = None
    revenue: int | None = None
    parent: int | None = None
    kind: str | None = None
    segment: str = "Direct"
    wallet: int | None = None
    sites: int | None = None
    renewal_on: date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line item: product, its family (product line), how many, and the line's total in cents."""

    product: str
    family: str
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity. `amount` is in cents, None = nobody typed one. `company` None = belongs to no account.

    `pipeline` is New business, Expansion, Renewal or Projects; `type` the deal type people typed, or None.
    """

    key: int
    name: str
    company: int | None
    owner: int
    stage: Stage
    pipeline: str
    created_on: date
    closed_on: date
    amount: int | None
    type: str | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A contact at a company, with the role in decisions where somebody typed it."""

    key: int
    company: int
    first_name: str
    last_name: str
    email: str | None
    title: str
    role: str | None
    decision_maker: bool | None
    favourable: bool | None


@dataclass(frozen=True)
class Business:
    """All of it, as of a day. Keys are positions: `companies[i].key == i`, the same for reps, deals and people."""

    as_of: date
    reps: tuple[Rep, ...]
    companies: tuple[Company, ...]
    deals: tuple[Deal, ...]
    people: tuple[Person, ...]
