"""The CRM's side: objects, records with stamps, a bin, validation, faults."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from crm_kare.http import CallError, Trouble
from crm_kare.model import STREAMS, Kind
from crm_kare.ports import Author, Calls, Clock, FieldInfo, LabelField

Values = Mapping[str, str | None]
_TYPES: Final = {"picklist": Kind.TEXT, "text": Kind.TEXT, "long_text": Kind.TEXT, "number": Kind.NUMBER}


@dataclass(frozen=True)
class Fault:
    """What the next calls meet: `trouble` for `times` calls (0 = until mended), of one `verb` or of all.

    A fault on a write with `trouble.applied` lets the write happen and loses the answer.
    """

    trouble: Trouble
    times: int = 0
    verb: str = ""


@dataclass
class _Record:
    values: dict[str, str | None]
    stamp: datetime
    refused: bool = False
    authors: dict[str, Author] = field(default_factory=dict)


@dataclass
class _Object:
    fields: dict[str, FieldInfo] = field(default_factory=dict)
    records: dict[str, _Record] = field(default_factory=dict)
    bin: dict[str, datetime] = field(default_factory=dict)


class MemoryCrm:
    """Objects named as our streams, their fields as our columns; more of either by `add_fields`.

    Methods without a verb of HTTP are the CRM's own screen (people, tests); `read`, `changed_since` and `update` are what
    the connector calls: counted, and subject to faults.
    """

    def __init__(self, clock: Clock, *, token: str = "memory-token-1") -> None:  # noqa: S107  made up
        self.clock = clock
        self.token = token
        self.calls = Calls()
        self._objects: dict[str, _Object] = {}
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)
        for stream in STREAMS.values():
            self.add_fields(
                stream.name,
                (FieldInfo(one.name, one.name, one.kind, one.kind, updateable=True) for one in stream.columns),
            )

    # -- the CRM's own screen -----------------------------------------------------------------------------------

    def add_fields(self, name: str, fields: Iterable[FieldInfo]) -> None:
        """Give an object fields, and create it where it is not there."""
        self._objects.setdefault(name, _Object()).fields.update({one.name: one for one in fields})

    def drop_fields(self, name: str, fields: Iterable[str]) -> None:
        """Take fields away, and their values."""
        there = self._objects[name]
        for one in tuple(fields):
            there.fields.pop(one, None)
            for record in there.records.values():
                record.values.pop(one, None)

    def insert(self, name: str, values: Values, record_id: str = "") -> str:
        """A new record; its id. The id column of one of our streams is filled with it."""
        key = record_id or f"{name[:3]}-{next(self._numbers):06d}"
        own = {STREAMS[name].id: key} if name in STREAMS else {}
        self._objects[name].records[key] = _Record({**values, **own}, self.clock.now())
        return key

    def edit(self, name: str, record_id: str, values: Values, by: str = "") -> None:
        """A person edits a record; the CRM tells who it was where it is named."""
        record = self._objects[name].records[record_id]
        author = Author(by, self.clock.now(), (f"{by}@example.com".lower(),))
        record.authors = {key: one for key, one in record.authors.items() if key not in values}
        record.authors |= dict.fromkeys(values, author) if by else {}
        record.values.update(values)
        record.stamp = self.clock.now()

    def delete(self, name: str, record_id: str) -> None:
        """A person deletes a record."""
        there = self._objects[name]
        del there.records[record_id]
        there.bin[record_id] = self.clock.now()

    def refuse(self, name: str, record_id: str) -> None:
        """A validation rule stops every write on this record."""
        self._objects[name].records[record_id].refused = True

    def records(self, name: str) -> dict[str, dict[str, str | None]]:
        """All records by id, with every field of the object."""
        there = self._objects[name]
        return {key: {one: record.values.get(one) for one in there.fields} for key, record in there.records.items()}

    def fail(self, fault: Fault) -> None:
        """Calls meet this fault from now on."""
        self._faults.append(fault)

    def mend(self) -> None:
        """No faults any more."""
        self._faults.clear()

    # -- what the connector calls -------------------------------------------------------------------------------

    def login(self, token: str) -> None:
        """Raises CallError where the token is wrong."""
        self._answer("read")
        if token != self.token:
            raise CallError(Trouble("login", 401, "INVALID_LOGIN"))

    def describe(self, name: str) -> dict[str, FieldInfo]:
        """The object's fields; CallError where there is no such object."""
        self._answer("read")
        if name not in self._objects:
            raise CallError(Trouble("gone", 404, "NO_SUCH_OBJECT"))
        return dict(self._objects[name].fields)

    def count(self, name: str) -> int:
        """How many records there are."""
        return len(self._objects[name].records)

    def read(
        self, name: str, since: datetime | None, after: str, limit: int
    ) -> list[tuple[str, dict[str, str | None]]]:
        """Records changed at `since` or later whose id is above `after`, by id, `limit` at most."""
        self._answer("read")
        there = self._objects[name].records
        keys = sorted(key for key, one in there.items() if key > after and (since is None or one.stamp >= since))
        return [(key, dict(there[key].values)) for key in keys[:limit]]

    def get(self, name: str, keys: Sequence[str]) -> dict[str, dict[str, str | None]]:
        """Records by id; those that are gone are left out."""
        self._answer("read")
        there = self._objects[name].records
        return {key: dict(there[key].values) for key in keys if key in there}

    def authors(self, name: str, keys: Sequence[str]) -> dict[str, dict[str, Author]]:
        """Who edited which fields of records."""
        self._answer("read")
        there = self._objects[name].records
        return {key: dict(there[key].authors) for key in keys if key in there}

    def binned(self, name: str, since: datetime) -> tuple[str, ...]:
        """Ids deleted at `since` or later."""
        self._answer("read")
        return tuple(sorted(key for key, stamp in self._objects[name].bin.items() if stamp >= since))

    def update(self, name: str, updates: Sequence[tuple[str, Values]]) -> list[str]:
        """Write; per record an error code, empty when all is well. All that can be written is."""
        lost = self._answer("write")
        codes = [self._update(self._objects[name], key, values) for key, values in updates]
        if lost is not None:
            raise CallError(lost)
        return codes

    def create_fields(self, name: str, fields: Sequence[LabelField]) -> None:
        """Create label fields."""
        self._answer("write")
        self.add_fields(name, (as_field(one) for one in fields))

    def remove_fields(self, name: str, fields: Sequence[LabelField]) -> None:
        """Delete label fields."""
        self._answer("write")
        self.drop_fields(name, (one.field for one in fields))

    def _update(self, there: _Object, key: str, values: Values) -> str:
        record = there.records.get(key)
        if record is None:
            return "ENTITY_IS_DELETED"
        if record.refused:
            return "VALIDATION_FAILED"
        for name, text in values.items():
            if code := _complaint(there.fields.get(name), text):
                return code
        record.values.update(values)
        record.stamp = self.clock.now()
        return ""

    def _answer(self, verb: str) -> Trouble | None:
        """Count a call and let it meet the first fault for it; a lost write comes back, to be raised when applied."""
        reads, writes = self.calls.read + (verb == "read"), self.calls.write + (verb == "write")
        self.calls = Calls(reads, writes)
        fault = next((one for one in self._faults if one.verb in {"", verb}), None)
        if fault is None:
            return None
        self._spend(fault)
        if fault.trouble.applied and verb == "write":
            return fault.trouble
        raise CallError(fault.trouble)

    def _spend(self, fault: Fault) -> None:
        if fault.times == 1:
            self._faults.remove(fault)
        elif fault.times > 1:
            self._faults[self._faults.index(fault)] = Fault(fault.trouble, fault.times - 1, fault.verb)


def as_field(one: LabelField) -> FieldInfo:
    """A label as a field of this CRM."""
    label = one.label
    kind = {"date": Kind.DATE, "checkbox": Kind.BOOL}.get(label.type) or _TYPES[label.type]
    return FieldInfo(
        one.field, label.title, label.type, kind, updateable=True, values=label.values, length=label.length, custom=True
    )


def _complaint(info: FieldInfo | None, text: str | None) -> str:
    if info is None:
        return "NO_SUCH_FIELD"
    if text is None:
        return ""
    if info.values and text not in info.values:
        return "INVALID_PICKLIST_VALUE"
    return "TEXT_TOO_LONG" if info.length and len(text) > info.length else ""
