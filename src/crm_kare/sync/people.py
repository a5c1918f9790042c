"""What people typed, in a run: overrides that are new, and edits of our own fields, each with who it was."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from crm_kare.model import Problem
from crm_kare.ports import Author
from crm_kare.sync.authors import authors, authors_if_told
from crm_kare.sync.crm_run import CrmRun
from crm_kare.sync.judge import engine
from crm_kare.sync.overrides import OVERRIDE, held, unsigned
from crm_kare.sync.plan import Plan

_FIX = "Empty the field, set an override instead, or set `hand_edits: restore` in the mapping."


def know_overrides(run: CrmRun) -> None:
    """Learn who set the overrides that are new. Where the project names who may, those not followed so far are asked for at every run.

    Raises:
        KareError: the CRM could not be asked, and a label depends on it.
    """
    runtime = run.runtime
    with engine() as con:
        overrides = held(runtime.mirror(run.crm).tables(con)["accounts"])
    cells = [(account, OVERRIDE, value) for account, value in overrides]
    if not runtime.project.overrides.allowed:
        authors_if_told(run, cells)
    else:
        authors(run, cells, again={one.account_id for one in unsigned(runtime, run.crm, overrides)})


def conflicts(run: CrmRun, plan: Plan) -> Iterator[Problem]:
    """One problem per account that is held back, with who edited it and when, where the CRM tells."""
    cells = plan.conflicts.to_pylist()
    known = authors_if_told(run, [(one["account_id"], one["label"], one["present"]) for one in cells])
    for account_id, edited in groupby(cells, key=itemgetter("account_id")):
        yield Problem("conflict", _told(list(edited), known), _FIX, account_id, level="warning")


def _told(cells: Sequence[Mapping[str, Any]], known: Mapping[tuple[str, str], Author]) -> str:
    by: dict[str, list[str]] = {}
    for one in cells:
        by.setdefault(_who(known.get((one["account_id"], one["label"]))), []).append(one["label"])
    told = "; ".join(who.format(labels=", ".join(labels)) for who, labels in by.items())
    return f"{told} since our last write; the labels of this account are held back."


def _who(author: Author | None) -> str:
    if author is None:
        return "A person changed {labels}"
    name = author.by.replace("{", "(").replace("}", ")")
    return f"{name} changed {{labels}}" + (f" on {author.at:%Y-%m-%d at %H:%M} UTC" if author.at else "")
