"""Intake: pages of one stream into segments, left pending. Memory holds at most one segment's rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.errors import StopError
from crm_kare.journal import Pointers
from crm_kare.ports import StreamSpec
from crm_kare.sync.mirror.files import Files, Pending, from_json, to_json
from crm_kare.sync.mirror.rows import GONE, SEQ, Engine, current
from crm_kare.sync.mirror.segments import Segment, damage, stream_folder, write_segment

SEGMENT_ROWS: Final = 131_072
"""Rows after which what came is made durable."""

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""The same, in bytes of text."""

_OWN: Final = [(SEQ, pa.int64()), (GONE, pa.bool_())]


class Place:
    """Where the mirror of one CRM lives, and the engine over its files, started when it is first needed."""

    def __init__(self, folder: Path, pointers: Pointers, crm: str, memory_limit: str) -> None:
        self._folder, self._memory_limit = folder, memory_limit
        self._engine: Engine | None = None
        self.pointers, self.crm = pointers, crm

    def stream(self, name: str) -> Path:
        """A stream's folder."""
        return stream_folder(self._folder, self.crm, name)

    def engine(self) -> Engine:
        """The engine; `rest` gives it back."""
        if self._engine is None:
            self._engine = Engine(self._folder / ".spill", self._memory_limit)
        return self._engine

    def rest(self) -> None:
        """Stop the engine; the next use starts another. One that is open when Python ends complains on stderr."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


@dataclass(frozen=True)
class Tally:
    """What a finished intake changes.

    Attributes:
        before: rows in the mirror before; None where there was none.
        rows: rows once accepted.
        deleted: rows of before that are gone.
        without_id: records left out because they had no id.
    """

    before: int | None
    rows: int
    deleted: int
    without_id: int


class Intake:
    """One stream's pull, from its first page to `finish`. Made by `Mirror.intake`.

    Attributes:
        full: whether this pull replaces everything.
        cursor: where to pull on; None = from the beginning.
    """

    def __init__(
        self,
        place: Place,
        spec: StreamSpec,
        shape: str,
        *,
        full: bool,
        now: datetime,
        convert: Callable[[pa.Table], pa.Table],
        anew: bool,
    ) -> None:
        self._place, self._spec, self._convert = place, spec, convert
        self._folder = place.stream(spec.stream)
        self._key = spec.fields[0].column
        self._pointer = place.pointers.get(place.crm, spec.stream)
        self._files = from_json(self._pointer.files)
        self._pending = self._resumed(shape, full=full, anew=anew) or self._begun(shape, now.isoformat(), full=full)
        self._buffer: list[pa.Table] = []
        self._held = 0, 0  # rows and bytes in the buffer: adding them up anew at every small page takes long
        self._seq = self._pending.seq
        self._without_id = 0
        self.full = self._pending.full
        self.cursor = self._pending.cursor

    def add(self, records: pa.RecordBatch, deleted: Sequence[str], cursor: str) -> None:
        """Take a page: rows as of now, then ids that are gone. It is durable after the next `checkpoint`, which comes
        by itself every `SEGMENT_ROWS` rows.

        Raises:
            StopError: the page does not have the stream's columns.
        """
        if records.schema.names != [field.column for field in self._spec.fields]:
            raise StopError("the connector's page has other columns than were asked for", where=self._spec.stream)
        self._keep(pa.Table.from_batches([records]).cast(self._spec.arrow_schema()), gone=False)
        tombstones = pa.table({self._key: pa.array(deleted, pa.string())})
        for field in self._spec.fields[1:]:
            tombstones = tombstones.append_column(field.column, pa.nulls(len(deleted), pa.string()))
        self._keep(tombstones, gone=True)
        self.cursor = cursor
        if self._is_much():
            self.checkpoint()

    def checkpoint(self) -> None:
        """Make durable what came, with the cursor after it; a later pull goes on here."""
        segments = self._pending.segments
        if self._buffer:
            segments += self._write()
        elif self.cursor == self._pending.cursor:
            return
        self._swap(replace(self._pending, segments=segments, seq=self._seq, cursor=self.cursor))

    def finish(self) -> Tally:
        """After the last page: settle what came twice, count, and leave it pending for `Mirror.accept`."""
        self.checkpoint()
        if self.full and not self._pending.segments:
            self._buffer = [_with_own(self._spec.arrow_schema().empty_table(), 0, gone=False)]
            self._swap(replace(self._pending, segments=self._write(keep_empty=True)))
        before = self._pointer.rows if self._files.base else None
        rows, deleted = self._settled()
        self._swap(replace(self._pending, done=True, rows=rows))
        return Tally(before, rows, deleted, self._without_id)

    def _resumed(self, shape: str, *, full: bool, anew: bool) -> Pending | None:
        """The pull to go on with. One that is done but was never accepted goes on too, unless it shall be anew."""
        kept = self._files.pending
        if kept is None or kept.shape != shape or (full and not kept.full) or (anew and kept.done):
            return None
        whole = not any(damage(self._folder, one) for one in kept.segments)
        return replace(kept, done=False, fixes=()) if whole else None

    def _begun(self, shape: str, began: str, *, full: bool) -> Pending:
        if full:
            return Pending(full=True, key=self._key, began=began, shape=shape)
        return Pending(False, self._key, began, shape, cursor=self._pointer.cursor, seq=self._files.seq)

    def _settled(self) -> tuple[int, int]:
        """Rows once accepted, and rows of before that are gone. Nothing new needs no engine (it takes time to start)."""
        if not self._pending.segments:
            return self._pointer.rows, 0
        engine = self._place.engine()
        if self.full:
            return self._settle_full(engine)
        added, removed = engine.moved(self._folder, self._files, self._pending)
        return self._pointer.rows + added - removed, removed

    def _settle_full(self, engine: Engine) -> tuple[int, int]:
        segments = self._pending.segments
        fixes: tuple[Segment, ...] = ()
        if engine.repeats(self._folder, self._key, segments):
            fixes = (engine.write_repeated(self._folder, self._key, segments, self._files.next_name()),)
            self._files = self._files.one_more()
        self._pending = replace(self._pending, fixes=fixes)
        after = Files(key=self._key, base=segments, delta=fixes)
        simple = not fixes and not engine.has_tombstones(self._folder, segments)
        rows = sum(one.rows for one in segments) if simple else engine.count(current(self._folder, after))
        readable = self._files.base and not any(damage(self._folder, one) for one in self._files.accepted())
        return rows, engine.lost(self._folder, self._files, after) if readable else 0

    def _keep(self, records: pa.Table, *, gone: bool) -> None:
        if records.num_rows:
            self._buffer.append(made := _with_own(records, self._seq + 1, gone=gone))
            self._held = self._held[0] + made.num_rows, self._held[1] + made.nbytes
            self._seq += records.num_rows

    def _is_much(self) -> bool:
        rows, size = self._held
        return rows >= SEGMENT_ROWS or size >= SEGMENT_BYTES

    def _write(self, *, keep_empty: bool = False) -> tuple[Segment, ...]:
        rows = self._convert(pa.concat_tables(self._buffer))
        self._buffer, self._held = [], (0, 0)
        known = rows.filter(pc.is_valid(rows[self._key]))
        self._without_id += rows.num_rows - known.num_rows
        if not known.num_rows and not keep_empty:
            return ()
        segment = write_segment(self._folder, self._files.next_name(), known)
        self._files = self._files.one_more()
        return (segment,)

    def _swap(self, pending: Pending) -> None:
        self._files = replace(self._files, pending=pending)
        self._pending = pending
        pointer = replace(self._pointer, files=to_json(self._files))
        (self._pointer,) = self._place.pointers.swap([pointer])


def _with_own(records: pa.Table, first: int, *, gone: bool) -> pa.Table:
    ones = pa.repeat(pa.scalar(1, pa.int64()), records.num_rows)
    seq = pc.cumulative_sum(ones, start=pa.scalar(first - 1, pa.int64()))
    return records.append_column(SEQ, seq).append_column(GONE, pa.repeat(pa.scalar(gone), records.num_rows))
