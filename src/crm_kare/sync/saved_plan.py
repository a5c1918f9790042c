"""A plan in a file: written for somebody to look at, read back, and applied only as it was looked at.

JSON Lines: a head, then one line per account. The file holds CRM data and is readable by its owner only.
"""

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import pyarrow as pa

from crm_kare.errors import UnsafePlan, UsageError
from crm_kare.labels import BY_NAME
from crm_kare.ports import LabelField
from crm_kare.sync.difference import ACCOUNTS, AGREED, CHANGES, CONFLICTS, moved_since
from crm_kare.sync.plan import Plan, plan_hash

FORMAT: Final = "crm-kare plan 1"
_BATCH: Final = 10_000
_AGAIN: Final = "Make a new plan, look at it, and apply that."


@dataclass(frozen=True)
class SavedPlan:
    """A plan read back, with its hash and the moment it was made."""

    plan: Plan
    digest: str
    made_at: datetime


def save(plan: Plan, path: Path, made_at: datetime) -> str:
    """Write a plan to a file that only its owner can read, whole or not at all; returns its hash."""
    digest = plan_hash(plan)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        for line in _lines(plan, digest, made_at):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return digest


def load(path: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        UsageError: there is no such file, or it is no plan.
        UnsafePlan: it was altered since it was saved.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return _read(file, path)
    except OSError as error:
        raise UsageError(
            f"The plan cannot be read: {error.strerror}.", where=str(path), fix="Name a file that `plan -o` wrote."
        ) from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise UsageError("This is no saved plan.", where=str(path), fix="Name a file that `plan -o` wrote.") from error


def require_fresh(saved: SavedPlan, crm: str, fields: tuple[LabelField, ...], present: pa.Table) -> None:
    """Check that a saved plan may be applied to what the CRM holds now.

    Raises:
        UnsafePlan: it is another CRM's, the mapping names other fields by now, or somebody moved a value or an override.
    """
    plan = saved.plan
    if plan.crm != crm:
        raise UnsafePlan(
            f"The plan was made for {plan.crm}, not for {crm}.", fix="Apply it there.", code="plan-other-crm"
        )
    if not set(plan.fields) <= set(fields):
        raise UnsafePlan("The mapping names other fields than the plan.", fix=_AGAIN, code="plan-stale")
    moved = moved_since(plan.changes, plan.accounts, present)
    if moved:
        some = ", ".join(moved[:5]) + (" …" if len(moved) > 5 else "")  # noqa: PLR2004  enough to look one up
        raise UnsafePlan(
            f"{len(moved)} of {plan.accounts.num_rows} accounts moved in the CRM since the plan was made ({some}).",
            fix=_AGAIN,
            code="plan-stale",
        )


def _lines(plan: Plan, digest: str, made_at: datetime) -> Iterator[dict[str, Any]]:
    yield {
        "format": FORMAT,
        "crm": plan.crm,
        "source": plan.source,
        "as_of": plan.as_of.isoformat(),
        "made_at": made_at.isoformat(),
        "fields": {one.label.name: one.field for one in plan.fields},
        "accounts": plan.accounts.num_rows,
        "changes": plan.changes.num_rows,
        "by_transition": plan.by_transition(),
        "cleared": list(plan.cleared),
        "judged": plan.judged,
        "unknown": plan.unknown,
        "whole": plan.whole,
        **({"undoes": plan.undoes} if plan.undoes else {}),
        "hash": digest,
    }
    for account, cells in plan.by_account():
        yield {**account, "changes": {cell.label: [cell.old, cell.new] for cell in cells}}


def _read(file: TextIO, path: Path) -> SavedPlan:
    head = json.loads(next(file))
    if head["format"] != FORMAT:
        raise ValueError(head["format"])
    changes, accounts = _tables(json.loads(line) for line in file)
    plan = _plan(head, changes, accounts)
    if plan_hash(plan) != head["hash"]:
        raise UnsafePlan(
            "The plan was altered since it was saved: its hash does not match.",
            where=str(path),
            fix=_AGAIN,
            code="plan-altered",
        )
    return SavedPlan(plan, head["hash"], datetime.fromisoformat(head["made_at"]))


def _plan(head: Mapping[str, Any], changes: pa.Table, accounts: pa.Table) -> Plan:
    return Plan(
        head["crm"],
        date.fromisoformat(head["as_of"]),
        head["source"],
        tuple(LabelField(BY_NAME[name], crm_field) for name, crm_field in head["fields"].items()),
        changes,
        accounts,
        CONFLICTS.empty_table(),
        AGREED.empty_table(),
        judged=head["judged"],
        unknown=head["unknown"],
        cleared=tuple(head["cleared"]),
        whole=head["whole"],
        undoes=head.get("undoes", ""),
    )


def _tables(rows: Iterable[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """The changes and the accounts, column by column; a batch of lines is held at a time."""
    changes, accounts = [], []
    lines = iter(rows)
    while batch := list(itertools.islice(lines, _BATCH)):
        accounts.append(pa.RecordBatch.from_pylist(batch, ACCOUNTS))
        cells = [
            {"account_id": row["account_id"], "label": label, "old": old, "new": new}
            for row in batch
            for label, (old, new) in row["changes"].items()
        ]
        changes.append(pa.RecordBatch.from_pylist(cells, CHANGES))
    return pa.Table.from_batches(changes, CHANGES), pa.Table.from_batches(accounts, ACCOUNTS)
