"""Which CRM field each label lay in when it was last written, so that a changed prefix is seen as one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from crm_kare.journal.store import Store, arrow_pages
from crm_kare.journal.tables import NOTES, WRITTEN, text_of

_TOPIC: Final = "placements"
_CELLS: Final = pa.schema([("account_id", pa.string()), ("label", pa.string())])


@dataclass(frozen=True)
class Placed:
    """Where labels lay.

    Attributes:
        fields: the field of each label at the last write.
        former: fields in which a label lay before, the newest first.
        moving: of labels whose field changed, the run that began to write the new one; until a whole run has ended.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moving: Mapping[str, str] = field(default_factory=dict)


class Placements:
    """The fields of the labels of each CRM."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, crm: str, placed: Placed, now: datetime) -> None:
        """Keep where labels lie now, and lay before."""
        body = {"fields": dict(placed.fields), "former": dict(placed.former), "moving": dict(placed.moving)}
        row = {"crm": crm, "topic": _TOPIC, "kept_at": text_of(now), "body": json.dumps(body, sort_keys=True)}
        with self._store.writing() as connection:
            self._store.upsert(connection, NOTES, [row])

    def of(self, crm: str) -> Placed:
        """Where labels lay at the last write; nothing before the first."""
        query = sa.select(NOTES.c.body).where(NOTES.c.crm == crm, NOTES.c.topic == _TOPIC)
        with self._store.reading() as connection:
            body = connection.scalar(query)
        if body is None:
            return Placed()
        told = json.loads(body)
        former = {label: tuple(fields) for label, fields in told["former"].items()}
        return Placed(told["fields"], former, told["moving"])

    def written_before(self, crm: str, labels: Mapping[str, str | None]) -> pa.Table:
        """The cells (`account_id`, `label`) of these labels that were written last before a run; None = whenever that was."""
        theirs = [
            sa.and_(WRITTEN.c.label == label, *([WRITTEN.c.run_id < run] if run is not None else []))
            for label, run in labels.items()
        ]
        if not theirs:
            return _CELLS.empty_table()
        query = sa.select(WRITTEN.c.account_id, WRITTEN.c.label).where(WRITTEN.c.crm == crm, sa.or_(*theirs))
        with self._store.reading() as connection:
            return pa.Table.from_batches(list(arrow_pages(connection, query, _CELLS)), _CELLS)
