"""A clock that stands until it is moved."""

from datetime import UTC, datetime, timedelta

MORNING = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
"""Where the suite's clocks begin."""


class FakeClock:
    """Time for tests: `sleep` moves it instead of waiting, and is remembered in `slept`."""

    def __init__(self, start: datetime = MORNING) -> None:
        self._now = start
        self._seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Where the clock stands."""
        return self._now

    def monotonic(self) -> float:
        """Seconds moved since the start."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Move on by that much."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move on without anybody having slept."""
        self._seconds += seconds
        self._now += timedelta(seconds=seconds)
