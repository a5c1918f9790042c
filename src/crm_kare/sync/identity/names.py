"""Similar names: compared within one country and the same first letters only, block by block, so that memory stays flat."""

from collections.abc import Iterator
from typing import Any, Final

import ibis
import pyarrow as pa
from rapidfuzz import fuzz
from rapidfuzz.process import cdist

from crm_kare.method import Workbench

_LETTERS: Final = 3
"""Names that are one company's begin alike; two or more cards of one block are compared."""

_AT_ONCE: Final = 4_000_000
"""Comparisons whose results are held at one time."""

_PAIRS: Final = pa.schema(
    [
        (name, pa.int32() if name in {"place", "other_place", "similarity"} else pa.string())
        for name in ("place", "account_id", "other_place", "other_id", "similarity")
    ]
)

_OPEN: Final = """
    SELECT c.place, c.account_id, c.key, c.country, c.domain
    FROM same_cards AS c
    ANTI JOIN ({taken}) AS t ON c.place = t.place AND c.account_id = t.account_id
    WHERE c.key IS NOT NULL AND c.country IS NOT NULL"""
"""Accounts that nothing else has spoken about."""

_TAKEN: Final = """
    SELECT place, account_id FROM same_chosen UNION ALL SELECT other_place, other_id FROM same_chosen
    UNION ALL SELECT place, account_id FROM same_cards
        WHERE domain IN (SELECT domain FROM same_cards GROUP BY domain HAVING count(DISTINCT place) > 1)"""

_BLOCKS: Final = f"""
    SELECT country || chr(31) || left(key, {_LETTERS}) AS block, place, list(account_id ORDER BY account_id) AS ids,
           list(key ORDER BY account_id) AS keys
    FROM same_open GROUP BY block, place QUALIFY count(*) OVER (PARTITION BY block) > 1 ORDER BY block, place"""  # noqa: S608

_SIMILAR: Final = """
    WITH pairs AS (
        SELECT f.*, a.domain <> b.domain AS differ
        FROM same_found AS f
        JOIN same_open AS a ON f.place = a.place AND f.account_id = a.account_id
        JOIN same_open AS b ON f.other_place = b.place AND f.other_id = b.account_id
        ANTI JOIN same_decided AS d
            ON f.place = d.place AND f.account_id = d.account_id AND f.other_place = d.other_place AND f.other_id = d.other_id
    )
    SELECT * EXCLUDE (differ), coalesce(differ, FALSE) AS domains_differ,
           count(*) OVER (PARTITION BY place, account_id, other_place) AS choices,
           count(*) OVER (PARTITION BY other_place, other_id, place) AS other_choices
    FROM pairs"""


def lay_out_similar(bench: Workbench, least: int) -> None:
    """Make the step `same_similar`: pairs of similar name in one country, of accounts that are neither matched by now nor
    share a domain; with similarity (per cent), domains_differ, and how many choices each side has.
    """
    bench.step("same_open", _OPEN.format(taken=_TAKEN))
    found = pa.Table.from_batches(list(_found(bench, least)), _PAIRS)
    bench.keep("same_found", ibis.memtable(found))
    bench.step("same_similar", _SIMILAR)
    bench.drop("same_found", "same_open")


def _found(bench: Workbench, least: int) -> Iterator[pa.RecordBatch]:
    """Pairs of all blocks; in each, every CRM's cards against those of every later CRM."""
    name = ""
    cards: list[dict[str, Any]] = []
    for batch in bench.arrow(_BLOCKS).to_batches(max_chunksize=1000):
        for row in batch.to_pylist():
            if row["block"] != name:
                name, cards = row["block"], []
            for earlier in cards:
                yield from _compared(earlier, row, least)
            cards.append(row)


def _compared(mine: dict[str, Any], theirs: dict[str, Any], least: int) -> Iterator[pa.RecordBatch]:
    """Two lists of names, a piece of the first at a time. Word order counts little: `Bank of X`, `X Bank`."""
    piece = max(_AT_ONCE // len(theirs["keys"]), 1)
    for start in range(0, len(mine["keys"]), piece):
        scores = cdist(
            mine["keys"][start : start + piece], theirs["keys"], scorer=fuzz.token_sort_ratio, score_cutoff=least
        )
        at, other = scores.nonzero()
        if len(at):
            yield pa.RecordBatch.from_pydict(
                {
                    "place": [mine["place"]] * len(at),
                    "account_id": [mine["ids"][start + one] for one in at],
                    "other_place": [theirs["place"]] * len(at),
                    "other_id": [theirs["ids"][one] for one in other],
                    "similarity": [int(one) for one in scores[at, other]],
                },
                _PAIRS,
            )
