"""What companies bought and may buy, as every CRM holds it: each deal once, however many CRMs hold it."""
# ruff: noqa: S608  names of ours

from collections.abc import Sequence
from typing import Final

from crm_kare.method import Workbench, quoted
from crm_kare.sync.identity.party import Party, union

_KEY: Final = "nullif(trim(regexp_replace(lower(strip_accents(name)), '[^\\p{L}\\p{N}]+', ' ', 'g')), '')"
_NO_DAY: Final = "DATE '0001-01-01'"


def lay_out_business(bench: Workbench, parties: Sequence[Party]) -> None:
    """Make the views `same_lines_<place>` (a CRM's business as deals: where it maps orders, those are what was won, and of
    its deals the others are left), and the step `same_doubled`: place, opportunity_id of those that an earlier CRM holds too.
    """
    for one in parties:
        bench.lay(f"same_lines_{one.place}", _lines(one))
    placed = [f"SELECT {one.place} AS place, * FROM same_lines_{one.place}" for one in parties]
    bench.view("same_lines", union(placed))
    bench.step("same_compared", _COMPARED)
    bench.step("same_doubled", _DOUBLED)
    bench.drop("same_compared")


def deals(party: Party, others: Sequence[Party]) -> str:
    """The party's opportunities and, on its accounts, the others' business."""
    own = f"""
        SELECT d.* FROM {party.named("opportunities")} AS d
        ANTI JOIN same_doubled AS t ON t.place = {party.place} AND t.opportunity_id = d.opportunity_id"""
    return union([own, *(_theirs(party, one, f"same_lines_{one.place}", "opportunity_id") for one in others)])


def purchases(party: Party, others: Sequence[Party]) -> str:
    """The party's orders and, on its accounts, what the others won. Only for a party that maps orders."""
    own = f"""
        SELECT p.* FROM {party.named("purchases")} AS p
        ANTI JOIN same_doubled AS t ON t.place = {party.place} AND t.opportunity_id = 'p:' || p.purchase_id"""
    found = [_theirs(party, one, f"same_lines_{one.place}", "opportunity_id") for one in others]
    won = "opportunity_id AS purchase_id, account_id, closed_on AS bought_on, amount, product_line, pipeline"
    return union([own, *(f"SELECT {won} FROM ({query}) AS l WHERE outcome = 'won'" for query in found)])


def line_items(party: Party, others: Sequence[Party]) -> list[str]:
    """Lines of the party's deals, and of those that the others add to them."""
    found = [f"SELECT * FROM {party.named('line_items')}"] if party.streams.line_items is not None else []
    for one in others:
        if one.streams.line_items is not None and one.streams.purchases is None:
            kept = (
                f"SELECT opportunity_id FROM ({_theirs(party, one, f'same_lines_{one.place}', 'opportunity_id')}) AS d"
            )
            crm = quoted(f"{one.crm}:")
            ids = f"{crm} || line_item_id AS line_item_id, {crm} || opportunity_id AS opportunity_id"
            found.append(
                f"SELECT * REPLACE ({ids}) FROM {one.named('line_items')} WHERE {crm} || opportunity_id IN ({kept})"
            )
    return found


def contacts(party: Party, others: Sequence[Party]) -> list[str]:
    """The people of the party's accounts, wherever they are known; `mapped` says whether they are asked about."""
    columns = "contact_id, account_id, role, decision_maker, favourable"
    own = [f"SELECT {columns} FROM {party.named('contacts')}"] if party.streams.contacts is not None else []
    there = [one for one in others if one.streams.contacts is not None]
    return [
        *own,
        *(f"SELECT {columns} FROM ({_theirs(party, one, one.named('contacts'), 'contact_id')}) AS c" for one in there),
    ]


def _theirs(party: Party, other: Party, table: str, key: str) -> str:
    """Another CRM's rows on this one's accounts, under ids that cannot meet ours, without deals counted already."""
    counted = (
        ""
        if key != "opportunity_id"
        else f"""
        ANTI JOIN same_doubled AS t ON t.place = {other.place} AND t.opportunity_id = l.opportunity_id"""
    )
    return f"""
        SELECT l.* REPLACE ({quoted(other.crm + ":")} || l.{key} AS {key}, w.account_id AS account_id)
        FROM {table} AS l JOIN same_with AS w
            ON w.place = {party.place} AND w.other_place = {other.place} AND w.other_id = l.account_id {counted}"""


def _lines(party: Party) -> str:
    own = party.named("opportunities")
    if party.streams.purchases is None:
        return f"SELECT * FROM {own}"
    return f"""
        SELECT * FROM {own} WHERE outcome IS DISTINCT FROM 'won' UNION ALL BY NAME
        SELECT 'p:' || purchase_id AS opportunity_id, account_id, 'won' AS outcome, bought_on AS closed_on,
               bought_on AS created_on, amount, pipeline, product_line
        FROM {party.named("purchases")}"""


_COMPARED: Final = f"""
    SELECT m.company, l.place, l.opportunity_id, l.outcome, l.closed_on AS day, CAST(l.amount AS DOUBLE) AS amount, {_KEY} AS name
    FROM same_lines AS l JOIN same_members AS m ON l.place = m.place AND l.account_id = m.account_id
    WHERE l.outcome IN ('won', 'open')"""

_DOUBLED: Final = f"""
    WITH near AS (
        SELECT * EXCLUDE (day), day AS dealt, unnest([day - 1, day, day + 1]) AS day FROM same_compared WHERE day IS NOT NULL
        UNION ALL BY NAME SELECT * EXCLUDE (day), {_NO_DAY} AS day FROM same_compared WHERE day IS NULL
    )
    SELECT DISTINCT later.place, later.opportunity_id
    FROM same_compared AS later JOIN near AS first
        ON later.company = first.company AND later.outcome = first.outcome AND coalesce(later.day, {_NO_DAY}) = first.day
           AND first.place < later.place
    WHERE CASE WHEN later.name IS NULL OR first.name IS NULL THEN later.day IS NOT DISTINCT FROM first.dealt
               ELSE later.name = first.name END
          AND (later.amount IS NOT DISTINCT FROM first.amount OR abs(later.amount - first.amount) <= 0.01 * abs(first.amount))"""
"""A native sync copies name, amount and close day: the day moves by one where the time zones differ, the amount by a little
where each CRM has its own rates. Where one of the two has no name, the very day must be the same.
"""
