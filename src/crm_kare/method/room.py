"""Named evidence that a customer has room to buy more (METHOD.md section 1 rule 5)."""

from typing import Final

from crm_kare.config.rulebook import Rulebook, stored_as
from crm_kare.method.facts import BEFORE
from crm_kare.method.portfolio import Portfolio
from crm_kare.method.related import newcomers
from crm_kare.method.workbench import Workbench, cases, quoted

ROOM_KNOWN = "(room_wallet IS NOT NULL OR room_lines IS NOT NULL OR room_family IS NOT NULL)"
"""Whether any evidence of room could be judged; the absence of an expansion deal tells nothing."""

HAS_ROOM = "(firm OR expansion)"
"""Whether any evidence of room stands, an open expansion deal included."""


def lay_out_room(bench: Workbench, rulebook: Rulebook, portfolio: Portfolio) -> str:
    """Make the step `kare_roomy`: `kare_facts` and `kare_rated` with sound, room_wallet, room_lines, room_family (null = can't be judged) and
    firm (room by anything but a deal), as of the day and as `before_…`; and peer_lines, relatives, room_name.
    """
    bench.view("kare_cards", _CARDS)
    bench.step("kare_family", newcomers("kare_cards", "has_bought"))
    bench.step("kare_family_before", newcomers("kare_cards", "before_has_bought"))
    rules = rulebook.expand
    earlier = f"CASE WHEN held = 'Expand' THEN {rules.lines_leave} ELSE {rules.lines_enter} END"
    inside = "coalesce(held = 'Expand', FALSE) OR (NOT has_held AND before_firm AND before_sound)"
    later = f"CASE WHEN {inside} THEN {rules.lines_leave} ELSE {rules.lines_enter} END"
    return bench.view("kare_roomy", f"""
        WITH known AS (
            SELECT p.*, r.* EXCLUDE (account_id), {_peer_lines(rulebook, portfolio)} AS peer_lines, f.relatives, f.room_at, f.room_name,
                   b.room_at AS before_room_at
            FROM kare_facts AS p JOIN kare_rated AS r ON p.account_id = r.account_id
            LEFT JOIN kare_family AS f ON r.account_id = f.account_id
            LEFT JOIN kare_family_before AS b ON r.account_id = b.account_id
        ), earlier AS (SELECT *, {_evidence(BEFORE, rulebook, earlier)} FROM known),
        earlier_sum AS (SELECT *, {_firm(BEFORE)} AS before_firm FROM earlier),
        later AS (SELECT *, {_evidence("", rulebook, later)} FROM earlier_sum)
        SELECT *, {_firm("")} AS firm FROM later""")  # fmt: skip


_CARDS: Final = """
    SELECT f.account_id, f.root, f.group_accounts, f.name, f.affiliate_id, f.in_scope, f.has_bought, f.before_has_bought, r.icp_tier
    FROM kare_facts AS f JOIN kare_rated AS r ON f.account_id = r.account_id"""


def _evidence(when: str, rulebook: Rulebook, line_limit: str) -> str:
    rules = rulebook.expand
    enough = f"{when}events_window >= {rules.events} AND {when}quarters >= {rules.quarters}"
    by_rule = f"CASE {when}rule WHEN 'renewal' THEN {when}events >= 2 WHEN 'rhythm' THEN TRUE ELSE {enough} END"
    return f"""
        coalesce(({by_rule}) AND {when}badge IS NULL AND NOT {when}lapsed, FALSE) AS {when}sound,
        {when}wallet_share < {rules.wallet_share_below} AS {when}room_wallet,
        {when}product_lines * 100 < peer_lines * ({line_limit}) AS {when}room_lines,
        CASE WHEN relatives > 0 THEN {when}room_at > 0 END AS {when}room_family"""


def _firm(when: str) -> str:
    return " OR ".join(f"coalesce({when}room_{kind}, FALSE)" for kind in ("wallet", "lines", "family"))


def _peer_lines(rulebook: Rulebook, portfolio: Portfolio) -> str:
    overall = portfolio.peer_lines.get("")
    peers = sorted((peer, lines) for peer, lines in portfolio.peer_lines.items() if peer)
    branches = [
        (f"CAST(p.{stored_as(rulebook.expand.peers_by)} AS VARCHAR) = {quoted(peer)}", str(lines))
        for peer, lines in peers
    ]
    number = cases(*branches, otherwise="NULL" if overall is None else str(overall))
    return f"CAST({number} AS DOUBLE)"
