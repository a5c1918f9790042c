"""Labels whose CRM field changed, by another prefix or another name in the mapping.

The new fields are written whole; what stands in them is not held against values that we wrote into the old ones. People's values are read
from the old field where the new one is blank, for as long as the old one is there: their fields are never written.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from crm_kare.config.mapping import label_fields
from crm_kare.journal import Journal, Placed
from crm_kare.labels import BY_NAME, Editor
from crm_kare.ports import LabelField
from crm_kare.sync.crm_run import CrmRun


def former_fields(journal: Journal, crm: str, fields: Sequence[LabelField]) -> tuple[LabelField, ...]:
    """The fields in which labels lay before, the newest first, and lie no more; `fields` are those of the mapping."""
    placed, now = journal.placements.of(crm), {one.field.casefold() for one in fields}
    held = {one.label.name: one.field for one in fields}
    found = [
        LabelField(BY_NAME[label], old)
        for label, last in placed.fields.items()
        for old in dict.fromkeys((last, *placed.former.get(label, ())))
        if label in BY_NAME and label in held and old.casefold() not in now
    ]
    return tuple(found)


def peoples(fields: Sequence[LabelField]) -> tuple[LabelField, ...]:
    """Of fields, those that people fill."""
    return tuple(one for one in fields if one.label.editor is Editor.PEOPLE)


def written_elsewhere(run: CrmRun) -> pa.Table:
    """The cells that we wrote last into another field than the present one."""
    placements = run.runtime.journal.placements
    placed = placements.of(run.crm)
    since: dict[str, str | None] = {**placed.moving, **dict.fromkeys(_moved(placed, _fields(run)))}
    return placements.written_before(run.crm, since)


def begin(run: CrmRun) -> None:
    """Before the first write: note the labels whose field is another by now."""
    journal, now = run.runtime.journal, run.runtime.clock.now()
    placed, fields = journal.placements.of(run.crm), _fields(run)
    moved = _moved(placed, fields)
    if fields.items() <= placed.fields.items():
        return
    former = {**placed.former, **{label: _before(placed, label) for label in moved}}
    moving = {**placed.moving, **dict.fromkeys(moved, run.run_id)}
    journal.placements.keep(run.crm, Placed({**placed.fields, **fields}, former, moving), now)


def settle_moved(run: CrmRun) -> None:
    """After a whole run: all that we wrote last lies in the present fields."""
    journal = run.runtime.journal
    placed = journal.placements.of(run.crm)
    if placed.moving:
        journal.placements.keep(run.crm, replace(placed, moving={}), run.runtime.clock.now())


def forget_gone(journal: Journal, crm: str, gone: Sequence[LabelField], now: datetime) -> None:
    """Fields that the CRM has no more are nowhere to be read."""
    if not gone:
        return
    names, placed = {one.field for one in gone}, journal.placements.of(crm)
    former = {label: tuple(one for one in old if one not in names) for label, old in placed.former.items()}
    fields = {label: one for label, one in placed.fields.items() if one not in names}
    journal.placements.keep(crm, replace(placed, fields=fields, former=former), now)


def _fields(run: CrmRun) -> dict[str, str]:
    return {one.label.name: one.field for one in label_fields(run.mapping, run.connector)}


def _moved(placed: Placed, fields: dict[str, str]) -> list[str]:
    held = {label: one.casefold() for label, one in placed.fields.items()}
    return [label for label, one in fields.items() if label in held and held[label] != one.casefold()]


def _before(placed: Placed, label: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((placed.fields[label], *placed.former.get(label, ()))))
