"""What the suite needs of a CRM that it tests a connector against: the `Rig`, written once per connector.

A rig stands on the CRM's side: it seeds records, plays the person who edits them, breaks things, and looks at what is
there. It never goes through the connector it rigs.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from crm_kare.ports import Connector, LabelField, Notice, StreamSpec
from crm_kare.testing.clock import FakeClock


class Break(StrEnum):
    """What `Rig.break_with` can make the CRM do, until `mend` is called."""

    LOGIN_ONCE = "the next call is told once that its token is no longer good"
    LOGIN = "every call is told that its token is no good"
    PERMISSION = "every read is told that the user lacks permission"
    RATE_ONCE = "the next call is told once to come back in `Setting.retry_after` seconds"
    QUOTA = "every call is told that the day's allowance is used up"
    SERVER_ONCE = "the next call is answered 500 once, and nothing is written"
    SERVER = "every call is answered 500, and nothing is written"
    LOST_WRITE = "the next write is applied, and its answer is lost (500 or a cut connection)"
    HTML = "every call is answered 200 with a page of HTML"
    HALF = "every call is answered 200 with the first half of the right answer"


@dataclass(frozen=True)
class Setting:
    """What the suite must know of the CRM behind a rig.

    Attributes:
        page: records in one page of a pull, as the rig has set things up; small where the CRM allows it.
        specs: what to pull, by stream; `accounts` always. All columns named here can be seeded.
        fields: the labels under test, people's and ours, with their field names.
        required: by stream, columns that the CRM never leaves blank.
        examples: by stream and column, values the CRM accepts where it does not accept any text (stages, owners).
        instants: by stream, columns that hold a point in time in this CRM, not a day.
        moving: fields that the CRM moves by itself when anything is written (`LastModifiedDate`).
        breaks: what `break_with` can do here, and for what it cannot do, why (`unbreakable`).
        secrets: strings that must never be shown: tokens, passwords.
        retry_after: seconds that `Break.RATE_ONCE` asks for; None where the CRM asks for none.
        longest: characters that a text column takes.
    """

    page: int
    specs: Mapping[str, StreamSpec]
    fields: tuple[LabelField, ...]
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    examples: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    instants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    moving: frozenset[str] = frozenset()
    breaks: frozenset[Break] = frozenset()
    unbreakable: str = ""
    secrets: tuple[str, ...] = ()
    retry_after: float | None = None
    longest: int = 255


Row = Mapping[str, str | None]
"""One record: our column name to canonical text."""


class Rig(Protocol):
    """One empty CRM, and a connector to it."""

    setting: Setting
    clock: FakeClock

    def connector(self) -> Connector:
        """A new connector to the same CRM, with good credentials; as a new run would build it."""
        ...

    def stranger(self) -> Connector | None:
        """A connector with wrong credentials; None where there is no login."""
        ...

    def seed(self, stream: str, rows: Sequence[Row]) -> list[str]:
        """Put records into the CRM, stamped with the clock's time; their ids in the order of `rows`.

        Rows name no id; where they hold another record's id (`account_id`, `parent_id`), it is one that `seed` gave.
        """
        ...

    def edit(self, stream: str, record_id: str, values: Row) -> None:
        """A person edits columns of a record."""
        ...

    def edit_labels(self, account_id: str, values: Row) -> None:
        """A person edits labels of an account, by label name, past the connector; the fields are provisioned."""
        ...

    def delete(self, stream: str, record_id: str) -> None:
        """A person deletes a record."""
        ...

    def records(self, stream: str) -> Mapping[str, Row]:
        """Every record as the CRM holds it: by id, all its fields by the CRM's names, label fields included."""
        ...

    def notice(self, records: Mapping[str, Sequence[str]]) -> Notice | None:
        """What the CRM sends about records, by stream, that a person changed just now; None where it sends nothing."""
        ...

    def refuse(self, account_id: str) -> None:
        """From now on the CRM refuses writes on this account (a validation rule, a lock, or it is gone)."""
        ...

    def break_with(self, kind: Break) -> None:
        """Break something that is in `Setting.breaks`."""
        ...

    def mend(self) -> None:
        """Nothing is broken any more."""
        ...

    def calls(self) -> int:
        """Requests that reached the CRM so far, counted on its side."""
        ...


RigMaker = Callable[[Path], AbstractContextManager[Rig]]
"""What a `<name>_rig.py` names `rig`: given an empty folder, one rig, and everything closed at the end."""
