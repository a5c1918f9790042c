"""Which accounts are one company: decided by people, by the domain that they share, or, where it is accepted, by name.

A match is made where it is unique on both sides, and never between two accounts of one CRM. Everything else is left as it
is and told: several accounts on one domain, a name that points elsewhere than the domain, chains that end in two accounts
of one CRM. The matches do not depend on the order of the CRMs, nor on that of the accounts.
"""
# ruff: noqa: S608  names of ours

from collections.abc import Iterable, Sequence
from typing import Any, Final

import ibis
import pyarrow as pa

from crm_kare.config.identity import Decided, Identity, Names
from crm_kare.method import Workbench
from crm_kare.sync.identity.cards import lay_out_cards
from crm_kare.sync.identity.names import lay_out_similar
from crm_kare.sync.identity.party import Party

_DECIDED: Final = pa.schema(
    [
        (name, pa.int32() if name in {"place", "other_place"} else pa.string())
        for name in ("decision", "place", "account_id", "other_place", "other_id")
    ]
)
_PAIR: Final = "place, account_id, other_place, other_id"


def lay_out_companies(
    bench: Workbench, parties: Sequence[Party], identity: Identity, decisions: Iterable[Decided]
) -> None:
    """Make these steps.

    same_cards: see there. same_decided: decision, place, account_id, other_place, other_id; place before other_place, as in
    all pairs. same_pairs: the matches, with how (`decision`, `domain`, `name`) and basis. same_doubts: pairs that are not
    matched, with why. same_members: company, place, account_id, basis, one row per account of a company.
    """
    lay_out_cards(bench, parties, identity.shared_hosts)
    bench.keep("same_decided", ibis.memtable(_decided(parties, decisions)))
    bench.step("same_chosen", _CHOSEN)
    bench.step("same_by_domain", _BY_DOMAIN)
    bench.step("same_contradicted", _CONTRADICTED.format(similar=identity.similarity / 100))
    edges = [_SURE]
    if identity.names is Names.ACCEPT:
        lay_out_similar(bench, identity.similarity)
        edges.append(_BY_NAME)
    bench.step("same_edges", " UNION ALL ".join(edges))
    _lay_out_groups(bench)
    bench.step("same_pairs", "SELECT e.* FROM same_edges AS e SEMI JOIN same_members AS m USING (place, account_id)")


def _decided(parties: Sequence[Party], decisions: Iterable[Decided]) -> pa.Table:
    """Decisions on accounts of CRMs that take part, the earlier CRM's account first."""
    places = {one.crm: one.place for one in parties}
    rows = []
    for one in decisions:
        if one.crm in places and one.other_crm in places:
            ends = sorted([(places[one.crm], one.account_id), (places[one.other_crm], one.other_account_id)])
            rows.append((one.decision, *ends[0], *ends[1]))
    return pa.Table.from_pylist([dict(zip(_DECIDED.names, row, strict=True)) for row in rows], _DECIDED)


_CHOSEN: Final = f"""
    SELECT DISTINCT {_PAIR} FROM same_decided AS d
    SEMI JOIN same_cards AS a ON d.place = a.place AND d.account_id = a.account_id
    SEMI JOIN same_cards AS b ON d.other_place = b.place AND d.other_id = b.account_id
    WHERE decision = 'same'"""
"""Pairs that people decided to be one company, and that are both there."""


def untaken(pairs: str) -> str:
    """Of pairs, those that no decision speaks about: neither of them, nor that one of the two belongs elsewhere."""
    return f"""
        SELECT p.* FROM {pairs} AS p
        ANTI JOIN same_decided AS d USING ({_PAIR})
        ANTI JOIN same_chosen AS c ON p.place = c.place AND p.account_id = c.account_id AND p.other_place = c.other_place
        ANTI JOIN same_chosen AS e ON p.place = e.place AND p.other_place = e.other_place AND p.other_id = e.other_id"""


_BY_DOMAIN: Final = f"""
    WITH counted AS (
        SELECT domain, place, count(*) AS accounts, min(account_id) AS account_id FROM same_cards
        WHERE domain IS NOT NULL GROUP BY domain, place
    ), alone AS (SELECT * FROM counted WHERE accounts = 1),
    pairs AS (
        SELECT a.place, a.account_id, b.place AS other_place, b.account_id AS other_id, domain
        FROM alone AS a JOIN alone AS b USING (domain) WHERE a.place < b.place
    ) {untaken("pairs")}"""
"""Pairs whose domain is on one account of each of the two CRMs."""

_CONTRADICTED: Final = f"""
    WITH strangers AS (
        SELECT p.*, a.key, a.country, b.key AS other_key, b.country AS other_country
        FROM same_by_domain AS p
        JOIN same_cards AS a ON p.place = a.place AND p.account_id = a.account_id
        JOIN same_cards AS b ON p.other_place = b.place AND p.other_id = b.account_id
        WHERE jaro_winkler_similarity(a.key, b.key) < {{similar}}
    )
    SELECT {_PAIR} FROM strangers AS s SEMI JOIN same_cards AS c
        ON c.place = s.other_place AND c.key = s.key AND c.country = s.country
    UNION SELECT {_PAIR} FROM strangers AS s SEMI JOIN same_cards AS c
        ON c.place = s.place AND c.key = s.other_key AND c.country = s.other_country"""
"""Pairs of one domain and different names, where the other CRM has an account of just that name in the same country."""

_SURE: Final = f"""
    SELECT {_PAIR}, 'decision' AS how, 'as decided' AS basis FROM same_chosen
    UNION ALL
    SELECT {_PAIR}, 'domain', 'same domain ' || domain FROM same_by_domain ANTI JOIN same_contradicted USING ({_PAIR})"""

_BY_NAME: Final = f"""
    SELECT {_PAIR}, 'name', 'same name and country' FROM same_similar
    WHERE choices = 1 AND other_choices = 1 AND NOT domains_differ"""


def _lay_out_groups(bench: Workbench) -> None:
    """The steps `same_members` and `same_broken` (place, account_id of groups that hold two accounts of one CRM, or a pair
    that people said to be different).
    """
    bench.step("same_ends", _ENDS)
    bench.step("same_torn", _TORN)
    bench.step("same_links", "SELECT * FROM same_ends ANTI JOIN same_torn USING (place, account_id, other_place)")
    bench.step("same_links", """
        SELECT l.* FROM same_links AS l ANTI JOIN same_torn AS t
            ON t.place = l.other_place AND t.account_id = l.other_id AND t.other_place = l.place""")  # fmt: skip
    bench.step(
        "same_groups", "SELECT DISTINCT place, account_id, place || ':' || account_id AS company FROM same_links"
    )
    while _spread(bench):
        pass
    bench.step("same_broken", _BROKEN)
    bench.step("same_members", _MEMBERS)


def _spread(bench: Workbench) -> bool:
    """Let each account take the smallest name among its own and its partners'; whether one changed."""
    before = _total(bench)
    bench.step("same_groups", _SPREAD)
    return bool(_total(bench) != before)


def _total(bench: Workbench) -> list[dict[str, Any]]:
    return bench.rows(
        "SELECT count(DISTINCT company) AS companies, sum(hash(company)::HUGEINT) AS names FROM same_groups"
    )


_ENDS: Final = """
    SELECT * FROM same_edges
    UNION ALL SELECT other_place, other_id, place, account_id, how, basis FROM same_edges"""
_ENDS_OF: Final = "place, account_id, other_place"
_TORN: Final = f"SELECT {_ENDS_OF} FROM same_ends GROUP BY {_ENDS_OF} HAVING count(DISTINCT other_id) > 1"
"""Accounts with several partners in one other CRM."""

_SPREAD: Final = """
    SELECT g.place, g.account_id, min(least(g.company, o.company)) AS company
    FROM same_groups AS g JOIN same_links AS l ON l.place = g.place AND l.account_id = g.account_id
    JOIN same_groups AS o ON o.place = l.other_place AND o.account_id = l.other_id
    GROUP BY g.place, g.account_id"""

_BROKEN: Final = """
    WITH several AS (SELECT company FROM same_groups GROUP BY company, place HAVING count(*) > 1),
    parted AS (
        SELECT a.company FROM same_decided AS d
        JOIN same_groups AS a ON d.place = a.place AND d.account_id = a.account_id
        JOIN same_groups AS b ON d.other_place = b.place AND d.other_id = b.account_id
        WHERE d.decision = 'different' AND a.company = b.company)
    SELECT place, account_id FROM same_groups
    WHERE company IN (SELECT company FROM several UNION ALL SELECT company FROM parted)"""

_MEMBERS: Final = """
    SELECT g.company, g.place, g.account_id,
           string_agg(DISTINCT l.basis, ', ' ORDER BY l.basis) AS basis
    FROM same_groups AS g ANTI JOIN same_broken AS b USING (place, account_id)
    JOIN same_links AS l ON l.place = g.place AND l.account_id = g.account_id
    GROUP BY g.company, g.place, g.account_id"""
