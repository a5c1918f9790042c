"""Where each CRM's schedule stands, and which daemons live: what all daemons of a project share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from crm_kare.journal.store import Store
from crm_kare.journal.tables import DAEMONS, SCHEDULES, moment_of, text_of

_FORGOTTEN: Final = timedelta(days=1)
_MOMENTS: Final = frozenset(
    {"slot", "tried_at", "not_before", "asked_at", "paused_at", "paused_until", "started_at", "beat_at", "loaded_at"}
)


@dataclass(frozen=True)
class Standing:
    """Where a CRM's schedule stands.

    Attributes:
        crm: the CRM's name in the project.
        slot: the newest start of the schedule that somebody took on; None = none was, since it was first seen.
        holder: the daemon that took it on; empty where that one gave it back.
        pending: whether what was taken on is not yet done.
        tried_at: when a run of it last ended without doing it.
        not_before: when it may be tried again.
        tries: how often it was tried.
        why: why it is tried again: the status, or the code of the brake.
        asked_at: when somebody asked for a run as soon as possible; None = nobody, or it was taken on.
        asked_by: who asked.
        paused_at: since when no run of it is to start; None = it is not paused.
        paused_until: when that ends by itself; None = never.
        paused_by: who paused it.
    """

    crm: str
    slot: datetime | None = None
    holder: str = ""
    pending: bool = False
    tried_at: datetime | None = None
    not_before: datetime | None = None
    tries: int = 0
    why: str = ""
    asked_at: datetime | None = None
    asked_by: str = ""
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    paused_by: str = ""

    def paused(self, now: datetime) -> bool:
        """Whether it is paused at a moment."""
        return self.paused_at is not None and (self.paused_until is None or now < self.paused_until)


@dataclass(frozen=True)
class Daemon:
    """A daemon that lives, or did a day ago at most.

    Attributes:
        name: process and machine.
        started_at: when it began.
        beat_at: its last sign of life.
        loaded_at: when it read the configuration that it runs by.
        problem: what is wrong with the configuration as it is now; empty where nothing is.
    """

    name: str
    started_at: datetime
    beat_at: datetime
    loaded_at: datetime
    problem: str = ""


class Schedules:
    """The standing of every CRM's schedule."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Standing]:
        """Every standing by CRM; one query."""
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(SCHEDULES)).mappings().all()
        return {row["crm"]: _standing(row) for row in rows}

    def get(self, crm: str) -> Standing:
        """One CRM's; a fresh one where there is none."""
        return self.all().get(crm, Standing(crm))

    def change(self, crm: str, step: Callable[[Standing], Standing | None]) -> Standing | None:
        """Let `step` say how the standing goes on from what it is: nobody else changes it in between.

        Returns:
            The new standing; None where `step` returned None, and nothing changed.
        """
        with self._store.writing() as connection:
            self._store.upsert(connection, SCHEDULES, [_row(Standing(crm))], refresh=())
            query = sa.select(SCHEDULES).where(SCHEDULES.c.crm == crm).with_for_update()
            changed = step(_standing(connection.execute(query).mappings().one()))
            if changed is not None:
                connection.execute(sa.update(SCHEDULES).where(SCHEDULES.c.crm == crm).values(_row(changed)))
        return changed


class Daemons:
    """The daemons' heartbeats."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def beat(self, daemon: Daemon) -> None:
        """Write down that a daemon lives; when one comes, those silent for a day are forgotten."""
        row = _row(daemon)
        with self._store.writing() as connection:
            if connection.execute(sa.update(DAEMONS).where(DAEMONS.c.name == daemon.name).values(row)).rowcount:
                return
            self._store.upsert(connection, DAEMONS, [row])
            connection.execute(sa.delete(DAEMONS).where(DAEMONS.c.beat_at < text_of(daemon.beat_at - _FORGOTTEN)))

    def leave(self, name: str) -> None:
        """Write down that a daemon ended."""
        with self._store.writing() as connection:
            connection.execute(sa.delete(DAEMONS).where(DAEMONS.c.name == name))

    def since(self, moment: datetime) -> list[Daemon]:
        """Daemons that have beaten from a moment on, by name."""
        query = sa.select(DAEMONS).where(DAEMONS.c.beat_at >= text_of(moment)).order_by(DAEMONS.c.name)
        with self._store.reading() as connection:
            return [Daemon(**_values(row)) for row in connection.execute(query).mappings()]


def _standing(row: Mapping[Any, Any]) -> Standing:
    return Standing(**{**_values(row), "pending": bool(row["pending"])})


def _values(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: moment_of(value) if value and name in _MOMENTS else value for name, value in row.items()}


def _row(value: Standing | Daemon) -> dict[str, Any]:
    return {name: _plain(one) for name, one in vars(value).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return text_of(value)
    return int(value) if isinstance(value, bool) else value
