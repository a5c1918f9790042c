"""Where a pull stands, as text that outlives the process."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from crm_kare.errors import StopError
from crm_kare_salesforce import soql

END: Final = "end"
"""In place of a locator: every result page was read."""

_FIX: Final = "Pull in full: `crm-kare pull --full`."


@dataclass(frozen=True)
class Cursor:
    """Where a pull stands.

    Attributes:
        since: what changed from here on is wanted; empty for a full pull.
        until: when the pull began, by the server's clock: the next one's `since`.
        last: id after which to go on; empty at the beginning.
        job: the query job that holds the results; empty for a pull over REST.
        locator: the job's result page to go on with; empty for its first.
        rows: records in each result page of the job.
        covered: the delete log was complete up to here, where that is before `since`.
    """

    since: str = ""
    until: str = ""
    last: str = ""
    job: str = ""
    locator: str = ""
    rows: int = 0
    covered: str = ""

    @property
    def fresh(self) -> bool:
        """Whether nothing of the pull was read yet."""
        return not self.last and not self.job

    def text(self) -> str:
        """As it is handed out."""
        return json.dumps({"v": 1, **{name: value for name, value in asdict(self).items() if value}}, sort_keys=True)


def read_cursor(text: str | None) -> Cursor:
    """The cursor of an earlier page.

    Raises:
        StopError: it is not one of ours.
    """
    if text is None:
        return Cursor()
    try:
        told = json.loads(text)
        found = Cursor(**{name: _TYPES[name](value) for name, value in told.items() if name != "v"})
        for stamp in filter(None, (found.since, found.until, found.covered)):
            soql.moment(stamp)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StopError("The cursor cannot be read.", where="pull", fix=_FIX) from error
    if not (found.since or found.until):
        raise StopError("The cursor cannot be read.", where="pull", fix=_FIX)
    return found


def moment(text: str) -> datetime:
    """A moment of a cursor that `read_cursor` let in."""
    return soql.moment(text)


_TYPES: Final[dict[str, Callable[[Any], Any]]] = {
    name: int if name == "rows" else str for name in Cursor.__dataclass_fields__
}
