"""The mirror of one CRM: intake, acceptance, reading, compaction."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from crm_kare.errors import ConfigError, StopError
from crm_kare.journal import Journal, Pointer
from crm_kare.model import FORMER_PREFIX, PRESENT_PREFIX
from crm_kare.ports import StreamSpec
from crm_kare.sync.mirror.files import Files, from_json, to_json
from crm_kare.sync.mirror.intake import Intake, Place
from crm_kare.sync.mirror.rows import GONE, SEQ, current, last_rows
from crm_kare.sync.mirror.segments import damage, refuse_damaged, sweep
from crm_kare.sync.typed import quoted

_DELTA_SHARE: Final = 0.25
"""Deltas with more rows than this share of the base are merged into a new base."""

_DELTA_FILES: Final = 32
"""More delta files than this are merged into one."""


class Mirror:
    """One CRM's mirror in `<folder>/<crm>/<stream>/`. Whoever pulls or accepts holds the CRM's lease; readers need none.

    Args:
        folder: the mirrors' folder; made where it is missing.
        journal: holds the pointers.
        crm: the CRM's name in the project.
        memory_limit: what counting and compaction may take; beyond it they use the disk.
    """

    def __init__(self, folder: Path, journal: Journal, crm: str, *, memory_limit: str = "512MB") -> None:
        self._place = Place(folder, journal.pointers, crm, memory_limit)

    def intake(
        self,
        spec: StreamSpec,
        shape: str,
        *,
        full: bool,
        now: datetime,
        convert: Callable[[pa.Table], pa.Table],
        anew: bool = False,
    ) -> Intake:
        """Begin a pull of a stream, or go on with one that was stopped (then `Intake.full` may be True unasked), or that
        came to its end and was never accepted, as another stream's was stopped; not with the latter where it shall be
        `anew`.

        `now` is the time before its first page is asked for; `convert` types the records (`Typer.convert`).
        """
        return Intake(self._place, spec, shape, full=full, now=now, convert=convert, anew=anew)

    def needs_full(self, stream: str, shape: str, *, due_before: datetime | None = None) -> str:
        """Why a stream must be pulled in full: `new`, `shape`, `damaged`, or `due`, where that was last done before a
        moment; empty where it need not.
        """
        pointer = self._pointer(stream)
        files = from_json(pointer.files)
        if pointer.cursor is None:
            return "new"
        if pointer.shape != shape:
            return "shape"
        folder = self._place.stream(stream)
        if any(damage(folder, one) for one in files.accepted()):
            return "damaged"
        return "due" if due_before and _whole_since(files) < due_before else ""

    def pending(self) -> bool:
        """Whether a pull was stopped, or never accepted: the next one goes on with it."""
        return any(from_json(pointer.files).pending for pointer in self._all())

    def exists(self) -> bool:
        """Whether accounts were ever pulled and accepted."""
        return self._pointer("accounts").cursor is not None

    def counts(self) -> dict[str, int]:
        """Rows by stream, as accepted."""
        return {pointer.stream: pointer.rows for pointer in self._accepted()}

    def pulled_at(self, stream: str = "accounts") -> datetime | None:
        """When a stream's last accepted pull began, so that later changes may be missing; None where there was none."""
        return self._pointer(stream).pulled_at

    def tables(self, con: Backend) -> dict[str, ir.Table]:
        """Current rows of every stream by its name, typed, as views in `con` (an Ibis DuckDB backend).

        They show this moment's mirror, also when a later pull is accepted meanwhile; two generations later they end.

        Raises:
            ConfigError: nothing was pulled yet.
            StopError: a file is missing or damaged: a full pull is needed.
        """
        pointers = self._accepted()
        if not pointers:
            raise ConfigError(
                f"nothing was pulled from {self._place.crm} yet", fix=f"Run `crm-kare pull {self._place.crm}`."
            )
        return {pointer.stream: _with_former(self._view(con, pointer)) for pointer in pointers}

    def left_by(self, stream: str, link: str, target: str) -> list[str]:
        """Ids of a stream's rows that, once what is pending is accepted, still name in the column `link` a record of the
        stream `target` that it takes away.
        """
        pointer, of = self._pointer(stream), self._pointer(target)
        pending = from_json(of.files).pending
        if pending is None or not pending.segments:
            return []
        engine = self._place.engine()
        ids = engine.gone(self._place.stream(target), pending.key, pending.segments)
        files = from_json(pointer.files).accept_pending()
        if not ids or not files.accepted():
            return []
        return engine.naming(self._place.stream(stream), files, link, ids)

    def accept(self) -> None:
        """Let what the last pull brought be the mirror: all streams in one transaction. Nothing pending: nothing done.

        Raises:
            StopError: a pull was stopped half-way: pull again before accepting.
        """
        found = [(pointer, from_json(pointer.files)) for pointer in self._all()]
        moved = [_accepted(pointer, files) for pointer, files in found if files.pending]
        if not moved:
            return
        full = {pointer.stream for pointer, files in found if files.pending and files.pending.full}
        for pointer in self._place.pointers.swap(moved):
            # a rewrite right after a full pull would take the files from those who read the mirror before it
            self._sweep(pointer if pointer.stream in full else self._compacted(pointer))
        self.rest()

    def discard(self, *, keep: Collection[str] = ()) -> None:
        """Drop what the last pull brought, but for the streams to keep; the mirror and its cursors stay as they were."""
        found = [(pointer, from_json(pointer.files)) for pointer in self._all() if pointer.stream not in keep]
        dropped = [
            replace(pointer, files=to_json(replace(files, pending=None))) for pointer, files in found if files.pending
        ]
        for pointer in self._place.pointers.swap(dropped):
            self._sweep(pointer)

    def rest(self) -> None:
        """Stop the engine that intake and compaction started; the next use starts another."""
        self._place.rest()

    def _view(self, con: Backend, pointer: Pointer) -> ir.Table:
        folder, files = self._place.stream(pointer.stream), from_json(pointer.files)
        refuse_damaged(folder, files.accepted())
        name = f"mirror_{self._place.crm}_{pointer.stream}"
        rows = f"SELECT * EXCLUDE ({SEQ}, {GONE}) FROM ({current(folder, files)})"  # noqa: S608  paths and names are quoted
        con.raw_sql(f"CREATE OR REPLACE VIEW {quoted(name)} AS {rows}")
        return con.table(name)

    def _compacted(self, pointer: Pointer) -> Pointer:
        """The pointer after merging the deltas, where they are many."""
        files = from_json(pointer.files)
        whole = sum(one.rows for one in files.delta) > _DELTA_SHARE * sum(one.rows for one in files.base)
        if not whole and len(files.delta) <= _DELTA_FILES:
            return pointer
        merged = self._merged(pointer, files, whole=whole)
        (moved,) = self._place.pointers.swap(
            [replace(pointer, generation=pointer.generation + 1, files=to_json(merged))]
        )
        return moved

    def _merged(self, pointer: Pointer, files: Files, *, whole: bool) -> Files:
        folder, name = self._place.stream(pointer.stream), files.next_name()
        query = current(folder, files) if whole else last_rows(folder, files.key, files.delta)
        segment = self._place.engine().write(query, folder, name)
        made = files.one_more()
        return made.rewritten((segment,), ()) if whole else made.rewritten(files.base, (segment,))

    def _sweep(self, pointer: Pointer) -> None:
        sweep(self._place.stream(pointer.stream), from_json(pointer.files).names())

    def _pointer(self, stream: str) -> Pointer:
        return self._place.pointers.get(self._place.crm, stream)

    def _all(self) -> list[Pointer]:
        return self._place.pointers.all(self._place.crm)

    def _accepted(self) -> list[Pointer]:
        return [pointer for pointer in self._all() if pointer.cursor is not None]


def _whole_since(files: Files) -> datetime:
    return datetime.fromisoformat(files.whole_since) if files.whole_since else datetime.min.replace(tzinfo=UTC)


def _accepted(pointer: Pointer, files: Files) -> Pointer:
    pending = files.pending
    if pending is None or not pending.done:
        raise StopError(
            "the pull was stopped half-way", where=f"{pointer.crm}/{pointer.stream}", fix="Pull again, it goes on."
        )
    return replace(
        pointer,
        shape=pending.shape,
        cursor=pending.cursor,
        generation=pointer.generation + int(pending.full),
        rows=pending.rows,
        pulled_at=datetime.fromisoformat(pending.began),
        files=to_json(files.accept_pending()),
    )


def _with_former(table: ir.Table) -> ir.Table:
    """A person's value that stands where its label lay before counts where the present field is blank."""
    old = [name for name in table.columns if name.startswith(FORMER_PREFIX)]
    places: dict[str, list[str]] = {}
    for name in sorted(old, key=lambda one: int(one.split("_")[1])):
        places.setdefault(PRESENT_PREFIX + name.split("_", 2)[2], []).append(name)
    values = {
        name: ibis.coalesce(*(table[one] for one in (name, *former) if one in table.columns))
        for name, former in places.items()
    }
    return table.mutate(**values).drop(*old) if old else table
