"""What the pages show, in no vendor's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from crm_kare.labels import BY_NAME, LABELS, Editor, Label


@dataclass(frozen=True)
class Row:
    """One account in the list. `labels` holds what our fields say, by label name; a fresh org has none."""

    id: str
    name: str
    owner: str
    industry: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """A page of accounts, how many there are in all, and how many hold each profile (empty text = none)."""

    rows: Sequence[Row]
    total: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Deal:
    """An opportunity as the table shows it. `gap` is the days since the purchase before it, of won ones.

    `counted` is False where another company is the deal's own.
    """

    name: str
    stage: str
    outcome: str
    closed_on: str
    amount: Decimal | None
    kind: str
    gap: int | None = None
    counted: bool = True

    @property
    def bought(self) -> bool:
        """Whether it is a purchase of this account."""
        return self.outcome == "won" and self.counted


@dataclass(frozen=True)
class Relative:
    """A company of the same group: `how` it is related."""

    id: str
    name: str
    how: str
    profile: str


@dataclass(frozen=True)
class Edit:
    """What was changed in one go: when, by whom, whether that is a person, and the fields (title, old, new)."""

    at: str
    who: str
    by_person: bool
    fields: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Account:
    """An account as a rep sees it. `facts` are the CRM's own fields (label, value); `ready` is whether ours exist."""

    id: str
    name: str
    owner: str
    facts: Sequence[tuple[str, str]]
    labels: Mapping[str, str]
    deals: Sequence[Deal]
    relatives: Sequence[Relative]
    edits: Sequence[Edit]
    currency: str
    ready: bool

    @property
    def won(self) -> tuple[int, Decimal]:
        """How many deals are won, and what they sum to."""
        held = [one for one in self.deals if one.bought]
        return len(held), sum((one.amount for one in held if one.amount is not None), Decimal(0))

    @property
    def extras(self) -> list[tuple[str, str]]:
        """Labels that have no place of their own on the page: title and value, where there is one."""
        return [
            (one.title, self.labels[one.name])
            for one in LABELS
            if one.name not in _PLACED and self.labels.get(one.name)
        ]


_PLACED = frozenset(
    {"Profile", "Computed_Profile", "Previous_Profile", "Changed_On", "Motion", "Badge", "Reason", "Reasons"}
    | {"Next_Step", "ICP_Score", "ICP_Tier"}
    | {one.name for one in LABELS if one.editor is Editor.PEOPLE and one.name.startswith("Override")}
)

PEOPLES: tuple[Label, ...] = (BY_NAME["Override"], BY_NAME["Override_Reason"], BY_NAME["Override_Until"])
"""The labels that the form on the page sets."""


def money(amount: Decimal | None, currency: str) -> str:
    """An amount for reading: `EUR 1,234.50`; nothing where it is not known."""
    return "" if amount is None else f"{currency} {amount:,.2f}".strip()


def grouped(value: str) -> str:
    """A number with thousands apart; anything else as it is."""
    text = whole(value)
    return f"{int(text):,}" if text.isdecimal() and len(text) > 4 else text  # noqa: PLR2004  short ones read well


def whole(value: str) -> str:
    """A whole number without the point that CRMs add."""
    return value.removesuffix(".0")
