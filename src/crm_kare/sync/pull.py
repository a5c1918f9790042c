"""Pull: bring every stream of a CRM up to date in the mirror, left pending until the flow accepts it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crm_kare.model import Problem
from crm_kare.ports import Connector, Organisation, StreamSpec
from crm_kare.sync.mirror import Mirror

Progress = Callable[[str, int, int | None], None]
"""Told at every page: the stream, records received so far, and how many there will be (None = not known)."""


@dataclass(frozen=True)
class PulledStream:
    """One stream's pull.

    Attributes:
        stream: its name.
        full: whether everything was pulled anew, not just what changed.
        received: records that the CRM sent (a resumed pull counts what this run received).
        before: rows in the mirror before; None where there was no mirror of it.
        rows: rows it will have once accepted.
        deleted: rows of before that are gone.
    """

    stream: str
    full: bool
    received: int
    before: int | None
    rows: int
    deleted: int


@dataclass(frozen=True)
class Pulled:
    """What a pull brought; it is pending in the mirror until `Mirror.accept`, or `Mirror.discard` where a brake refuses."""

    streams: tuple[PulledStream, ...]
    problems: tuple[Problem, ...]

    @property
    def accounts(self) -> int:
        """Accounts received."""
        return self._received("accounts")

    @property
    def opportunities(self) -> int:
        """Opportunities received."""
        return self._received("opportunities")

    @property
    def deleted(self) -> int:
        """Rows that are gone, over all streams."""
        return sum(stream.deleted for stream in self.streams)

    def stream(self, name: str) -> PulledStream | None:
        """One stream's pull; None where it is not mapped."""
        return next((stream for stream in self.streams if stream.stream == name), None)

    def _received(self, name: str) -> int:
        found = self.stream(name)
        return found.received if found else 0


def pull(
    connector: Connector,
    specs: Sequence[StreamSpec],
    mirror: Mirror,
    organisation: Organisation,
    *,
    full: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _stream, _received, _total: None,
) -> Pulled:
    """Pull every stream; see the module. Afterwards call `mirror.accept(now)`, or `mirror.discard()`.

    A stream is pulled in full where it has no mirror yet, its shape (fields, source, options, time zone) changed, its
    files are damaged, the connector cannot do less, or `full` asks for it; a full pull that was stopped goes on.

    Raises:
        InterruptedRun: `stop()` said so at a page border; what came so far is kept, the next pull goes on there.
        KareError: whatever the connector raises; what came so far is kept too.
    """
    raise NotImplementedError
