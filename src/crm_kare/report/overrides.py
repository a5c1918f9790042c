"""What people have overridden: whether it still holds, agrees with the rules by now, or has ended."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.journal import HeldLabel
from crm_kare.model import PRESENT_PREFIX
from crm_kare.sync.flow import score_only
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
)
HOLDS: Final = "holds"
AGREES: Final = "agrees"
EXPIRED: Final = "expired"

_OVERRIDE: Final = f"{PRESENT_PREFIX}Override"
_UNTIL: Final = f"{PRESENT_PREFIX}Override_Until"
_NONE: Final = "None"


def overrides(runtime: Runtime, crm: str) -> pa.Table:
    """A row per override in the mirror, with the columns `COLUMNS`.

    `state` is expired where its last day has passed, agrees where the rules say the same by now, else holds. `since` is the
    day of the run from which on the account has shown it, and `days` how long that is; blank before a run showed it.

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
    return pa.Table.from_pylist([_row(runtime, crm, row, judged.as_of) for row in rows], schema)


def _row(runtime: Runtime, crm: str, row: dict[str, Any], today: date) -> dict[str, Any]:
    chosen, until = row[_OVERRIDE], row.get(_UNTIL)
    profile = None if chosen == _NONE else chosen
    state = AGREES if profile == row["computed_profile"] else HOLDS
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
    }


def _streak(history: list[HeldLabel], profile: str | None) -> Iterator[HeldLabel]:
    """From the newest entry back, those that show the profile."""
    for one in history:
        if one.shown_profile != profile:
            return
        yield one
