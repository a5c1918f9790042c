"""Sending records so that the bad ones sink nobody else, and nobody is blamed for another.

HubSpot tells of a bad record in a 207 at best, by the trace id. Where it does not heed trace ids, it refuses the whole
batch and names the property, not the record: then the value that its message quotes leads to the record, or the
property's own definition, or that only some records carry the property; at last, halves do. Nobody is blamed on
suspicion: a suspect is sent alone, and what HubSpot says then is what is told.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from crm_kare.ports import RecordWrite
from crm_kare_hubspot.answers import Detail
from crm_kare_hubspot.definitions import Property
from crm_kare_hubspot.write_batch import Batch, Refusal

_FAULT_OF_ALL: Final = {"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"}
"""Codes that hit every record that carries the property, whatever its value."""

_FAULT_OF_VALUE: Final = "INVALID_"
"""How codes begin that hit every record with the same value in the property."""

_LONGEST: Final = 65_536
"""Characters of a text property (HubSpot's property documentation)."""

_MANY: Final = 8
"""So many found by halves: it is cheaper to send the others one by one."""

_Fault = tuple[str, str | None]
"""A property and a value."""


def deliver(batch: Batch, records: list[RecordWrite]) -> None:
    """Send records until each is written or refused by itself; raises as `Batch.send`."""
    _Delivery(batch).all_of(records)


class _Delivery:
    """What is known about the bad ones of one batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._condemned: dict[_Fault, Detail] = {}
        self._accused: set[_Fault] = set()
        """Refused with one record, though the property's definition lets them in."""
        self._cleared: set[_Fault] = set()
        """Written with one record."""
        self._found_by_halves = 0

    def all_of(self, records: list[RecordWrite]) -> None:
        waiting = [records]
        while waiting:
            part = self._without_condemned(waiting.pop(0))
            if not part:
                continue
            if refusal := self._batch.send(part):
                waiting[:0] = self._parted(refusal)
            elif len(part) == 1:
                self._cleared.update(self._faults(part[0]))

    def _without_condemned(self, part: list[RecordWrite]) -> list[RecordWrite]:
        """Refuse those with a value that HubSpot refused a moment ago."""
        if not self._condemned:
            return part
        kept = []
        for record in part:
            detail = next((self._condemned[one] for one in self._faults(record) if one in self._condemned), None)
            if detail is None:
                kept.append(record)
            else:
                self._batch.refuse(record, detail)
        return kept

    def _faults(self, record: RecordWrite) -> Iterable[_Fault]:
        return self._batch.fields(record).items()

    def _parted(self, refusal: Refusal) -> list[list[RecordWrite]]:
        """Refuse those that are certainly bad; the others in parts, to be sent one after the other."""
        records, told = refusal.records, refusal.told
        if len(records) == 1:
            self._blame(records[0], told)
            return []
        if named := self._named(records, told):
            for record, detail in named:
                self._batch.refuse(record, detail)
            return _parts([one for one in records if one.account_id not in self._batch.done])
        if suspects := self._suspects(records, told):
            rest = [one for one in records if one.account_id not in suspects]
            return [*_parts(rest), *_samples([one for one in records if one.account_id in suspects], suspects)]
        return self._halved(records, told)

    def _blame(self, record: RecordWrite, told: list[Detail]) -> None:
        detail = next((one for one in told if record.account_id in one.ids), told[0])
        self._batch.refuse(record, detail)
        if detail.field and detail.code.startswith(_FAULT_OF_VALUE):
            self._condemn((detail.field, self._batch.fields(record).get(detail.field)), detail)

    def _condemn(self, fault: _Fault, detail: Detail) -> None:
        """Others with the value share its fate where its definition does not let it in, or it was refused twice."""
        if all(one.account_id in self._batch.done or fault not in self._faults(one) for one in self._batch.left):
            return
        name, value = fault
        known = None if fault in self._accused else self._batch.job.definitions().get(name)
        if fault in self._accused or (known and value and not fits(known, value)):
            self._condemned[fault] = detail
        self._accused.add(fault)

    def _named(self, records: list[RecordWrite], told: list[Detail]) -> list[tuple[RecordWrite, Detail]]:
        """Records that HubSpot names itself, and those that carry a property nobody can write."""
        by_id = {one: detail for detail in told for one in detail.ids}
        hopeless = {detail.field: detail for detail in told if detail.code in _FAULT_OF_ALL and detail.field}
        found = []
        for record in records:
            carried = (hopeless[name] for name in self._batch.fields(record) if name in hopeless)
            if detail := by_id.get(record.account_id) or next(carried, None):
                found.append((record, detail))
        return found

    def _suspects(self, records: list[RecordWrite], told: list[Detail]) -> dict[str, _Fault]:
        """Some of the records, with the value that makes them suspect; none where all or nobody would be."""
        named = [one for one in told if one.field]
        return self._quoted(records, named) or self._unfit(records, {one.field for one in named})

    def _quoted(self, records: list[RecordWrite], told: list[Detail]) -> dict[str, _Fault]:
        """Those whose value a message quotes; a list of the allowed ones may follow in [ ]."""
        found: dict[str, _Fault] = {}
        for record in records:
            values = self._batch.fields(record)
            for detail in told:
                value = values.get(detail.field)
                if (
                    value
                    and (detail.field, value) not in self._cleared
                    and _quotes(detail.message.split("[", 1)[0], value)
                ):
                    found[record.account_id] = (detail.field, value)
        return found

    def _unfit(self, records: list[RecordWrite], named: set[str]) -> dict[str, _Fault]:
        """Those with a value that does not fit the property's own definition."""
        known = self._batch.job.definitions()
        found: dict[str, _Fault] = {}
        for record in records:
            for name, value in self._faults(record):
                if value and name in known and (not named or name in named) and not fits(known[name], value):
                    found[record.account_id] = (name, value)
        return found

    def _halved(self, records: list[RecordWrite], told: list[Detail]) -> list[list[RecordWrite]]:
        """Find one bad record by halves; what was not sent on the way goes in one part.

        Of the two halves of a refused part only one is sent: was it written, the bad one is in the other.
        """
        records, rest = self._carriers(records, told)
        if self._found_by_halves >= _MANY:
            return [*([one] for one in records), *_parts(rest)]
        self._found_by_halves += 1
        while len(records) > 1:
            half, other = records[: len(records) // 2], records[len(records) // 2 :]
            refusal = self._batch.send(half)
            if refusal is None:
                records = other
            elif len(half) == 1:
                self._blame(half[0], refusal.told)
                return _parts(other + rest)
            else:
                records, rest = refusal.records, other + rest
        return [*_parts(records), *_parts(rest)]

    def _carriers(self, records: list[RecordWrite], told: list[Detail]) -> tuple[list[RecordWrite], list[RecordWrite]]:
        """Those that have a value for a property that was named, and the others, whose fault it cannot be."""
        named = {one.field for one in told if one.field}
        carry = [one for one in records if any(value and name in named for name, value in self._faults(one))]
        if not carry:
            return records, []
        ids = {one.account_id for one in carry}
        return carry, [one for one in records if one.account_id not in ids]


def _parts(records: list[RecordWrite]) -> list[list[RecordWrite]]:
    return [records] if records else []


def _samples(records: list[RecordWrite], suspects: Mapping[str, _Fault]) -> list[list[RecordWrite]]:
    """Of each suspicious value one record by itself, then the others with it together."""
    groups: dict[_Fault, list[RecordWrite]] = {}
    for record in records:
        groups.setdefault(suspects[record.account_id], []).append(record)
    return [part for group in groups.values() for part in (group[:1], group[1:]) if part]


def _quotes(message: str, value: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(' '.join(value.split()))}(?!\w)", message) is not None


def fits(known: Property, value: str) -> bool:
    """Whether a value is one that the property's definition lets in; where that cannot be told, it is."""
    options = [str(one.get("value")) for one in known.raw.get("options") or ()]
    match known.type:
        case "enumeration" | "bool" if options:
            parts = value.split(";") if known.raw.get("fieldType") == "checkbox" else [value]
            return set(parts) <= set(options)
        case "number":
            return _is_number(value)
        case "date" | "datetime":
            return _is_moment(value)
        case "string":
            return len(value) <= _LONGEST
    return True


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_moment(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return text.lstrip("-").isdigit()
    return True
