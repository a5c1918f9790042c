"""One run at a time per CRM: a lease in the journal that beats by itself while the run works."""

import itertools
import os
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from crm_kare.errors import BusyError, KareError
from crm_kare.journal import Journal
from crm_kare.ports import Clock

TTL: Final = timedelta(seconds=90)
"""A lease without a heartbeat for that long is free."""

_BEAT_S: Final = 20.0
_NUMBERS: Final = itertools.count(1)


class Lease:
    """Held inside `with`; entering raises `BusyError` where another run holds the CRM."""

    def __init__(self, journal: Journal, crm: str, clock: Clock) -> None:
        self._leases, self._crm, self._clock = journal.leases, crm, clock
        self._holder = f"{os.getpid()}@{numbering()}#{next(_NUMBERS)}"
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beats, name=f"lease of {crm}", daemon=True)

    def __enter__(self) -> Self:
        if not self._take():
            other = self._leases.holder(self._crm, self._clock.now()) or "another run"
            if not died(other):
                raise BusyError(f"{other} runs {self._crm} now.", fix="Try again when it has ended.", where=self._crm)
            self._leases.release(self._crm, other)
            self.require()
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()
        with suppress(KareError):  # a journal that refuses: the lease runs out by itself
            self._leases.release(self._crm, self._holder)

    def require(self) -> None:
        """Hold it still, or take it again where nobody has it; `BusyError` where another run took it over."""
        if not self._take():
            raise BusyError(f"Another run took over {self._crm}.", fix="Try again when it has ended.", where=self._crm)

    def _take(self) -> bool:
        return self._leases.acquire(self._crm, self._holder, self._clock.now(), TTL)

    def _beats(self) -> None:
        while not self._over.wait(_BEAT_S):
            try:
                self._take()
            except KareError:
                continue  # the journal is busy: the next beat, or `require`, tells whether the lease is lost


def died(holder: str) -> bool:
    """Whether a holder whose number is one of ours is a process that is no more; of all others only time can tell."""
    process, _, rest = holder.partition("@")
    if rest.partition("#")[0] != numbering() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def numbering() -> str:
    """Whose process numbers ours is one of. Containers may share the machine's name, and each begins to count at 1."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return f"{socket.gethostname()}.{boot[:8]}.{Path('/proc/self/ns/pid').stat().st_ino}"
    return socket.gethostname()
