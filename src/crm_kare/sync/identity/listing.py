"""Every pair of accounts that is, or may be, one company: for the admin to look at and decide."""
# ruff: noqa: S608  names of ours

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from crm_kare.config.identity import Identity, Names
from crm_kare.errors import ConfigError
from crm_kare.method import Workbench, quoted
from crm_kare.model import Problem
from crm_kare.sync.grounds import engine
from crm_kare.sync.identity.doubts import CROWD, lay_out_doubts
from crm_kare.sync.identity.matching import lay_out_companies
from crm_kare.sync.identity.names import lay_out_similar
from crm_kare.sync.identity.parties import parties
from crm_kare.sync.identity.party import Party
from crm_kare.sync.runtime import Runtime

_PAIR: Final = "place, account_id, other_place, other_id"


@dataclass(frozen=True)
class Listing:
    """What is known of the companies of several CRMs.

    Attributes:
        pairs: decision, status (`match`, `proposal`, `conflict`, `different`), why, crm, account_id, name, domain, country, and
            the same of the other account; all text.
        crowds: domain, crm, accounts: domains on too many accounts to be anybody's own.
        problems: CRMs that are left out, and why.
    """

    pairs: pa.Table
    crowds: pa.Table
    problems: tuple[Problem, ...]


def listing(runtime: Runtime, identity: Identity) -> Listing:
    """Matches, proposals and conflicts by today's mirrors; no network, nothing written.

    Raises:
        ConfigError: nothing was pulled yet, or a mapping or the file of decisions is wrong.
    """
    decisions = runtime.project.decisions()
    with engine() as con:
        taking = parties(runtime, con, identity, identity.crms[0], None)
        if not taking.listed:
            raise ConfigError("No mirror is fresh enough.", fix="Run `crm-kare pull` for each CRM.", where="identity")
        with Workbench.of(taking.listed[0].streams.accounts) as bench:
            for one in taking.listed:
                one.lay_out(bench)
            lay_out_companies(bench, taking.listed, identity, decisions)
            lay_out_doubts(bench)
            if identity.names is Names.PROPOSE:
                lay_out_similar(bench, identity.similarity)
            pairs = bench.arrow(_listed(taking.listed))
            crowds = bench.arrow(_CROWDS.format(crm=_name("place", taking.listed)))
    return Listing(pairs, crowds, taking.left_out)


def _name(place: str, listed: Sequence[Party]) -> str:
    return f"CASE {place} {' '.join(f'WHEN {one.place} THEN {quoted(one.crm)}' for one in listed)} END"


_FOUND: Final = f"""
    SELECT if(how = 'decision', 'same', '') AS decision, 'match' AS status, basis AS why, {_PAIR} FROM same_pairs
    UNION ALL SELECT '', 'conflict', why || ': ' || basis, {_PAIR} FROM same_doubts
    UNION ALL SELECT '', 'proposal', 'similar name in one country (' || similarity || ' %)', {_PAIR}
        FROM same_similar ANTI JOIN same_pairs USING ({_PAIR})
    UNION ALL SELECT decision, 'different', 'as decided', {_PAIR} FROM same_decided WHERE decision = 'different'"""


def _listed(listed: Sequence[Party]) -> str:
    return f"""
        SELECT p.decision, p.status, p.why, {_name("p.place", listed)} AS crm, p.account_id, a.name, a.domain, a.country,
               {_name("p.other_place", listed)} AS other_crm, p.other_id AS other_account_id, b.name AS other_name,
               b.domain AS other_domain, b.country AS other_country
        FROM ({_FOUND}) AS p
        LEFT JOIN same_cards AS a ON a.place = p.place AND a.account_id = p.account_id
        LEFT JOIN same_cards AS b ON b.place = p.other_place AND b.account_id = p.other_id
        ORDER BY p.status, p.place, p.account_id, p.other_place, p.other_id"""


_CROWDS: Final = f"""
    SELECT domain, {{crm}} AS crm, accounts FROM same_crowded
    WHERE domain IN (SELECT domain FROM same_crowded WHERE accounts > {CROWD}) ORDER BY domain, place"""
