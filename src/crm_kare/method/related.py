"""Which accounts belong together: same ultimate parent, or a mapped affiliate or joint venture (section 1 rule 5)."""

from typing import Final

from crm_kare.method.workbench import Workbench

DEPTH: Final = 10
"""Steps that are climbed towards the ultimate parent; cycles are cut."""


def lay_out_groups(bench: Workbench) -> None:
    """Make the step `kare_groups`: account_id, root (the ultimate parent, itself for an account without one), group_accounts.

    A parent that is not among the accounts still names the group. In a cycle the smallest id is the root.
    """
    bench.step("kare_parents", _PARENTS)
    bench.step("kare_climb_0", "SELECT child AS account_id, up AS root, up AS lowest FROM kare_parents")
    climbed = "kare_climb_0"
    for depth in range(1, 2 * DEPTH):
        if not bench.rows(_UNFINISHED.format(climbed=climbed))[0]["unfinished"]:
            break
        climbed = bench.step(f"kare_climb_{depth}", _climb(climbed, cycling=depth >= DEPTH))
    bench.step("kare_groups", _GROUPS.format(climbed=climbed))


_PARENTS: Final = """
    SELECT account_id AS child, parent_id AS up FROM kare_accounts
    WHERE parent_id IS NOT NULL AND parent_id <> account_id"""

_UNFINISHED: Final = "SELECT count(*) AS unfinished FROM {climbed} AS c JOIN kare_parents AS p ON c.root = p.child"


def _climb(climbed: str, *, cycling: bool) -> str:
    """One step up. Who still has a parent after `DEPTH` steps stands in a cycle (or too deep): it then notes the smallest id."""
    up = "coalesce(p.up, c.root)"
    lowest = f"least(c.lowest, {up})" if cycling else up
    return f"SELECT c.account_id, {up} AS root, {lowest} AS lowest FROM {climbed} AS c LEFT JOIN kare_parents AS p ON c.root = p.child"


_GROUPS: Final = """
    WITH roots AS (
        SELECT a.account_id, coalesce(c.lowest, a.account_id) AS root
        FROM kare_accounts AS a LEFT JOIN {climbed} AS c ON a.account_id = c.account_id)
    SELECT account_id, root, count(*) OVER (PARTITION BY root) AS group_accounts FROM roots"""


def newcomers(facts: str, has_bought: str) -> str:
    """Related companies of each account that have room for us: account_id, relatives, room_at, room_name.

    A candidate never bought (by the column `has_bought`), is in scope and not ICP Low. `facts` has account_id, root,
    group_accounts, name, affiliate_id, in_scope, icp_tier.
    """
    return f"""
        WITH cards AS (
            SELECT account_id, root, group_accounts, name, affiliate_id,
                   NOT {has_bought} AND coalesce(in_scope, TRUE) AND icp_tier <> 'Low' AS candidate
            FROM {facts}
        ), families AS (
            SELECT root, count(*) FILTER (WHERE candidate) AS room, min(name) FILTER (WHERE candidate) AS room_name
            FROM cards WHERE group_accounts > 1 GROUP BY root
        ), linked AS (
            SELECT account_id, affiliate_id AS other FROM cards WHERE affiliate_id <> account_id
            UNION SELECT affiliate_id, account_id FROM cards WHERE affiliate_id <> account_id
        ), every AS (
            SELECT c.account_id, c.group_accounts - 1 AS relatives, f.room - CAST(c.candidate AS INTEGER) AS room_at, f.room_name
            FROM cards AS c JOIN families AS f ON c.root = f.root WHERE c.group_accounts > 1
            UNION ALL
            SELECT l.account_id, 1, CAST(c.candidate AS INTEGER), CASE WHEN c.candidate THEN c.name END
            FROM linked AS l JOIN cards AS c ON l.other = c.account_id
        )
        SELECT account_id, CAST(sum(relatives) AS BIGINT) AS relatives, CAST(sum(room_at) AS BIGINT) AS room_at,
               min(room_name) FILTER (WHERE room_at > 0) AS room_name
        FROM every GROUP BY account_id"""
