"""The difference between what accounts hold and what they should hold: columns in, columns out.

The comparison is SQL on an engine of its own, in memory, given Arrow tables and nothing else; every step is a view over
the ones before it, so that 200,000 accounts never become Python objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.labels import LABELS, Label
from crm_kare.sync.held import CANONICAL, canonical, comparing, get, ids, old_table, tops
from crm_kare.sync.policy import Compared, Policy, Scope
from crm_kare.sync.wanted import FROM_HISTORY, wanted

LEFT: Final = "The account left the mapping's filter."


def _schema(*columns: str) -> pa.Schema:
    return pa.schema([(column, pa.string()) for column in columns])


CHANGES: Final = _schema("account_id", "label", "old", "new")
ACCOUNTS: Final = _schema("account_id", "name", "override", "override_until", "why", "group_id")
CONFLICTS: Final = _schema("account_id", "label", "ours", "present", "new")
AGREED: Final = _schema("account_id", "label", "value")
_MONTHLY: Final = ("Rank", "Class", "Class_Warnings")
"""Labels that move on the measuring day only (DESIGN.md section 4, *Quiet by design*)."""

_SPECIAL: Final = ("Profile", *FROM_HISTORY, *_MONTHLY)
_JUDGED: Final = ("account_id", "profile", "computed_profile", "motion", "reason", "class_chosen")

_OWN: Final = f"""
CREATE TABLE own AS
SELECT written.account_id, label, nullif(CASE kind
    WHEN 'number' THEN {CANONICAL["number"].format("value")}
    WHEN 'date' THEN {CANONICAL["date"].format("value")}
    ELSE {CANONICAL["text"].format("value")} END, '') AS value
FROM written JOIN label USING (label)
"""  # noqa: S608  no values

_TARGETS: Final = """
CREATE VIEW targets AS
SELECT *, false AS gone FROM target
UNION ALL BY NAME
SELECT DISTINCT own.account_id, true AS gone
FROM own ANTI JOIN judged USING (account_id)
WHERE own.value IS NOT NULL AND (SELECT clear FROM run)
"""
"""The accounts judged, and blank rows for those that left the filter and still hold something that we wrote."""

_HISTORY: Final = """
CREATE VIEW history AS
SELECT
    account_id,
    max(value) FILTER (label = 'Profile') AS profile,
    max(value) FILTER (label = 'Previous_Profile') AS previous_profile,
    max(value) FILTER (label = 'Changed_On') AS changed_on,
    max(value) FILTER (label = 'Rank') AS rank,
    max(value) FILTER (label = 'Class') AS class,
    max(value) FILTER (label = 'Class_Warnings') AS class_warnings,
    bool_or(label = 'Profile') AS knows_profile,
    bool_or(label = 'Previous_Profile') AS knows_previous,
    bool_or(label = 'Changed_On') AS knows_changed_on,
    bool_or(label = 'Rank') AS knows_rank,
    bool_or(label = 'Class') AS knows_class,
    bool_or(label = 'Class_Warnings') AS knows_class_warnings
FROM own WHERE label IN ('Profile', 'Previous_Profile', 'Changed_On', 'Rank', 'Class', 'Class_Warnings')
GROUP BY account_id
"""

_ROWS: Final = """
CREATE VIEW rows AS
SELECT
    targets.* EXCLUDE (Profile, Previous_Profile, Changed_On, Rank, Class, Class_Warnings),
    old.* EXCLUDE (account_id),
    targets.Profile AS Profile,
    if(knows_profile, history.profile, old_Profile) AS was,
    targets.Profile IS DISTINCT FROM was AS moves,
    CASE WHEN gone THEN NULL WHEN moves THEN was
        ELSE if(knows_previous, history.previous_profile, old_Previous_Profile) END AS Previous_Profile,
    CASE WHEN gone THEN NULL WHEN moves THEN (SELECT as_of FROM run)
        ELSE if(knows_changed_on, history.changed_on, old_Changed_On) END AS Changed_On,
    CASE WHEN gone THEN NULL WHEN (SELECT ranked FROM run) OR knows_profile IS NULL THEN targets.Rank WHEN moves THEN NULL
        ELSE if(knows_rank, history.rank, old_Rank) END AS Rank,
    CASE WHEN gone THEN NULL WHEN measured THEN targets.Class ELSE if(knows_class, history.class, old_Class) END AS Class,
    CASE WHEN gone THEN NULL WHEN measured THEN targets.Class_Warnings
        ELSE if(knows_class_warnings, history.class_warnings, old_Class_Warnings) END AS Class_Warnings
FROM targets JOIN old USING (account_id) LEFT JOIN history USING (account_id) LEFT JOIN judged USING (account_id),
    LATERAL (SELECT (SELECT ranked FROM run) OR knows_profile IS NULL OR coalesce(class_chosen, false) AS measured)
"""
"""Previous_Profile and Changed_On move only when the shown profile does, else they stay as they were held: by the
journal where it knows, so that a person's edit is no change of ours. Rank and class move on the measuring day, and come with an account's first label; a class
that a person chose counts at once.
"""

_CELLS: Final = """
CREATE TABLE cells AS
WITH pairs AS NOT MATERIALIZED ({pairs})
SELECT pairs.account_id, gone, label, position, judgement, old, new, own.value AS own,
    own.account_id IS NOT NULL AND elsewhere.account_id IS NULL AS known
FROM pairs JOIN label USING (label) LEFT JOIN own USING (account_id, label) LEFT JOIN elsewhere USING (account_id, label)
WHERE old IS DISTINCT FROM new OR own.account_id IS NULL OR own.value IS DISTINCT FROM new
"""
"""All but the cells that hold what we want and that we know as ours: on a quiet day none."""

_MOVED: Final = "CREATE VIEW moved AS SELECT * FROM cells WHERE old IS DISTINCT FROM new"

_EDITED: Final = """
CREATE TABLE edited AS
SELECT * FROM moved
WHERE known AND judgement AND old IS NOT NULL AND old IS DISTINCT FROM own AND NOT (SELECT restore FROM run)
"""
"""Cells in which a person's value stands: neither ours, nor wanted, nor blank."""

_FREE: Final = """
CREATE VIEW free AS
SELECT account_id, position, gone FROM moved WHERE NOT (judgement AND account_id IN (SELECT account_id FROM edited))
"""

_PLANNED: Final = """
CREATE TABLE planned AS
SELECT free.* FROM free JOIN (
    SELECT DISTINCT account_id FROM free ANTI JOIN waiting USING (account_id)
    ORDER BY account_id LIMIT (SELECT most FROM run)
) USING (account_id)
"""

_BEFORE: Final = """
CREATE VIEW before AS
SELECT old.account_id, if(held.account_id IS NOT NULL, held.computed_profile, old_judged) AS profile,
    held.account_id IS NOT NULL OR old_judged IS NOT NULL AS seen
FROM old LEFT JOIN held USING (account_id)
"""
"""The computed profile that each account held, by the journal, else by the CRM; `seen` where there was a judgement."""

_GET_CHANGES: Final = """
SELECT account_id, label, old, new FROM moved SEMI JOIN planned USING (account_id, position) ORDER BY account_id, position
"""
_GET_CONFLICTS: Final = (
    "SELECT account_id, label, own AS ours, old AS present, new FROM edited ORDER BY account_id, position"
)
_GET_ACCOUNTS: Final = """
SELECT account_id, name, override, override_until, if(gone, (SELECT left_why FROM run), reason) AS why, top AS group_id
FROM (SELECT account_id, bool_or(gone) AS gone FROM planned GROUP BY account_id)
JOIN old USING (account_id) LEFT JOIN judged USING (account_id) LEFT JOIN tops USING (account_id)
ORDER BY account_id
"""

_OURS: Final = "CREATE TABLE ours AS SELECT account_id FROM own UNION SELECT account_id FROM planned"

_GET_AGREED: Final = """
WITH matching AS (SELECT * FROM cells WHERE old IS NOT DISTINCT FROM new)
SELECT account_id, label, new AS value FROM matching
WHERE known OR account_id IN (SELECT account_id FROM ours) OR account_id IN (SELECT account_id FROM matching WHERE new IS NOT NULL)
ORDER BY account_id, position
"""
"""Cells that hold what we want and that the journal does not know as ours: a filled one always, a blank one of an account
that is ours already, is written now, or has a filled one. From then on a person's edit of them is seen as one.
"""
_GET_TRANSITIONS: Final = """
SELECT coalesce(before.profile, 'none') AS before, coalesce(after.profile, 'none') AS after, count(*) AS accounts, seen
FROM (
    SELECT account_id, computed_profile AS profile FROM judged SEMI JOIN target USING (account_id)
    UNION ALL SELECT DISTINCT account_id, NULL FROM planned WHERE gone
) AS after JOIN before USING (account_id)
WHERE before.profile IS DISTINCT FROM after.profile
    AND ((SELECT most FROM run) IS NULL OR account_id IN (SELECT account_id FROM planned))
GROUP BY ALL ORDER BY 1, 2, 4
"""
_GET_HOLDERS: Final = """
SELECT coalesce(profile, 'none') AS profile, count(*) AS accounts
FROM before SEMI JOIN judged USING (account_id) WHERE seen GROUP BY ALL ORDER BY 1
"""
_GET_CLEARED: Final = "SELECT DISTINCT account_id FROM planned WHERE gone ORDER BY account_id"
_GET_WAITING: Final = "SELECT count(DISTINCT account_id) AS accounts FROM free SEMI JOIN waiting USING (account_id)"
_GET_ELSEWHERE: Final = """
SELECT account_id FROM accounts ANTI JOIN old USING (account_id)
UNION
SELECT account_id FROM accounts JOIN old USING (account_id)
WHERE accounts.override IS DISTINCT FROM old.override OR accounts.override_until IS DISTINCT FROM old.override_until
UNION
SELECT account_id FROM changes JOIN held_now USING (account_id, label)
WHERE held_now.old IS DISTINCT FROM changes.old AND held_now.old IS DISTINCT FROM changes.new
ORDER BY account_id
"""


@dataclass(frozen=True)
class Difference:
    """See `crm_kare.sync.plan.Plan`; transitions are rows of before, after, accounts, seen."""

    changes: pa.Table
    accounts: pa.Table
    conflicts: pa.Table
    agreed: pa.Table
    transitions: pa.Table
    holders: Mapping[str, int]
    cleared: tuple[str, ...]
    waiting: int


def differences(compared: Compared, policy: Policy, scope: Scope, as_of: date) -> Difference:
    """Compare; arguments as in `crm_kare.sync.plan.make_plan`."""
    with comparing() as engine:
        _give(engine, compared, policy, scope, as_of)
        for step in (
            _OWN,
            _TARGETS,
            _HISTORY,
            _ROWS,
            _CELLS.format(pairs=_pairs(policy.labels)),
            _MOVED,
            _EDITED,
            _FREE,
            _PLANNED,
            _OURS,
            _BEFORE,
            *tops(compared.present),
        ):
            engine.execute(step)
        return Difference(
            get(engine, _GET_CHANGES).cast(CHANGES),
            get(engine, _GET_ACCOUNTS).cast(ACCOUNTS),
            get(engine, _GET_CONFLICTS).cast(CONFLICTS),
            get(engine, _GET_AGREED).cast(AGREED),
            get(engine, _GET_TRANSITIONS),
            {row["profile"]: row["accounts"] for row in get(engine, _GET_HOLDERS).to_pylist()},
            ids(get(engine, _GET_CLEARED)),
            get(engine, _GET_WAITING).to_pylist()[0]["accounts"],
        )


def moved_since(changes: pa.Table, accounts: pa.Table, present: pa.Table) -> tuple[str, ...]:
    """Accounts in which the CRM holds neither the old nor the new value of a change, or another override, or that are gone.

    Args:
        changes: as in a plan.
        accounts: as in a plan.
        present: the mirror's accounts as of now.
    """
    names = tuple(label for label in LABELS if label.name in set(changes["label"].unique().to_pylist()))
    with comparing() as engine:
        for name, table in (("changes", changes), ("accounts", accounts), ("present", present)):
            engine.register(name, table)
        engine.execute(old_table(present, names, extra=_SPECIAL))
        cells = ", ".join(f"{{'label': '{one.name}', 'old': old_{one.name}}}" for one in names)
        held = f"SELECT account_id, unnest([{cells}], recursive := true) FROM old" if names else "SELECT * FROM changes"  # noqa: S608  names of `LABELS`
        engine.execute(f"CREATE VIEW held_now AS {held}")
        return ids(get(engine, _GET_ELSEWHERE))


def _give(engine: duckdb.DuckDBPyConnection, compared: Compared, policy: Policy, scope: Scope, as_of: date) -> None:
    """Name the tables that the steps read."""
    names, labels = policy.labels, compared.labels
    mine = labels.filter(pc.equal(labels["owner"], pa.scalar(scope.owner))) if scope.owner is not None else labels
    elsewhere = compared.elsewhere if compared.elsewhere is not None else _schema("account_id", "label").empty_table()
    held = compared.held if compared.held is not None else _schema("account_id", "computed_profile").empty_table()
    tables = {
        "judged": labels.select(list(_JUDGED)),
        "target": _with_all(wanted(mine, names), _SPECIAL),
        "present": compared.present,
        "written": compared.own.select(["account_id", "label", "value"]),
        "held": held.select(["account_id", "computed_profile"]),
        "elsewhere": elsewhere.select(["account_id", "label"]),
        "waiting": pa.table({"account_id": pa.array(sorted(scope.waiting), pa.string())}),
        "label": _label_table(names),
        "run": _run_table(compared, policy, scope, as_of),
    }
    for name, table in tables.items():
        engine.register(name, table)
    engine.execute(old_table(compared.present, names, extra=_SPECIAL))


def _with_all(target: pa.Table, names: tuple[str, ...]) -> pa.Table:
    for name in names:
        if name not in target.column_names:
            target = target.append_column(name, pa.nulls(target.num_rows, pa.string()))
    return target


def _label_table(names: tuple[Label, ...]) -> pa.Table:
    return pa.table(
        {
            "label": pa.array([label.name for label in names], pa.string()),
            "position": pa.array(range(len(names)), pa.int16()),
            "kind": pa.array([str(label.type) for label in names], pa.string()),
            "judgement": pa.array([label.judgement for label in names], pa.bool_()),
        }
    )


def _run_table(compared: Compared, policy: Policy, scope: Scope, as_of: date) -> pa.Table:
    return pa.table(
        {
            "as_of": pa.array([as_of.isoformat()], pa.string()),
            "restore": [policy.restore],
            "ranked": [compared.ranked],
            "clear": [policy.clear_leavers and scope.whole],
            "most": pa.array([scope.limit], pa.int64()),
            "left_why": [LEFT],
        }
    )


def _pairs(names: tuple[Label, ...]) -> str:
    """The query for a row per account and label. Without `Profile` its history cannot be told, and is left alone."""
    history = FROM_HISTORY if "Profile" not in {label.name for label in names} else ()
    cells = ", ".join(
        f"{{'label': '{one.name}', 'old': old_{one.name}, 'new': {canonical(one.name, one.type)}}}"
        for one in names
        if one.name not in history
    )
    if not cells:
        return "SELECT account_id, gone, '' AS label, '' AS old, '' AS new FROM rows WHERE false"
    return f"SELECT account_id, gone, unnest([{cells}], recursive := true) FROM rows"  # noqa: S608  names of `LABELS`
