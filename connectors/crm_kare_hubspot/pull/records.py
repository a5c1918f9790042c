"""From a page's rows to Arrow: associations, products and stages beside the properties."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyarrow as pa

from crm_kare.errors import StopError
from crm_kare.ports import StreamSpec
from crm_kare_hubspot.answers import AGAIN, details
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import Reader, Records, Wanted, batch, stages_of
from crm_kare_hubspot.cursor import Position
from crm_kare_hubspot.pull.doubts import NONE, SEVERAL, STAGE, Doubts
from crm_kare_hubspot.pull.kin import Kin
from crm_kare_hubspot.records import (
    BATCH,
    MERGED,
    NOT_THERE,
    Link,
    Products,
    chosen,
    doubtful,
    fetched_links,
    listed_links,
)
from crm_kare_hubspot.rows import Answer, Decoder, Held, Rows
from crm_kare_hubspot.stages import StageBook

Links = Mapping[str, Sequence[Sequence[Link]]]
"""By target object, the links of each row."""

OBJECT_ID: Final = "hs_object_id"

MARGIN: Final = timedelta(seconds=5)
"""Between HubSpot's clock and ours, which its answers tell in whole seconds, and for writes under way."""


@dataclass(frozen=True)
class Pull:
    """All that the pages of one stream need.

    Attributes:
        client: the portal.
        spec: the stream.
        want: what it asks of HubSpot.
        readers: how its columns are made.
        decoder: of its pages.
        stages: those of its pipelines.
        products: those of its lines.
        doubts: what to tell in the end.
        kin: what happened to records that others name.
        require: called with properties that no record of a page has; raises where the portal has none such.
        overlap: for how long a search may not show a change.
        archived_pages: pages of the archived list that are read at each pull.
    """

    client: Client
    spec: StreamSpec
    want: Wanted
    readers: Sequence[Reader]
    decoder: Decoder
    stages: StageBook
    products: Products
    doubts: Doubts
    kin: Kin
    require: Callable[[Sequence[str]], None]
    overlap: timedelta
    archived_pages: int

    def back(self, at: Position) -> timedelta:
        """How far before the start of the last pull a search has to look."""
        return MARGIN if at.listed else self.overlap

    def ask(self, call: Call) -> Answer:
        """A page of records.

        Raises `KareError`.
        """
        return self.decoder.answer(self.client.ask(call).content)


def properties(want: Wanted) -> tuple[str, ...]:
    """Names of all properties that a pull asks for."""
    return (*want.properties, MERGED)


def assembled(pull: Pull, rows: Held, links: Links) -> pa.RecordBatch:
    """Records with all that belongs to them; what is doubtful about them is noted."""
    if absent := rows.absent(pull.want.properties):
        pull.require(absent)
    _note_doubts(pull, rows, links)
    known = pull.products.of(filter(None, rows.values("hs_product_id"))) if pull.want.products else {}
    products = [known.get(one or "", {}) for one in rows.values("hs_product_id")] if pull.want.products else ()
    ends = {target: [chosen(one) for one in of] for target, of in links.items()}
    records = Records(rows, ends, products)
    return batch(pull.spec, (read(records) for read in pull.readers))


def _note_doubts(pull: Pull, rows: Held, links: Links) -> None:
    for target, of in links.items():
        ends = list(zip(rows.ids, of, strict=True))
        pull.doubts.add(SEVERAL, (key for key, found in ends if len(found) > 1 and doubtful(found)), target)
        pull.doubts.add(NONE, (key for key, found in ends if not found), target)
    if pull.want.needs_stages:
        keys = stages_of(rows, pull.spec.source)
        if lost := pull.stages.missing(keys):
            pull.doubts.add(STAGE, (key for key, stage in zip(rows.ids, keys, strict=True) if stage in lost))


def links_listed(pull: Pull, rows: Rows) -> Links:
    """Associations as listed; those that the page had no room for are read by batch."""
    found = {}
    for target in pull.want.targets:
        listed = [listed_links(ends) for ends in rows.ends(target)]
        cut = [key for key, links in zip(rows.ids, listed, strict=True) if links is None]
        rest = fetched_links(pull.client, pull.spec.source, target, cut) if cut else {}
        found[target] = [
            rest.get(key, []) if links is None else links for key, links in zip(rows.ids, listed, strict=True)
        ]
    return found


def links_fetched(pull: Pull, rows: Rows) -> Links:
    """Associations as of now, read by batch."""
    source = pull.spec.source
    found = {target: fetched_links(pull.client, source, target, rows.ids) for target in pull.want.targets if rows.ids}
    return {target: [of[key] for key in rows.ids] for target, of in found.items()}


def read_rows(pull: Pull, ids: Sequence[str]) -> Iterator[Rows]:
    """Records by id as they are now, a hundred at a time; an id that was merged away brings the record it became.

    Raises:
        StopError: a part could not be read for another reason than that a record is gone.
        KareError: as any call.
    """
    for start in range(0, len(ids), BATCH):
        answer = pull.ask(_batch_call(pull, ids[start : start + BATCH]))
        if bad := [one for one in details({"errors": answer.errors}) if one.code not in NOT_THERE]:
            raise StopError("A part of a batch could not be read.", where=pull.spec.source, code=bad[0].code, fix=AGAIN)
        yield answer.rows


def _batch_call(pull: Pull, ids: Sequence[str]) -> Call:
    path = pull.client.paths.objects(pull.spec.source, "batch", "read")
    inputs = [{"id": one} for one in ids]
    body = {"properties": sorted({*properties(pull.want)}), "propertiesWithHistory": [], "inputs": inputs}
    return Call("POST", path, pull.spec.source, body=body, raw=True)


def merged_away(rows: Rows) -> dict[str, str]:
    """By record, the ids that were merged into it, as HubSpot tells them."""
    return {key: told for key, told in zip(rows.ids, rows.values(MERGED), strict=True) if told}


def away_ids(merged: Mapping[str, str]) -> tuple[str, ...]:
    """The ids in what `merged_away` found, without those that are there."""
    told = (one.strip() for text in merged.values() for one in text.split(";"))
    return tuple(dict.fromkeys(one for one in told if one and one not in merged))
