"""A project over CRMs in memory, for whole runs without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from crm_kare.config.mapping import Mapping as CrmMapping
from crm_kare.config.rulebook import Rulebook
from crm_kare.labels import LABELS
from crm_kare.method import Portfolio, Scored, Streams
from crm_kare.model import STREAMS, Problem
from crm_kare.ports import Connector, Context, LabelField, Organisation
from crm_kare.sync.mapped.columns import typed
from crm_kare.sync.runtime import Runtime, open_project
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.memory import MemoryConnector, MemoryCrm

MAPPING = """
version: 1
connector: memory
streams:
  accounts:
    from: accounts
    fields: {{account_id: account_id, name: name, owner_id: owner_id, owner: owner, industry: industry, in_scope: in_scope}}
    {where}
  opportunities:
    from: opportunities
    fields: {{opportunity_id: opportunity_id, account_id: account_id, is_won: is_won, is_closed: is_closed,
             closed_on: closed_on, amount: amount}}
{labels}
"""

RULES = """
version: "1"
icp:
  criteria:
    industry: {title: Industry, weight: 1, one_of: {column: industry, values: [Tools]}}
"""

JUDGED = pa.schema(
    [
        ("account_id", pa.string()),
        ("name", pa.string()),
        ("owner", pa.string()),
        ("profile", pa.string()),
        ("computed_profile", pa.string()),
        ("motion", pa.string()),
        ("badge", pa.string()),
        ("reason", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("icp_score", pa.int64()),
        ("icp_tier", pa.string()),
        ("rank", pa.int64()),
        ("rules_version", pa.string()),
        ("class_chosen", pa.bool_()),
    ]
)
MOTIONS = {"Keep": "Retain", "Attain": "Acquire", "Recapture": "Reactivate", "Expand": "Grow", "retire": "Retire"}

FIELDS = tuple(LabelField(label, f"{'kare_' if label.prefixed else ''}{label.name}".lower()) for label in LABELS)


@dataclass
class World:
    """CRMs by name, a project that has them, and the clock they share."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    crms: dict[str, MemoryCrm] = field(default_factory=dict)
    made: dict[str, Connector] = field(default_factory=dict)
    wrap: Callable[[Connector], Connector] = lambda connector: connector
    verdict: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, *, where: str = "", labels: str = "") -> MemoryCrm:
        """One more CRM, provisioned."""
        crm = MemoryCrm(self.clock)
        crm.create_fields("accounts", FIELDS)
        self.crms[name] = crm
        self.map(name, where=where, labels=labels)
        entries = "".join(
            f"  {one}: {{connector: memory, mapping: {one}.yaml, env_prefix: {one.upper()}_}}\n" for one in self.crms
        )
        (self.folder / "crm-kare.yaml").write_text(f"version: 1\ncrms:\n{entries}")
        return crm

    def map(self, name: str, *, where: str = "", labels: str = "") -> None:
        """Write the CRM's mapping anew."""
        text = MAPPING.format(where=where and f'where: "{where}"', labels=labels)
        (self.folder / f"{name}.yaml").write_text(text)

    def environment(self) -> dict[str, str]:
        """The logins."""
        return {f"{name.upper()}_MEMORY_TOKEN": crm.token for name, crm in self.crms.items()}

    def open(self) -> Runtime:
        """The project, as a command would open it."""
        return open_project(self.folder, self.environment(), self.clock, lambda _name: self.connect)

    def labels(self, name: str, account_id: str) -> dict[str, str | None]:
        """What the CRM holds in our fields of an account."""
        record = self.crms[name].records("accounts")[account_id]
        return {one.label.name: record[one.field] for one in FIELDS}

    def edit(self, name: str, account_id: str, **values: str | None) -> None:
        """A person edits label fields."""
        fields = {one.label.name: one.field for one in FIELDS}
        self.clock.advance(60)
        self.crms[name].edit("accounts", account_id, {fields[label]: text for label, text in values.items()})

    def judge_by_hand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the test say who gets which profile, for tests of what becomes of it."""
        monkeypatch.setattr("crm_kare.sync.judge.streams", _accounts_alone)
        monkeypatch.setattr("crm_kare.sync.judge.score", self.score)

    def score(
        self,
        streams: Streams,
        rulebook: Rulebook,
        as_of: date,
        portfolio: Portfolio | None,
        held: pa.Table | None,
        **words: Any,
    ) -> Scored:
        """The rules core's place: the computed profile is what the test says (`verdict`), the override as METHOD.md has it."""
        del held, words
        columns = ["account_id", "name", "owner", "override", "override_until"]
        accounts = streams.accounts.select(columns).order_by("account_id").to_pyarrow().to_pylist()
        rows = [self.judge(row, as_of, rulebook.stamp) for row in accounts]
        return Scored(pa.Table.from_pylist(rows, JUDGED), portfolio or Portfolio(as_of, 90), ())

    def judge(self, row: dict[str, Any], as_of: date, version: str) -> dict[str, Any]:
        """One account's labels; `row` has `account_id`, `name`, `owner` if known, `override` and `override_until`."""
        computed = self.verdict.get(row["account_id"], "Keep")
        override, until = row.pop("override"), row.pop("override_until")
        holds = override is not None and (until is None or until >= as_of)
        shown = override if holds else computed
        reason = f"{computed}, because the test says so"
        return {
            **row,
            "profile": shown if shown in {"Keep", "Attain", "Recapture", "Expand"} else None,
            "computed_profile": computed if computed not in {"retire", "unknown"} else None,
            "motion": MOTIONS.get(shown),
            "reason": reason,
            "reasons": [reason, "and for no other reason"],
            "icp_score": 87,
            "icp_tier": "High",
            "rules_version": version,
        }

    def buys(self, name: str, account_id: str, *days: date, amount: str = "1000") -> None:
        """Won deals of an account."""
        for day in days:
            self.crms[name].insert(
                "opportunities",
                {
                    "account_id": account_id,
                    "is_won": "true",
                    "is_closed": "true",
                    "closed_on": day.isoformat(),
                    "amount": amount,
                },
            )

    def account(self, name: str, account_id: str, *, industry: str = "Tools", owner: str = "Ann") -> None:
        """A prospect."""
        values = {
            "name": f"Firm {account_id}",
            "owner": owner,
            "owner_id": owner,
            "industry": industry,
            "in_scope": "true",
        }
        self.crms[name].insert("accounts", values, account_id)

    def regular(self, name: str, account_id: str, *, owner: str = "Ann") -> None:
        """A customer that bought every 60 days until a fortnight before today."""
        self.account(name, account_id, owner=owner)
        last = self.clock.now().date() - timedelta(days=14)
        self.buys(name, account_id, *(last - timedelta(days=60 * back) for back in range(6)))

    def connect(self, context: Context) -> Connector:
        """Makes the connector to the CRM of that name."""
        self.made[context.crm] = self.wrap(MemoryConnector(self.crms[context.crm], context, page=50))
        return self.made[context.crm]


def _accounts_alone(
    tables: Mapping[str, ir.Table], mapping: CrmMapping, _organisation: Organisation, _as_of: date
) -> tuple[Streams, list[Problem]]:
    """As `crm_kare.sync.mapped.streams`, without deals and money: all that a judgement by hand looks at."""
    accounts = typed(tables["accounts"], STREAMS["accounts"], mapping.streams.accounts)
    return Streams(accounts, accounts, None, None, None, None, frozenset(), ""), []
