"""A project among many that is out of order: what is wrong, and when it is worth trying again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crm_kare.config.settings import STATE_FOLDER
from crm_kare.errors import KareError

_FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_DOUBLED: Final = 4


@dataclass(frozen=True)
class Fault:
    """Why a project is out of order.

    Attributes:
        error: what is wrong, in our words.
        files: the project's files as they were (see `print_of`); when they change, it is tried again at once.
        tries: how often it was tried since they changed.
        since: when it was first found out of order.
        next_try: when it is tried again though no file changed: a database may be back.
    """

    error: KareError
    files: str
    tries: int
    since: datetime
    next_try: datetime

    def told(self) -> dict[str, Any]:
        """For `/healthz`."""
        return {
            "code": self.error.code,
            "message": self.error.message,
            "where": self.error.where,
            "fix": self.error.fix,
            "since": self.since.isoformat(),
            "next_try": self.next_try.isoformat(),
        }


def fault(error: KareError, files: str, before: Fault | None, now: datetime) -> Fault:
    """A new fault, or the next one after `before`: each wait is longer, while the files stay as they are."""
    tries = before.tries + 1 if before and before.files == files else 1
    wait = min(_FIRST_WAIT * 2 ** min(tries - 1, _DOUBLED), _LONGEST_WAIT)
    return Fault(error, files, tries, before.since if before else now, now + wait)


def print_of(folder: Path) -> str:
    """The project's files by name, size and time, without what the program itself keeps there: whether anything changed."""
    return "\n".join(sorted(_told(folder)))


def _told(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        place = path.relative_to(folder)
        if place.parts[0] == STATE_FOLDER:
            continue
        try:
            found = path.stat()
        except OSError:
            continue  # it went away meanwhile
        yield f"{place} {found.st_size} {found.st_mtime_ns}"
