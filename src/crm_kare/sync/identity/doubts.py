"""What may be one company and is not matched, and what two CRMs say differently: for the run's problems and for the report."""
# ruff: noqa: S608  names of ours

from collections.abc import Sequence
from typing import Final

from crm_kare.method import Workbench
from crm_kare.model import Problem
from crm_kare.sync.identity.matching import untaken
from crm_kare.sync.identity.party import Party, union

CROWD: Final = 50
"""A domain on more accounts of one CRM than this is told as one line: it is most likely a host that many companies use."""

_COUNTED: Final = """
    SELECT domain, place, count(*) AS accounts FROM same_cards WHERE domain IS NOT NULL GROUP BY domain, place
    QUALIFY count(*) OVER (PARTITION BY domain) > 1 AND max(accounts) OVER (PARTITION BY domain) > 1"""

_PAIRS: Final = f"""
    WITH near AS (
        SELECT * FROM same_crowded QUALIFY max(accounts) OVER (PARTITION BY domain) <= {CROWD}
    ), pairs AS (
        SELECT a.place, a.account_id, b.place AS other_place, b.account_id AS other_id, a.domain
        FROM near AS x JOIN near AS y ON x.domain = y.domain AND x.place < y.place AND x.accounts * y.accounts > 1
        JOIN same_cards AS a ON a.domain = x.domain AND a.place = x.place
        JOIN same_cards AS b ON b.domain = y.domain AND b.place = y.place
    )"""

_DOUBTS: Final = f"""
    {_PAIRS}, crowded AS ({untaken("pairs")})
    SELECT * EXCLUDE (domain), 'domain on several accounts' AS why, 'same domain ' || domain AS basis FROM crowded
    UNION ALL
    SELECT c.*, 'domain and name disagree', 'same domain ' || d.domain FROM same_contradicted AS c
    JOIN same_by_domain AS d USING (place, account_id, other_place, other_id)
    UNION ALL
    SELECT * EXCLUDE (how, basis), 'chain to two accounts of one CRM', basis FROM same_edges
    ANTI JOIN same_pairs USING (place, account_id, other_place, other_id)"""


def lay_out_doubts(bench: Workbench) -> None:
    """Make the steps `same_doubts`: place, account_id, other_place, other_id, why, basis; and `same_crowded`: domain, place,
    accounts, of domains that stand on several accounts of a CRM and in another CRM too.
    """
    bench.step("same_crowded", _COUNTED)
    bench.step("same_doubts", _DOUBTS)


def problems(bench: Workbench, parties: Sequence[Party], party: Party, day: str) -> list[Problem]:
    """What the admin should know, in figures that stay as they are until somebody does something."""
    overridden = union([_overrides(one, day) for one in parties])
    counts = bench.rows(_COUNTS.format(place=party.place, overridden=overridden))[0]
    return [
        Problem(code, f"{counts[code]} {what}.", fix, where="identity", level="info")
        for code, what, fix in _FINDINGS
        if counts[code]
    ]


def _overrides(party: Party, day: str) -> str:
    return f"""
        SELECT m.company, a.override FROM {party.named("accounts")} AS a
        JOIN same_members AS m ON m.place = {party.place} AND m.account_id = a.account_id
        WHERE a.override IS NOT NULL AND coalesce(a.override_until >= {day}, TRUE)"""


_COUNTS: Final = f"""
    WITH doubtful AS (
        SELECT account_id FROM same_doubts WHERE place = {{place}}
        UNION SELECT other_id FROM same_doubts WHERE other_place = {{place}}
    ), differing AS (
        SELECT company FROM ({{overridden}}) AS o GROUP BY company HAVING count(DISTINCT override) > 1
    )
    SELECT (SELECT count(*) FROM doubtful) AS "identity-doubts",
           (SELECT count(DISTINCT domain) FROM same_crowded WHERE accounts > {CROWD}) AS "identity-crowds",
           (SELECT count(*) FROM same_doubled) AS "identity-doubled",
           (SELECT count(*) FROM differing SEMI JOIN same_members AS m
               ON differing.company = m.company AND m.place = {{place}}) AS "identity-overrides\""""

_FINDINGS: Final = (
    (
        "identity-doubts",
        "accounts may be a company that stands in another CRM too, and are judged apart: it is not clear which",
        "`crm-kare identity` lists them; decide in the file of decisions.",
    ),
    (
        "identity-crowds",
        f"domains stand on more than {CROWD} accounts of a CRM: they are taken for nobody's own",
        "List them under `identity.shared_hosts`, or correct the accounts.",
    ),
    (
        "identity-doubled",
        "deals or orders stand in several CRMs and are counted once",
        "Nothing; `crm-kare identity` tells the rule.",
    ),
    (
        "identity-overrides",
        "companies are overridden differently in two CRMs: each CRM shows its own",
        "`crm-kare overrides` lists them.",
    ),
)
