"""Which segments make up a stream: the mirror's account of its files, as it stands in the journal's pointer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from crm_kare.sync.mirror.segments import Segment


@dataclass(frozen=True)
class Pending:
    """A pull that is under way, or done and not yet accepted.

    Attributes:
        full: whether it replaces everything, or adds to it.
        key: the id column.
        began: when it began, as ISO text; one that was stopped and goes on began at its first page.
        shape: hash of what is pulled and how it is typed.
        cursor: where it goes on.
        segments: what came so far, in order.
        fixes: for a full pull, the last state of ids that came more than once.
        seq: number of the last row that came.
        done: whether all pages came.
        rows: rows a reader will see, once done.
    """

    full: bool
    key: str
    began: str
    shape: str
    cursor: str | None = None
    segments: tuple[Segment, ...] = ()
    fixes: tuple[Segment, ...] = ()
    seq: int = 0
    done: bool = False
    rows: int = 0


@dataclass(frozen=True)
class Files:
    """The files of a stream.

    Readers see the rows of `base` (each id once, save those in `delta`) whose id is not in `delta`, and the last row
    of each id in `delta`; never a tombstone.

    Attributes:
        key: the id column.
        base: one generation.
        delta: what came since, in order.
        superseded: names of the generation before: kept for readers who still hold its pointer.
        seq: number of the last row.
        made: files ever made: the next one's name.
        whole_since: when the last full pull began, as ISO text; empty where nobody wrote it down.
        pending: a pull that is not accepted yet.
    """

    key: str = ""
    base: tuple[Segment, ...] = ()
    delta: tuple[Segment, ...] = ()
    superseded: tuple[str, ...] = ()
    seq: int = 0
    made: int = 0
    whole_since: str = ""
    pending: Pending | None = None

    def accepted(self) -> tuple[Segment, ...]:
        """What readers read."""
        return self.base + self.delta

    def names(self) -> Iterator[str]:
        """Every file that must stay."""
        pending = self.pending.segments + self.pending.fixes if self.pending else ()
        yield from (segment.name for segment in self.accepted() + pending)
        yield from self.superseded

    def next_name(self) -> str:
        """Name of the next file; `one_more` counts it."""
        return f"{self.made + 1:08d}.parquet"

    def one_more(self) -> "Files":
        """After a file was made."""
        return replace(self, made=self.made + 1)

    def rewritten(self, base: tuple[Segment, ...], delta: tuple[Segment, ...]) -> "Files":
        """With another generation in place of the present one."""
        kept = {segment.name for segment in base + delta}
        old = tuple(segment.name for segment in self.accepted() if segment.name not in kept)
        return replace(self, base=base, delta=delta, superseded=old)

    def accept_pending(self) -> "Files":
        """With the pending pull in place (it must be done)."""
        done = self.pending
        if done is None:
            return self
        if done.full:
            moved = replace(self.rewritten(done.segments, done.fixes), whole_since=done.began)
        else:
            moved = replace(self, delta=self.delta + done.segments)
        return replace(moved, key=done.key, seq=done.seq, pending=None)


def to_json(files: Files) -> dict[str, Any]:
    """As the pointer keeps it."""
    return asdict(files)


def from_json(kept: Mapping[str, Any]) -> Files:
    """Files as `to_json` gave them; none where nothing is kept."""
    if not kept:
        return Files()
    pending = kept["pending"]
    return Files(
        **{
            **kept,
            "base": _segments(kept["base"]),
            "delta": _segments(kept["delta"]),
            "superseded": tuple(kept["superseded"]),
            "pending": _pending(pending) if pending else None,
        }
    )


def _pending(kept: Mapping[str, Any]) -> Pending:
    return Pending(**{**kept, "segments": _segments(kept["segments"]), "fixes": _segments(kept["fixes"])})


def _segments(kept: Sequence[Mapping[str, Any]]) -> tuple[Segment, ...]:
    return tuple(Segment(**segment) for segment in kept)
