"""The real clock. Only the doors make one; everything below is handed it."""

import time
from datetime import UTC, datetime
from threading import Event
from typing import Final

_BREATH: Final = 0.05


class SystemClock:
    """Time of this machine; `wake` ends every sleep, so that a stop that was asked for does not wait."""

    def __init__(self) -> None:
        self.wake = Event()

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, or until woken; once woken, a breath, so that who waits in a loop does not spin."""
        if self.wake.wait(max(0.0, seconds)):
            time.sleep(min(max(0.0, seconds), _BREATH))
