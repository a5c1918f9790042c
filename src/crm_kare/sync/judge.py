"""From the mirror to labels: what a CRM's accounts are judged by, and the judgement."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.method import Scored, score
from crm_kare.method.score import HELD
from crm_kare.model import PRESENT_PREFIX, Problem, Profile
from crm_kare.sync.grounds import engine, in_zone, kept_portfolio, known_organisation, shown, today
from crm_kare.sync.mapped import streams
from crm_kare.sync.overrides import held as held_overrides
from crm_kare.sync.overrides import unsigned, without
from crm_kare.sync.runtime import Runtime

__all__ = ["Judged", "engine", "in_zone", "judge", "known_organisation", "knows_account", "present_values", "today"]

_COMPUTED: Final = f"{PRESENT_PREFIX}Computed_Profile"


@dataclass(frozen=True)
class Judged:
    """The judgement of one CRM.

    Attributes:
        crm: its name.
        as_of: the day.
        scored: labels, portfolio figures, problems in the data.
        present: the mirror's accounts: account_id, name, parent_id where mapped, and the label fields as the CRM holds them.
        measured: whether the portfolio figures were measured anew; `Rank` and `Class` move only then.
        problems: everything the mapping and the rules found wrong.
    """

    crm: str
    as_of: date
    scored: Scored
    present: pa.Table
    measured: bool
    problems: tuple[Problem, ...]

    @property
    def labels(self) -> pa.Table:
        """One row per account, sorted by id."""
        return self.scored.labels


def judge(runtime: Runtime, crm: str, *, as_of: date | None = None) -> Judged:
    """Judge every account of a CRM from its mirror; no network, nothing written.

    Args:
        runtime: the open project.
        crm: the CRM's name.
        as_of: the day; None = today in the organisation's time zone. A day that is given makes a trial: no held labels.

    Raises:
        ConfigError: there is no mirror, or the mapping or the rulebook is wrong.
        StopError: the mirror is damaged.
    """
    identity = runtime.project.identity
    if identity is not None and crm in identity.crms:
        from crm_kare.sync.identity import judge_together  # noqa: PLC0415  heavy, and most projects have one CRM

        together = judge_together(runtime, identity, crm, as_of)
        if together.scored is None:
            alone = _judge_alone(runtime, crm, as_of)
            return replace(alone, problems=(*alone.problems, *together.problems))
        return Judged(crm, together.as_of, together.scored, together.present, together.measured, together.problems)
    return _judge_alone(runtime, crm, as_of)


def _judge_alone(runtime: Runtime, crm: str, as_of: date | None) -> Judged:
    mapping, organisation = runtime.mapping(crm), known_organisation(runtime, crm)
    day = as_of or today(runtime, organisation)
    kept = kept_portfolio(runtime, crm)
    with engine() as con:
        tables = runtime.mirror(crm).tables(con)
        held = None if as_of else _held(runtime.journal.labels.held(crm), tables["accounts"])
        unfollowed = unsigned(runtime, crm, held_overrides(tables["accounts"]))
        followed = {**tables, "accounts": without(tables["accounts"], unfollowed)}
        canonical, found = streams(followed, mapping, organisation, day)
        scored = score(
            canonical, runtime.rulebook, day, kept, held,
            next_steps=runtime.next_steps, own_fields=runtime.own_fields,
        )  # fmt: skip
        present = shown(con, tables["accounts"])
    measured = kept is None or scored.portfolio.measured_on != kept.measured_on
    return Judged(
        crm, day, scored, present, measured, (*found, *scored.problems, *(one.problem() for one in unfollowed))
    )


def _held(journalled: pa.Table, accounts: ir.Table) -> pa.Table:
    """The computed profiles held: by the journal, and of accounts that it does not know (it was lost) by the CRM itself."""
    held = journalled.select(HELD.names).cast(HELD)
    if _COMPUTED not in accounts.columns:
        return held
    ours = accounts.filter(accounts[_COMPUTED].isin([one.value for one in Profile]))
    told = ours.select(account_id="account_id", computed_profile=_COMPUTED).to_pyarrow().cast(HELD)
    unknown = pc.invert(pc.is_in(told["account_id"], held["account_id"]))
    return pa.concat_tables([held, told.filter(unknown)])


def present_values(runtime: Runtime, crm: str) -> pa.Table:
    """The mirror's accounts: account_id, name, parent_id where mapped, and the label fields as the CRM holds them."""
    with engine() as con:
        return shown(con, runtime.mirror(crm).tables(con)["accounts"])


def knows_account(runtime: Runtime, crm: str, account_id: str) -> bool:
    """Whether the mirror has an account of that id; not where nothing was pulled yet."""
    mirror = runtime.mirror(crm)
    if not mirror.exists():
        return False
    with engine() as con:
        accounts = mirror.tables(con)["accounts"]
        found = con.to_pyarrow(accounts.filter(accounts["account_id"] == account_id).select("account_id"))
    return bool(found.num_rows)
