"""The rig of the in-memory connector; an example of how one is written."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from crm_kare.http import Trouble
from crm_kare.labels import LABELS
from crm_kare.model import STREAMS
from crm_kare.ports import Connector, Context, LabelField, Notice, SourceField, StreamSpec
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.memory.connector import MemoryConnector
from crm_kare.testing.memory.crm import Fault, MemoryCrm
from crm_kare.testing.memory.notices import notice
from crm_kare.testing.rig import Break, Row, Setting

_FAULTS: Final = {
    Break.LOGIN_ONCE: Fault(Trouble("login", 401, "TOKEN_EXPIRED"), 1),
    Break.LOGIN: Fault(Trouble("login", 401, "TOKEN_EXPIRED")),
    Break.PERMISSION: Fault(Trouble("permission", 403, "NO_ACCESS")),
    Break.RATE_ONCE: Fault(Trouble("rate", 429, "TOO_FAST", retry_after=7), 1),
    Break.QUOTA: Fault(Trouble("quota", 403, "LIMIT_EXCEEDED")),
    Break.SERVER_ONCE: Fault(Trouble("server", 500), 1),
    Break.SERVER: Fault(Trouble("server", 500)),
    Break.LOST_WRITE: Fault(Trouble("network", applied=True), 1, "write"),
    Break.HTML: Fault(Trouble("shape", 200)),
    Break.HALF: Fault(Trouble("shape", 200)),
}

FIELDS: Final = tuple(LabelField(label, f"{'kare_' if label.prefixed else ''}{label.name}".lower()) for label in LABELS)

SETTING: Final = Setting(
    page=4,
    specs={
        name: StreamSpec(name, name, tuple(SourceField(one.name, one.name, one.kind) for one in stream.columns))
        for name, stream in STREAMS.items()
    },
    fields=FIELDS,
    instants={"accounts": frozenset({"created_on"}), "opportunities": frozenset({"created_on"})},
    breaks=frozenset(_FAULTS),
    secrets=("memory-token-1", "wrong-token-2"),
    retry_after=7,
)

ConnectorMaker = Callable[[MemoryCrm, Context], Connector]


class MemoryRig:
    """A `MemoryCrm`; `make` builds the connector, so that mutants can stand in its place."""

    def __init__(self, folder: Path, make: ConnectorMaker = MemoryConnector) -> None:
        self.setting, self.clock, self._make, self._folder = SETTING, FakeClock(), make, folder
        self.crm = MemoryCrm(self.clock)

    def connector(self) -> Connector:
        """A connector with the right token."""
        return self._make(self.crm, self._context("memory-token-1"))

    def stranger(self) -> Connector:
        """A connector with a wrong token."""
        return self._make(self.crm, self._context("wrong-token-2"))

    def seed(self, stream: str, rows: Sequence[Row]) -> list[str]:
        """New records."""
        return [self.crm.insert(stream, row) for row in rows]

    def edit(self, stream: str, record_id: str, values: Row) -> None:
        """A person edits a record."""
        self.crm.edit(stream, record_id, values)

    def edit_labels(self, account_id: str, values: Row) -> None:
        """A person edits label fields."""
        names = {one.label.name: one.field for one in FIELDS}
        self.crm.edit("accounts", account_id, {names[name]: text for name, text in values.items()})

    def delete(self, stream: str, record_id: str) -> None:
        """A person deletes a record."""
        self.crm.delete(stream, record_id)

    def records(self, stream: str) -> Mapping[str, Row]:
        """All records with all fields."""
        return self.crm.records(stream)

    def notice(self, records: Mapping[str, Sequence[str]]) -> Notice:
        """As this CRM sends it."""
        return notice(records, "memory-token-1", self.clock.now())

    def refuse(self, account_id: str) -> None:
        """A validation rule refuses the account."""
        self.crm.refuse("accounts", account_id)

    def break_with(self, kind: Break) -> None:
        """A fault on every call."""
        self.crm.fail(_FAULTS[kind])

    def mend(self) -> None:
        """No faults."""
        self.crm.mend()

    def calls(self) -> int:
        """Calls the CRM answered or refused."""
        return self.crm.calls.read + self.crm.calls.write

    def _context(self, token: str) -> Context:
        return Context("memory", {"MEMORY_TOKEN": SecretStr(token)}, self.clock, self._folder, self._folder)
