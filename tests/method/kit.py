"""Small orgs by hand: rows in, labels out. A case says in days ago when things happened, as a rep would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa

from crm_kare.config.rulebook import Criterion, Icp, Rulebook, UsualGap
from crm_kare.method import Portfolio, Scored, Streams, score
from crm_kare.model import STREAMS, Kind

D = date(2026, 11, 21)
"""The day that is judged, where a case names no other."""

Row = dict[str, Any]

_MONEY = pa.decimal128(18, 4)
_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.NUMBER: _MONEY,
    Kind.MONEY: _MONEY,
    Kind.DATE: pa.date32(),
    Kind.BOOL: pa.bool_(),
}
_SET_BY_PEOPLE = {
    "override": pa.string(),
    "override_reason": pa.string(),
    "override_until": pa.date32(),
    "lapse_reason": pa.string(),
    "class_override": pa.string(),
    "target": pa.bool_(),
}
_OPPORTUNITIES = {
    "opportunity_id": pa.string(),
    "account_id": pa.string(),
    "name": pa.string(),
    "outcome": pa.string(),
    "closed_on": pa.date32(),
    "created_on": pa.date32(),
    "amount": _MONEY,
    "deal_kind": pa.string(),
    "pipeline": pa.string(),
    "product_line": pa.string(),
    "probability": _MONEY,
}
_HELD = {
    "account_id": pa.string(),
    "computed_profile": pa.string(),
    "badge": pa.string(),
    "since": pa.date32(),
}


def _types(stream: str) -> dict[str, Any]:
    return {column.name: _TYPES[column.kind] for column in STREAMS[stream].columns}


def _table(types: Mapping[str, Any], rows: list[Row]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()})


def ago(days: int, day: date = D) -> date:
    """The date so many days before; negative = ahead."""
    return day - timedelta(days=days)


def money(amount: float | str | Decimal | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


@dataclass
class Org:
    """Rows of one CRM, collected case by case."""

    mapped: frozenset[str] = frozenset()
    accounts: list[Row] = field(default_factory=list)
    opportunities: list[Row] = field(default_factory=list)
    held: list[Row] = field(default_factory=list)
    purchases: list[Row] | None = None
    contacts: list[Row] | None = None

    def account(self, account_id: str, **values: Any) -> str:
        self.accounts.append({"account_id": account_id, "name": account_id.title(), "owner_id": "rep", **values})
        return account_id

    def deal(self, account_id: str, outcome: str, closed_on: date | None, **values: Any) -> None:
        number = len(self.opportunities) + 1
        row: Row = {"opportunity_id": f"deal-{number:06}", "account_id": account_id, "name": f"Deal {number}"}
        amount = money(values.pop("amount", 1000))
        self.opportunities.append({**row, "outcome": outcome, "closed_on": closed_on, "amount": amount, **values})

    def won(self, account_id: str, *days: int, day: date = D, **values: Any) -> None:
        """Won deals, so many days ago."""
        for one in days:
            self.deal(account_id, "won", ago(one, day), **values)

    def customer(self, account_id: str, *days: int, amount: float | None = 1000, day: date = D, **values: Any) -> str:
        """An account with won deals so many days ago."""
        self.account(account_id, **values)
        self.won(account_id, *days, amount=amount, day=day)
        return account_id

    def hold(self, account_id: str, profile: str | None, badge: str | None = None) -> None:
        """What the journal holds as last computed label."""
        self.held.append({"account_id": account_id, "computed_profile": profile, "badge": badge, "since": ago(200)})

    def streams(self) -> Streams:
        accounts = _table({**_types("accounts"), **_SET_BY_PEOPLE}, self.accounts)
        orders = None if self.purchases is None else ibis.memtable(_table(_types("purchases"), self.purchases))
        contacts = None if self.contacts is None else ibis.memtable(_table(_types("contacts"), self.contacts))
        return Streams(
            accounts=ibis.memtable(accounts),
            opportunities=ibis.memtable(_table(_OPPORTUNITIES, self.opportunities)),
            purchases=orders,
            line_items=None,
            contacts=contacts,
            owners=None,
            mapped=self.mapped,
            currency="EUR",
        )

    def scored(self, rulebook: Rulebook, as_of: date = D, portfolio: Portfolio | None = None) -> Scored:
        held = _table(_HELD, self.held) if self.held else None
        return score(self.streams(), rulebook, as_of, portfolio, held)

    def labels(self, rulebook: Rulebook, as_of: date = D, portfolio: Portfolio | None = None) -> dict[str, Row]:
        return by_account(self.scored(rulebook, as_of, portfolio))


def by_account(scored: Scored) -> dict[str, Row]:
    return {row["account_id"]: row for row in scored.labels.to_pylist()}


def figures(usual_gap: int = 90, **values: Any) -> Portfolio:
    """Portfolio figures that stand, so that accounts of one call do not influence each other."""
    default: Row = {
        "measured_on": D,
        "usual_gap": usual_gap,
        "measured_gap": True,
        "repeat_accounts": 100,
        "customers": 200,
        "median_best_year": 5000.0,
        "key_revenue": 1e9,
        "national_revenue": 1e9,
        "peer_lines": {},
        "first_event_on": date(2015, 1, 1),
        "proposed": {},
    }
    return Portfolio(**{**default, **values})


def fit(**values: Any) -> Rulebook:
    """A rulebook whose only ICP criterion is cultural fit: true = High, false = Low, empty = Unrated; usual gap 90 days."""
    criteria = {"fit": Criterion(title="Cultural fit", weight=1, test="cultural_fit")}
    gap = values.pop("usual_gap", UsualGap(days=90))
    return Rulebook(icp=values.pop("icp", Icp(criteria=criteria)), usual_gap=gap, **values)
