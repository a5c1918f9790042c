"""Overrides that count: where the project names who may override, only theirs are followed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir

from crm_kare.config.project import Overrides
from crm_kare.model import PRESENT_PREFIX, Problem
from crm_kare.ports import Author
from crm_kare.sync.runtime import Runtime

OVERRIDE: Final = "Override"
_COLUMN: Final = f"{PRESENT_PREFIX}{OVERRIDE}"


@dataclass(frozen=True)
class Unsigned:
    """An override that is not followed: whose it is, where the CRM tells."""

    account_id: str
    value: str
    author: Author | None

    def problem(self) -> Problem:
        """What a run and a judgement say about it."""
        who = self.author.by if self.author else "Somebody whom the CRM does not name"
        when = f" on {self.author.at:%Y-%m-%d at %H:%M} UTC" if self.author and self.author.at else ""
        return Problem(
            "override-not-signed-off",
            f"{who} set the override to {self.value}{when}, and is not among those who may: it is not followed.",
            "Let one of them set it (empty the field, save, then set it), or add the person to `overrides.allowed` in crm-kare.yaml."
            if self.author
            else "Let the CRM keep the history of the field, or set `overrides.unknown: follow` in crm-kare.yaml.",
            self.account_id,
            level="warning",
        )


def held(accounts: ir.Table) -> list[tuple[str, str]]:
    """The accounts of the mirror that hold an override, with its value."""
    if _COLUMN not in accounts.columns:
        return []
    found = accounts.filter(accounts[_COLUMN].notnull()).select("account_id", _COLUMN).to_pyarrow()
    return sorted(zip(found["account_id"].to_pylist(), found[_COLUMN].to_pylist(), strict=True))


def unsigned(runtime: Runtime, crm: str, overrides: Iterable[tuple[str, str]]) -> list[Unsigned]:
    """Of the overrides, those that are not followed; none where the project names nobody. Makes no call."""
    rules = runtime.project.overrides
    return list(_unsigned(runtime, crm, list(overrides), rules)) if rules.allowed else []


def _unsigned(runtime: Runtime, crm: str, overrides: list[tuple[str, str]], rules: Overrides) -> Iterator[Unsigned]:
    known = runtime.journal.authors.known(crm, [account for account, _ in overrides])
    for account, value in overrides:
        typed = known.get((account, OVERRIDE))
        author = typed.author if typed is not None and typed.value == value else None
        if not rules.follows(author.names if author else None):
            yield Unsigned(account, value, author)


def without(accounts: ir.Table, left_out: Iterable[Unsigned]) -> ir.Table:
    """The accounts, with no override where it is not followed."""
    names = [one.account_id for one in left_out]
    if not names:
        return accounts
    blank = accounts["account_id"].isin(names).ifelse(None, accounts[_COLUMN])
    return accounts.mutate(**{_COLUMN: blank})
