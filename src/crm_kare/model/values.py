"""Values that travel between the steps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Profile(StrEnum):
    """The four KARE profiles (METHOD.md section 1)."""

    KEEP = "Keep"
    ATTAIN = "Attain"
    RECAPTURE = "Recapture"
    EXPAND = "Expand"


class Motion(StrEnum):
    """The rep's verb (METHOD.md section 1)."""

    ACQUIRE = "Acquire"
    GROW = "Grow"
    REACTIVATE = "Reactivate"
    RETAIN = "Retain"
    RETIRE = "Retire"


class Tier(StrEnum):
    """Where an ICP score lies (METHOD.md section 2)."""

    HIGH = "High"
    MODERATE = "Moderate"
    LOW = "Low"
    UNRATED = "Unrated"


class Class(StrEnum):
    """Account class (METHOD.md section 4)."""

    STRATEGIC = "Strategic"
    KEY = "Key"
    NATIONAL = "National"
    SMB = "SMB"


class OutcomeStatus(StrEnum):
    """What became of one record's write.

    `changed`: the CRM took it. `same`: it held the value already. `conflict`: a person edited it since.
    `rejected`: the CRM refused it. `unknown`: the answer was lost; to be read back.
    """

    CHANGED = "changed"
    SAME = "same"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class RunStatus(StrEnum):
    """How a run ended."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    REFUSED = "refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Problem:
    """Something wrong in the data or the set-up that does not stop the run: a row in a list.

    Attributes:
        code: short and stable, for machines, for example `field-missing`.
        message: what is wrong, in one sentence.
        fix: what to do, in one sentence.
        account_id: the account concerned, where there is one.
        where: file and line, object and field, or the like.
        level: `error` (must be mended), `warning`, or `info`.
    """

    code: str
    message: str
    fix: str = ""
    account_id: str | None = None
    where: str = ""
    level: str = "error"


class Change(NamedTuple):
    """One field of one account: what the CRM holds, what it will hold, and why. A tuple, since a plan makes millions.

    `old` and `new` are canonical text (`None` = blank): picklist value, whole number, `YYYY-MM-DD`, `true`/`false`.
    """

    account_id: str
    label: str
    field: str
    old: str | None
    new: str | None
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of the write of one account.

    Attributes:
        account_id: as in the `RecordWrite`.
        status: see `OutcomeStatus`.
        code: the CRM's own code, as it gave it (`FIELD_CUSTOM_VALIDATION_EXCEPTION`), empty when all is well.
        message: the CRM's own message, without customers' values.
        fix: what the admin can do about it.
        field: the CRM field concerned, where the CRM tells it.
        present: for a conflict, the values the CRM holds, by label name.
    """

    account_id: str
    status: OutcomeStatus
    code: str = ""
    message: str = ""
    fix: str = ""
    field: str = ""
    present: tuple[tuple[str, str | None], ...] = ()
