"""Where each stream of the mirror stands: one row per CRM and stream, moved by compare-and-swap."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_kare.errors import BusyError
from crm_kare.journal.store import Store
from crm_kare.journal.tables import POINTERS, moment_of, text_of


@dataclass(frozen=True)
class Pointer:
    """State of one stream of one CRM's mirror.

    Attributes:
        crm: the CRM's name in the project.
        stream: the stream's name.
        version: counts the swaps; 0 = not in the journal yet.
        shape: hash of what was pulled and how it was typed; another shape needs a full pull.
        cursor: where the next pull goes on; None = nothing accepted yet.
        generation: counts the rewrites (full pulls, compactions).
        rows: rows that a reader sees.
        pulled_at: when the last accepted pull began: the rows may lack what changed in the CRM since.
        files: the mirror's own account of its files, JSON-able.
    """

    crm: str
    stream: str
    version: int = 0
    shape: str = ""
    cursor: str | None = None
    generation: int = 0
    rows: int = 0
    pulled_at: datetime | None = None
    files: Mapping[str, Any] = field(default_factory=dict)


class Pointers:
    """The mirror's pointers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, crm: str, stream: str) -> Pointer:
        """The pointer as it stands; a fresh one (version 0) where there is none."""
        query = sa.select(POINTERS).where(POINTERS.c.crm == crm, POINTERS.c.stream == stream)
        with self._store.reading() as connection:
            row = connection.execute(query).mappings().first()
        return _pointer(row) if row else Pointer(crm, stream)

    def all(self, crm: str) -> list[Pointer]:
        """Every stream's pointer in one state of the journal, by stream name."""
        query = sa.select(POINTERS).where(POINTERS.c.crm == crm).order_by(POINTERS.c.stream)
        with self._store.reading() as connection:
            return [_pointer(row) for row in connection.execute(query).mappings()]

    def swap(self, pointers: Sequence[Pointer]) -> list[Pointer]:
        """Replace pointers, all or none, where each still has the version it was read with; returns them as they stand.

        Raises:
            BusyError: another run moved one of them meanwhile.
        """
        with self._store.writing() as connection:
            for pointer in pointers:
                if not _swapped(connection, pointer):
                    raise BusyError(
                        "another run moved the mirror meanwhile",
                        where=f"{pointer.crm}/{pointer.stream}",
                        fix="Run again; nothing of this pull was kept.",
                    )
        return [replace(pointer, version=pointer.version + 1) for pointer in pointers]


def _swapped(connection: Connection, pointer: Pointer) -> bool:
    values = _values(pointer)
    if not pointer.version:
        try:
            connection.execute(sa.insert(POINTERS).values(values))
        except sa.exc.IntegrityError:
            return False
        return True
    old = sa.and_(
        POINTERS.c.crm == pointer.crm, POINTERS.c.stream == pointer.stream, POINTERS.c.version == pointer.version
    )
    return connection.execute(sa.update(POINTERS).where(old).values(values)).rowcount == 1


def _values(pointer: Pointer) -> dict[str, Any]:
    return {
        **vars(pointer),
        "version": pointer.version + 1,
        "pulled_at": text_of(pointer.pulled_at) if pointer.pulled_at else None,
        "files": json.dumps(dict(pointer.files), sort_keys=True),
    }


def _pointer(row: Mapping[Any, Any]) -> Pointer:
    return Pointer(
        **{
            **row,
            "pulled_at": moment_of(row["pulled_at"]) if row["pulled_at"] else None,
            "files": json.loads(row["files"]),
        }
    )
