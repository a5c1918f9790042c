"""The command line as its callers have it: arguments in; exit code, stdout and stderr out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_kare.cli import main

ACCOUNTS = "Account ID,Account Name,Account Owner,Industry,Billing Country,Employees,Annual Revenue,Type"
DEALS = "Opportunity ID,Account ID,Stage,Close Date,Amount,Type"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Stdout as the one JSON document that it must be."""
        return json.loads(self.out)


@dataclass
class Door:
    """Calls the entry point for a project in a folder."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> Ended:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--project", str(self.folder)] if arguments[0] not in {"init", "--help"} else arguments)
        shown = self.capture.readouterr()
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, shown.out, shown.err)

    def file(self, name: str) -> Path:
        """A file of the project."""
        return self.folder / name

    def put(self, name: str, text: str) -> None:
        """Write a file of the project."""
        self.file(name).write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a text in a file of the project, which must be there."""
        text = self.file(name).read_text(encoding="utf-8")
        assert old in text
        self.put(name, text.replace(old, new, 1))


MAPPING = """\
version: 1
connector: files
streams:
  accounts:
    from: accounts.csv
    fields: {account_id: Account ID, name: Account Name, owner: Account Owner, industry: Industry}
  opportunities:
    from: opportunities.csv
    fields: {opportunity_id: Opportunity ID, account_id: Account ID, closed_on: Close Date, amount: Amount,
             is_won: {field: Stage, map: {Won: true, Lost: false}}, is_closed: {field: Stage, map: {Won: true, Lost: true}}}
"""

PROJECT = "version: 1\ncrms:\n  shop: {connector: files, mapping: mappings/files.yaml}\n"


def fill(door: Door, accounts: int = 4) -> None:
    """Accounts a1 … an; the first bought every month."""
    rows = [f"a{n},Firm {n},Ann,Tools,Germany,50,1000000,Customer" for n in range(1, accounts + 1)]
    door.put("accounts.csv", "\n".join([ACCOUNTS, *rows]) + "\n")
    _buy(door, [date(2026, month, 5) for month in range(1, 11)] if accounts else [])


def buy_until(door: Door, last: date) -> None:
    """The first account bought ten times, every thirty days, and the last time on this day."""
    _buy(door, [last - timedelta(days=30 * back) for back in range(9, -1, -1)])


def _buy(door: Door, days: Sequence[date]) -> None:
    deals = [f"o{number},a1,Won,{day},1000,New" for number, day in enumerate(days, 1)]
    door.put("opportunities.csv", "\n".join([DEALS, *deals]) + "\n")
