"""The streams of one CRM, in which each account that stands in other CRMs too knows what those know of it."""
# ruff: noqa: S608  names of ours

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import ibis.expr.types as ir

from crm_kare.method import JUDGED_WITH, Streams, Workbench, quoted
from crm_kare.sync.identity import business
from crm_kare.sync.identity.party import Party, union

_OWN: Final = frozenset({"account_id", "name", "owner", "owner_id"})
"""Columns that stay each CRM's own: its reps know the account by them."""

_ANY: Final = frozenset({"is_customer", "target"})
"""Columns that are true where one CRM says so: who is a customer somewhere is no prospect elsewhere."""

_PEOPLE: Final = frozenset({"class_override", "lapse_reason"})
"""What people chose: first the CRM's own people, then those of the others."""

_OVERRIDE: Final = frozenset({"override", "override_reason", "override_until"})
_RELATIVES: Final = ("parent_id", "affiliate_id")
_TYPES: Final = {"string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "decimal(18, 4)": "DECIMAL(18, 4)"}


def lay_out_links(bench: Workbench, parties: Sequence[Party]) -> None:
    """Make the steps `same_with` (company, place, account_id, other_place, other_id: both directions) and `same_told` (place,
    account_id, told: the sentence for the reasons), and those of `lay_out_business`.
    """
    bench.step("same_with", _WITH)
    names = " ".join(f"WHEN {one.place} THEN {quoted(one.crm)}" for one in parties)
    bench.step("same_told", _TOLD.format(name=f"CASE w.other_place {names} END"))
    business.lay_out_business(bench, parties)


_WITH: Final = """
    SELECT m.company, m.place, m.account_id, o.place AS other_place, o.account_id AS other_id
    FROM same_members AS m JOIN same_members AS o ON m.company = o.company AND m.place <> o.place"""

_TOLD: Final = """
    SELECT w.place, w.account_id,
           'Judged together with ' || string_agg({name} || ' ' || w.other_id, ' and ' ORDER BY w.other_place)
               || ', ' || min(m.basis) || '.' AS told
    FROM same_with AS w JOIN same_members AS m ON w.place = m.place AND w.account_id = m.account_id
    GROUP BY w.place, w.account_id"""


def joined_streams(bench: Workbench, party: Party, parties: Sequence[Party], day: str) -> Streams:
    """The party's streams with what the others know of its accounts: of a field, the first CRM's value; of business, what
    each CRM has. `day` is the judgement's, as a SQL date.

    Makes the step `same_joined_<place>` (the accounts) and names further tables for it.
    """
    others = [one for one in parties if one.place != party.place]
    streams, named = party.streams, f"same_joined_{party.place}"
    bench.step(named, _accounts(party, others, day))

    def laid(stream: str, queries: Sequence[str]) -> ir.Table | None:
        return bench.lay(f"same_all_{stream}_{party.place}", union(queries)) if queries else None

    return replace(
        streams,
        accounts=bench.table(named),
        opportunities=bench.lay(f"same_all_deals_{party.place}", business.deals(party, others)),
        purchases=laid("purchases", [business.purchases(party, others)] if streams.purchases is not None else []),
        line_items=laid("lines", business.line_items(party, others)),
        contacts=laid("contacts", business.contacts(party, others)),
    )


def _accounts(party: Party, others: Sequence[Party], day: str) -> str:
    everybody = sorted([party, *others], key=lambda one: one.place)
    columns = ", ".join(f"{_column(name, party, everybody, day)} AS {name}" for name in party.streams.accounts.columns)
    return f"""
        SELECT {columns}, t.told AS {JUDGED_WITH}
        FROM {party.named("accounts")} AS {_at(party)}
        LEFT JOIN same_told AS t ON t.place = {party.place} AND t.account_id = {_at(party)}.account_id
        {" ".join(_beside(party, one) for one in others)}"""


def _at(party: Party) -> str:
    """What a CRM's accounts are called in the query."""
    return f"a{party.place}"


def _beside(party: Party, other: Party) -> str:
    """The other CRM's account beside ours, and under which ids its relatives stand here."""
    n = other.place
    ours = f"(SELECT account_id, other_id FROM same_with WHERE place = {party.place} AND other_place = {n})"
    relatives = " ".join(f"LEFT JOIN {ours} AS {name}_{n} ON {name}_{n}.other_id = a{n}.{name}" for name in _RELATIVES)
    return f"""
        LEFT JOIN {ours} AS w{n} ON w{n}.account_id = {_at(party)}.account_id
        LEFT JOIN {other.named("accounts")} AS a{n} ON a{n}.account_id = w{n}.other_id {relatives}"""


def _column(name: str, party: Party, everybody: Sequence[Party], day: str) -> str:
    """A column of the joined accounts; `everybody` in the order in which fields count."""
    own = f"{_at(party)}.{name}"
    holders = [one for one in everybody if name in one.streams.accounts.columns]
    if name in _OWN or len(holders) == 1:
        return own
    if name in _OVERRIDE:
        return _override(name, party, everybody, day)
    if name in _RELATIVES:
        return f"coalesce({', '.join(_relative(name, party, one) for one in holders)})"
    kind = _TYPES.get(str(party.streams.accounts.schema()[name]), "VARCHAR")
    ordered = sorted(holders, key=lambda one: one.place != party.place) if name in _PEOPLE else holders
    values = [f"{_at(one)}.{name}" for one in ordered]
    first = f"coalesce({', '.join(f'TRY_CAST({value} AS {kind})' for value in values)})"
    return f"CASE WHEN {' OR '.join(values)} THEN TRUE ELSE {first} END" if name in _ANY else first


def _relative(name: str, party: Party, holder: Party) -> str:
    """A parent or affiliate by its id here; one that does not stand here still names its group."""
    theirs = f"{_at(holder)}.{name}"
    return theirs if holder is party else f"{name}_{holder.place}.account_id, {quoted(holder.crm + ':')} || {theirs}"


def _override(name: str, party: Party, everybody: Sequence[Party], day: str) -> str:
    """What people chose here; where nothing of that holds, what they chose in the first other CRM."""

    def holds(one: Party) -> str:
        return f"{_at(one)}.override IS NOT NULL AND coalesce({_at(one)}.override_until >= {day}, TRUE)"

    def theirs(one: Party) -> str:
        value = f"{_at(one)}.{name}"
        return f"concat_ws(' ', {value}, {quoted(f'(set in {one.crm})')})" if name == "override_reason" else value

    branches = " ".join(f"WHEN {holds(one)} THEN {theirs(one)}" for one in everybody if one is not party)
    return f"CASE WHEN {holds(party)} THEN {_at(party)}.{name} {branches} ELSE {_at(party)}.{name} END"
