"""The plan: what the CRM holds, what it should hold, and the difference, as one value.

It can be shown, counted, hashed, saved, refused and approved. Making one touches no network, database or clock; a plan
of 200,000 changes stays columns until somebody looks at a row.
"""

import hashlib
import itertools
import json
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.model import Change
from crm_kare.ports import LabelField
from crm_kare.sync.difference import CHANGES, differences
from crm_kare.sync.policy import EVERYTHING, Compared, Policy, Scope

_AT_ONCE: Final = 2_000
"""Rows that are Python objects at one time."""


@dataclass(frozen=True)
class Transition:
    """How many accounts go from one computed profile to another; `seen` is False where none was held before."""

    before: str
    after: str
    accounts: int
    seen: bool = True

    @property
    def key(self) -> str:
        """As the Contract writes it: `Keep>Recapture`."""
        return f"{self.before}>{self.after}"


@dataclass(frozen=True)
class Plan:
    """Everything a run wants to write.

    Attributes:
        crm: the CRM's name.
        as_of: the day of the judgement.
        source: the CRM object that holds the accounts.
        fields: labels that may be written, with their CRM fields.
        changes: account_id, label, old, new; ordered by account, then by label. Nothing that the CRM holds already.
        accounts: account_id, name, why, override, override_until, group_id (the account at the top of its group) of every
            account in `changes`, in the same order.
        conflicts: account_id, label, ours, present, new: a person's value that stands against ours.
        agreed: account_id, label, value: the CRM holds what we want, and the journal does not know it yet.
        transitions: moves of the computed profile.
        holders: accounts of the whole CRM by the computed profile they hold.
        judged: accounts judged.
        unknown: of those, how many have neither profile nor motion, and no person said so.
        cleared: ids of accounts that left the filter and lose their labels.
        waiting: accounts left out because their last write was rejected and their wait is not over.
        whole: whether every account of the CRM could be written (no owner, no limit).
        undoes: the run whose changes it takes back; empty where it comes from a judgement.
    """

    crm: str
    as_of: date
    source: str
    fields: tuple[LabelField, ...]
    changes: pa.Table
    accounts: pa.Table
    conflicts: pa.Table
    agreed: pa.Table
    transitions: tuple[Transition, ...] = ()
    holders: Mapping[str, int] = field(default_factory=dict)
    judged: int = 0
    unknown: int = 0
    cleared: tuple[str, ...] = ()
    waiting: int = 0
    whole: bool = True
    undoes: str = ""

    def __iter__(self) -> Iterator[Change]:
        """Every change, one field each."""
        fields = {one.label.name: one.field for one in self.fields}
        place = pc.index_in(self.changes["account_id"], self.accounts["account_id"])
        for batch in self.changes.append_column("place", place).to_batches(max_chunksize=_AT_ONCE):
            why: Any = self.accounts["why"].take(batch["place"])
            columns: list[list[Any]] = [batch[name].to_pylist() for name in CHANGES.names]
            ids, labels, old, new = columns
            crm_fields = [fields[label] for label in labels]
            yield from map(Change, ids, labels, crm_fields, old, new, why.fill_null("").to_pylist())

    def by_account(self) -> Iterator[tuple[dict[str, str | None], list[Change]]]:
        """Each account (a row of `accounts`) with its changes; both tables are in the same order and read as a stream."""
        changes = itertools.groupby(self, key=operator.attrgetter("account_id"))
        rows = itertools.chain.from_iterable(
            batch.to_pylist() for batch in self.accounts.to_batches(max_chunksize=_AT_ONCE)
        )
        for account, (_, cells) in zip(rows, changes, strict=True):
            yield account, list(cells)

    def by_transition(self) -> dict[str, int]:
        """Accounts by `Keep>Recapture`, the most frequent first."""
        counts: dict[str, int] = {}
        for one in self.transitions:
            counts[one.key] = counts.get(one.key, 0) + one.accounts
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def conflict_accounts(self) -> int:
        """Accounts held back because a person edited one of our fields."""
        return pc.count_distinct(self.conflicts["account_id"]).as_py()

    @property
    def unknown_share(self) -> float:
        """Share of the accounts judged that have neither profile nor motion."""
        return self.unknown / self.judged if self.judged else 0.0

    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return self.changes.num_rows == 0


def make_plan(
    crm: str, source: str, as_of: date, compared: Compared, policy: Policy, *, scope: Scope = EVERYTHING
) -> Plan:
    """Compare the judgement with what the CRM holds.

    Args:
        crm: the CRM's name.
        source: the CRM object that holds the accounts.
        as_of: the day of the judgement; `Changed_On` of accounts whose shown profile changes.
        compared: the judgement, the CRM's present values, and what the journal knows.
        policy: the fields to write, and what to do about people's edits.
        scope: a staged start, and the accounts that wait.
    """
    found = differences(compared, policy, scope, as_of)
    labels = compared.labels
    return Plan(
        crm,
        as_of,
        source,
        policy.owned,
        found.changes,
        found.accounts,
        found.conflicts,
        found.agreed,
        tuple(Transition(**row) for row in found.transitions.to_pylist()),
        found.holders,
        labels.num_rows,
        _unknown(labels),
        found.cleared,
        found.waiting,
        scope.whole,
    )


def _unknown(labels: pa.Table) -> int:
    nobody = pc.and_(pc.is_null(labels["profile"]), pc.is_null(labels["motion"]))
    if "overridden" in labels.column_names:
        nobody = pc.and_(nobody, pc.invert(labels["overridden"]))
    return nobody.to_pylist().count(True)


def plan_hash(plan: Plan) -> str:
    """SHA-256 of what the plan would write, over a canonical form: equal plans, and only they, have equal hashes."""
    digest = hashlib.sha256()
    fields = sorted((one.label.name, one.field) for one in plan.fields)
    undoes = [plan.undoes] if plan.undoes else []
    digest.update(json.dumps([plan.crm, plan.source, plan.as_of.isoformat(), fields, *undoes]).encode())
    for table, columns in (
        (plan.changes, CHANGES.names),
        (plan.accounts, ["account_id", "override", "override_until"]),
    ):
        for batch in table.select(columns).to_batches(max_chunksize=_AT_ONCE):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                digest.update(json.dumps(row).encode())
    return digest.hexdigest()
