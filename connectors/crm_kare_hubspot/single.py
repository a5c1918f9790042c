"""Single records by id, as they are now: no index lags behind a read by id."""

from collections.abc import Sequence

import pyarrow as pa

from crm_kare.ports import Page, StreamSpec
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.columns import nothing
from crm_kare_hubspot.owners import owners
from crm_kare_hubspot.pull import Pull, assembled, away_ids, links_fetched, merged_away, read_rows


def single(pull: Pull, ids: Sequence[str]) -> Page:
    """The records of these ids.

    A merged-away id brings the record that survived, under its own id: what was asked for and did not come is gone.
    """
    asked = tuple(dict.fromkeys(ids))
    found = {one.id: one for rows in read_rows(pull, asked) for one in rows.records}
    rows = pull.decoder.rows(list(found.values()))
    records = assembled(pull, rows, links_fetched(pull, rows))
    gone = [one for one in asked if one not in found]
    gone += [one for one in away_ids(merged_away(rows)) if one not in gone]
    return Page(records, "", tuple(gone), problems=pull.doubts.problems())


def single_owners(client: Client, spec: StreamSpec, ids: Sequence[str]) -> Page:
    """Owners are few, and cannot be read by several ids at once: all are read."""
    everybody = pa.Table.from_batches([page.records for page in owners(client, spec, "")], spec.arrow_schema())
    ids_there = everybody.column(0).to_pylist()
    wanted = everybody.filter(pa.array([one in set(ids) for one in ids_there], pa.bool_())).combine_chunks()
    gone = tuple(one for one in dict.fromkeys(ids) if one not in ids_there)
    return Page((wanted.to_batches() or [nothing(spec)])[0], "", gone)
