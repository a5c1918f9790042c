"""An export as it is asked for, queued and worked on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.exports.file import PART, PLAIN, ExportFile

A_DAY: Final = 30
"""Exports in 24 rolling hours."""
LIFE: Final = timedelta(minutes=5)
"""Of a file's address."""


@dataclass(frozen=True)
class ExportSettings:
    """How an export goes.

    Attributes:
        looks: how often its status is asked for until it is done, at least.
        rows_a_look: rows that one look makes, at most.
        plain: bytes up to which the file is not zipped.
        part: rows of one part of a file.
        times: how points in time are written, for which there is no documented form: `minutes` (as in files exported from
            portals), `american`, `zoned`, `milliseconds`.
        zone: in which time zone; empty for the portal's.
        heedless: what an export does not heed of what was asked: `NAMES`, `VALUES`, `labels` (of associations).
        hidden: records that it leaves out.
        cut: bytes that are missing at the end of the file.
    """

    looks: int = 2
    rows_a_look: int = 50_000
    plain: int = PLAIN
    part: int = PART
    times: str = "minutes"
    zone: str = ""
    heedless: frozenset[str] = frozenset()
    hidden: int = 0
    cut: int = 0


class State(StrEnum):
    """As the status endpoint says it."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    CANCELED = "CANCELED"


@dataclass(frozen=True)
class Order:
    """What was asked for.

    Attributes:
        names: headers are internal names; `values`: enumerations are internal values.
        labelled: a column of ids for every label beside the one of all ids.
        titles: also the name of each associated record.
        unbounded: more than a thousand associated records a row.
        where, values_of_where, order: the view, as SQL.
    """

    name: str
    kind: ObjectType
    properties: tuple[str, ...]
    associated: tuple[ObjectType, ...]
    names: bool
    values: bool
    labelled: bool
    titles: bool
    unbounded: bool
    where: str
    values_of_where: tuple[Any, ...]
    order: str


@dataclass
class Task:
    """One export, and how far it has come."""

    id: str
    order: Order
    requested: datetime
    state: State = State.PENDING
    looks: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    failed: bool = False
    file: ExportFile | None = None
    rows: Iterator[list[list[str]]] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in {State.COMPLETE, State.CANCELED}


@dataclass
class Exports:
    """All exports of a portal, oldest first, and the addresses that were given out with their ends."""

    tasks: dict[str, Task] = field(default_factory=dict)
    addresses: dict[str, tuple[Task, datetime]] = field(default_factory=dict)

    def since(self, moment: datetime) -> int:
        """How many were asked for from then on."""
        return sum(one.requested > moment for one in self.tasks.values())

    def head(self) -> Task | None:
        """The one that is worked on, or is next."""
        return next((one for one in self.tasks.values() if not one.over), None)

    def close(self) -> None:
        """Give the files back."""
        for one in self.tasks.values():
            if one.file is not None:
                one.file.discard()
