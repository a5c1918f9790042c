"""The plan that takes back what a run changed, wherever the CRM still holds our value; pure, as every plan."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa

from crm_kare.labels import Label
from crm_kare.ports import LabelField
from crm_kare.sync.difference import ACCOUNTS, AGREED, CHANGES, CONFLICTS
from crm_kare.sync.held import comparing, get, old_table, tops
from crm_kare.sync.plan import Plan, Transition

MOVED: Final = "moved"
GONE: Final = "gone"
UNMAPPED: Final = "not mapped"

_CELLS: Final = """
CREATE TABLE cells AS
SELECT changed.account_id, changed.label, position, changed.old AS before, changed.new AS ours, held.value AS present,
    CASE WHEN known.field IS NULL THEN '{unmapped}' WHEN old.account_id IS NULL THEN '{gone}'
        WHEN held.value IS NOT DISTINCT FROM changed.new THEN '' ELSE '{moved}' END AS why
FROM changed LEFT JOIN known USING (label, field) LEFT JOIN old USING (account_id)
    LEFT JOIN ({held}) AS held USING (account_id, label)
WHERE changed.old IS DISTINCT FROM changed.new AND (held.account_id IS NULL OR held.value IS DISTINCT FROM changed.old)
"""
_GET_CHANGES: Final = """
SELECT account_id, label, present AS old, before AS new FROM cells WHERE why = '' ORDER BY account_id, position
"""
_GET_ACCOUNTS: Final = """
SELECT account_id, name, override, override_until, (SELECT why FROM run) AS why, top AS group_id
FROM old SEMI JOIN (SELECT account_id FROM cells WHERE why = '') AS planned USING (account_id) JOIN tops USING (account_id)
ORDER BY account_id
"""
_GET_LEFT: Final = """
SELECT account_id, label, before, ours, present, why FROM cells WHERE why <> '' ORDER BY account_id, position, label
"""
_GET_TRANSITIONS: Final = """
SELECT coalesce(ours, 'none') AS before, coalesce(before, 'none') AS after, count(*) AS accounts
FROM cells WHERE why = '' AND label = 'Computed_Profile' GROUP BY ALL ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Undoing:
    """What an undo writes, and what it leaves.

    Attributes:
        plan: the changes taken back.
        left: account_id, label, before, ours, present, why: what the run wrote over, what it wrote, what the CRM holds now,
            and why that stays: it moved, the account is gone, or the mapping no longer writes that field.
    """

    plan: Plan
    left: pa.Table


def undo_plan(
    run_id: str,
    crm: str,
    source: str,
    as_of: date,
    changed: pa.Table,
    present: pa.Table,
    fields: tuple[LabelField, ...],
) -> Undoing:
    """Compare what a run changed with what the CRM holds, field by field.

    Args:
        run_id: the run to take back.
        crm: the CRM's name.
        source: the CRM object that holds the accounts.
        as_of: today.
        changed: account_id, label, field, old, new: what the run changed.
        present: the mirror's accounts as of now.
        fields: labels that we write, with their CRM fields.
    """
    labels = tuple(one.label for one in fields)
    with comparing() as engine:
        run = pa.table({"why": [f"Undo of {run_id}"]})
        for name, table in {"changed": changed, "present": present, "known": _known(fields), "run": run}.items():
            engine.register(name, table)
        for step in (old_table(present, labels), *tops(present), _cells(labels)):
            engine.execute(step)
        accounts = get(engine, _GET_ACCOUNTS).cast(ACCOUNTS)
        moves = tuple(Transition(**row) for row in get(engine, _GET_TRANSITIONS).to_pylist())
        changes, left = get(engine, _GET_CHANGES).cast(CHANGES), get(engine, _GET_LEFT)
    plan = Plan(
        crm, as_of, source, fields, changes, accounts, CONFLICTS.empty_table(), AGREED.empty_table(), moves,
        whole=False, undoes=run_id,
    )  # fmt: skip
    return Undoing(plan, left)


def _known(fields: tuple[LabelField, ...]) -> pa.Table:
    return pa.table(
        {
            "label": pa.array([one.label.name for one in fields], pa.string()),
            "field": pa.array([one.field for one in fields], pa.string()),
            "position": pa.array(range(len(fields)), pa.int16()),
        }
    )


def _cells(labels: tuple[Label, ...]) -> str:
    cells = ", ".join(f"{{'label': '{one.name}', 'value': old_{one.name}}}" for one in labels)
    held = f"SELECT account_id, unnest([{cells}], recursive := true) FROM old"  # noqa: S608  names of `LABELS`
    return _CELLS.format(held=held, moved=MOVED, gone=GONE, unmapped=UNMAPPED)
