"""What a run tells of itself as it goes: when it and its steps begin and end, and with what counts. Doors log it, or trace it.

Facts are ids, counts and codes, never customers' data.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

Fact = str | int | float


class Span(Protocol):
    """A stretch of time: a run, or a step of one."""

    def note(self, **facts: Fact) -> None:
        """What came of it."""
        ...

    def fail(self, code: str) -> None:
        """It did not come to its end, for that code."""
        ...

    def step(self, name: str) -> "AbstractContextManager[Span]":
        """A step of it, for the length of the block."""
        ...


class Tracer(Protocol):
    """Whoever wants to know."""

    def run(self, crm: str, run_id: str, verb: str) -> AbstractContextManager[Span]:
        """A run, for the length of the block."""
        ...


class Untraced:
    """A tracer and a span that tell nobody."""

    def note(self, **facts: Fact) -> None:
        """Nothing comes of it."""

    def fail(self, code: str) -> None:
        """Nor of this."""

    @contextmanager
    def step(self, name: str) -> Iterator[Span]:
        """A step that nobody hears of."""
        del name
        yield self

    @contextmanager
    def run(self, crm: str, run_id: str, verb: str) -> Iterator[Span]:
        """A run that nobody hears of."""
        del crm, run_id, verb
        yield self


UNTRACED: Final = Untraced()
"""The tracer where none is wanted."""
