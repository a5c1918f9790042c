"""What people have overridden: whether it still holds, agrees with the rules by now, or has ended."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.journal import HeldLabel, Typed
from crm_kare.model import PRESENT_PREFIX
from crm_kare.ports import Author
from crm_kare.sync.flow import score_only
from crm_kare.sync.overrides import OVERRIDE
from crm_kare.sync.runtime import Runtime

COLUMNS: Final = (
    "crm",
    "account_id",
    "name",
    "owner",
    "override",
    "until",
    "computed_profile",
    "state",
    "since",
    "days",
    "set_by",
    "set_at",
)
HOLDS: Final = "holds"
AGREES: Final = "agrees"
EXPIRED: Final = "expired"
UNSIGNED: Final = "not signed off"

_OVERRIDE: Final = f"{PRESENT_PREFIX}Override"
_UNTIL: Final = f"{PRESENT_PREFIX}Override_Until"
_NONE: Final = "None"


def overrides(runtime: Runtime, crm: str) -> pa.Table:
    """A row per override in the mirror, with the columns `COLUMNS`.

    `state` is expired where its last day has passed, not signed off where it is not followed because of who set it, agrees where the
    rules say the same by now, else holds. `since` is the day of the run from which on the account has shown it, and `days` how long that
    is; blank before a run showed it. `set_by` and `set_at` are blank where the CRM does not tell, or was not asked yet.

    Raises:
        ConfigError: nothing was pulled yet, or the mapping or the rulebook is wrong.
    """
    judged = score_only(runtime, crm)
    schema = pa.schema([(name, pa.int64() if name == "days" else pa.string()) for name in COLUMNS])
    if _OVERRIDE not in judged.present.column_names:
        return schema.empty_table()
    set_by_people = judged.present.filter(pc.is_valid(judged.present[_OVERRIDE]))
    labels = judged.labels.select(["account_id", "owner", "computed_profile"])
    rows = set_by_people.join(labels, "account_id", join_type="inner").sort_by("account_id").to_pylist()
    typed = runtime.journal.authors.known(crm, [row["account_id"] for row in rows])
    authors = {row["account_id"]: _author(row, typed.get((row["account_id"], OVERRIDE))) for row in rows}
    made = [_row(runtime, crm, row, judged.as_of, authors[row["account_id"]]) for row in rows]
    return pa.Table.from_pylist(made, schema)


def _author(row: dict[str, Any], typed: Typed | None) -> Author | None:
    return typed.author if typed is not None and typed.value == row[_OVERRIDE] else None


def _row(runtime: Runtime, crm: str, row: dict[str, Any], today: date, author: Author | None) -> dict[str, Any]:
    chosen, until = row[_OVERRIDE], row.get(_UNTIL)
    profile = None if chosen == _NONE else chosen
    state = AGREES if profile == row["computed_profile"] else HOLDS
    if not runtime.project.overrides.follows(author.names if author else None):
        state = UNSIGNED
    shown = list(_streak(runtime.journal.labels.of_account(crm, row["account_id"]), profile))
    since = shown[-1].as_of if shown else None
    return {
        **{name: row[name] for name in ("account_id", "name", "owner", "computed_profile")},
        "crm": crm,
        "override": chosen,
        "until": until.isoformat() if until else None,
        "state": EXPIRED if until and until < today else state,
        "since": since.isoformat() if since else None,
        "days": (today - since).days if since else None,
        "set_by": author.by if author else None,
        "set_at": author.at.isoformat() if author and author.at else None,
    }


def _streak(history: list[HeldLabel], profile: str | None) -> Iterator[HeldLabel]:
    """From the newest entry back, those that show the profile."""
    for one in history:
        if one.shown_profile != profile:
            return
        yield one
