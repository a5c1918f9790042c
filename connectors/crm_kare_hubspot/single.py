"""Single records by id, as they are now: no index lags behind a read by id."""

from collections.abc import Sequence

import pyarrow as pa

from crm_kare.ports import Page, StreamSpec
from crm_kare_hubspot.answers import Json
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.columns import batch
from crm_kare_hubspot.owners import owners
from crm_kare_hubspot.pull import Pull, assembled
from crm_kare_hubspot.records import BATCH, MERGED, fetched_links, merged_ids, read_batch


def single(pull: Pull, ids: Sequence[str]) -> Page:
    """The records of these ids.

    A merged-away id brings the record that survived, under its own id: what was asked for and did not come is gone.
    """
    found = {str(raw.get("id")): raw for raw in _read(pull, tuple(dict.fromkeys(ids)))}
    raws = list(found.values())
    links = {
        target: fetched_links(pull.client, pull.spec.source, target, list(found)) if found else {}
        for target in pull.want.targets
    }
    records, problems = assembled(pull, raws, links)
    gone = dict.fromkeys(one for one in ids if one not in found)
    gone |= dict.fromkeys(one for raw in raws for one in merged_ids(raw))
    return Page(batch(pull.spec, pull.readers, records), "", tuple(gone), problems=problems)


def single_owners(client: Client, spec: StreamSpec, ids: Sequence[str]) -> Page:
    """Owners are few, and cannot be read by several ids at once: all are read."""
    everybody = pa.Table.from_batches([page.records for page in owners(client, spec, "")], spec.arrow_schema())
    ids_there = everybody.column(0).to_pylist()
    wanted = everybody.filter(pa.array([one in set(ids) for one in ids_there], pa.bool_())).combine_chunks()
    gone = tuple(one for one in dict.fromkeys(ids) if one not in ids_there)
    return Page(_one_batch(wanted), "", gone)


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], schema=table.schema)


def _read(pull: Pull, ids: Sequence[str]) -> list[Json]:
    wanted = (*pull.want.properties, MERGED)
    parts = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    return [raw for part in parts for raw in read_batch(pull.client, pull.spec.source, part, wanted)]
