"""Hand-made tables for the planner: a judgement, what the CRM holds, what we wrote."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from crm_kare.labels import BY_NAME
from crm_kare.ports import LabelField
from crm_kare.sync.plan import Plan, make_plan
from crm_kare.sync.policy import EVERYTHING, Compared, Policy, Scope

DAY = date(2026, 11, 3)
NAMES = ("Profile", "Computed_Profile", "Previous_Profile", "Changed_On", "Motion", "Reason", "ICP_Score")
Rows = Mapping[str, Mapping[str, Any]]


def fields(*names: str) -> tuple[LabelField, ...]:
    """Label fields under the prefix `KARE_`."""
    return tuple(LabelField(BY_NAME[name], f"KARE_{name}__c") for name in names)


def judged(rows: Rows) -> pa.Table:
    """Labels by account; what a row does not say is blank, and the shown profile is the computed one."""
    texts = (
        "profile",
        "computed_profile",
        "motion",
        "reason",
        "owner",
        "name",
        "plan_test",
        "rules_version",
        "next_step",
        "class",
    )
    data = {
        name: pa.array(
            [row.get(name, row.get("profile") if name == "computed_profile" else None) for row in rows.values()],
            pa.string(),
        )
        for name in texts
    }
    numbers = {name: pa.array([row.get(name) for row in rows.values()], pa.int64()) for name in ("icp_score", "rank")}
    chosen = pa.array([row.get("class_chosen", False) for row in rows.values()], pa.bool_())
    lists = {"reasons": pa.array([row.get("reasons", []) for row in rows.values()], pa.list_(pa.string()))}
    return pa.table(
        {"account_id": pa.array(list(rows), pa.string()), **data, **numbers, **lists, "class_chosen": chosen}
    )


def present(rows: Rows, *names: str) -> pa.Table:
    """The mirror's accounts with a text column per label."""
    columns = {
        f"crm_{name}": pa.array([row.get(name) for row in rows.values()], pa.string()) for name in names or NAMES
    }
    people = {
        f"crm_{name}": pa.array([row.get(name) for row in rows.values()], pa.string())
        for name in ("Override", "Override_Until")
    }
    names_shown = pa.array([f"Firm {one}" for one in rows], pa.string())
    return pa.table({"account_id": pa.array(list(rows), pa.string()), "name": names_shown, **columns, **people})


def written(rows: Rows) -> pa.Table:
    """What we wrote last."""
    cells = [
        {"account_id": one, "label": label, "value": value} for one, row in rows.items() for label, value in row.items()
    ]
    return pa.Table.from_pylist(cells, pa.schema([(name, pa.string()) for name in ("account_id", "label", "value")]))


def held(rows: Mapping[str, str | None]) -> pa.Table:
    """The computed profiles as last judged."""
    return pa.table(
        {
            "account_id": pa.array(list(rows), pa.string()),
            "computed_profile": pa.array(list(rows.values()), pa.string()),
        }
    )


def plan_of(
    want: Rows,
    crm: Rows,
    own: Rows | None = None,
    *,
    before: Mapping[str, str | None] | None = None,
    names: tuple[str, ...] = NAMES,
    day: date = DAY,
    scope: Scope = EVERYTHING,
    ranked: bool = True,
    **policy: bool,
) -> Plan:
    """A plan from rows."""
    tables = Compared(
        judged(want), present(crm, *names), written(own or {}), None if before is None else held(before), ranked=ranked
    )
    return make_plan("acme", "Account", day, tables, Policy(fields(*names), **policy), scope=scope)


def changed(plan: Plan) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """Old and new by account and label."""
    return {(one.account_id, one.label): (one.old, one.new) for one in plan}


def after(plan: Plan, crm: Rows, own: Rows) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """What the CRM holds, and what we know as ours, once the plan is written."""
    now = {one: dict(row) for one, row in crm.items()}
    ours = {one: dict(row) for one, row in own.items()}
    for cell in plan.agreed.to_pylist():
        ours.setdefault(cell["account_id"], {})[cell["label"]] = cell["value"]
    for change in plan:
        now[change.account_id][change.label] = change.new
        ours.setdefault(change.account_id, {})[change.label] = change.new
    return now, ours
