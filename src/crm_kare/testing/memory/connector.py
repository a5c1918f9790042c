"""The connector to a `MemoryCrm`: as careful as one to a real CRM, in as few lines as the port allows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

import pyarrow as pa

from crm_kare.errors import ConfigError
from crm_kare.http import CallError, call_with_retries, translated
from crm_kare.labels import Editor, Label
from crm_kare.model import STREAMS, Outcome, OutcomeStatus, Problem
from crm_kare.ports import (
    Author,
    Calls,
    Capabilities,
    Context,
    FieldInfo,
    LabelField,
    Notice,
    Organisation,
    Page,
    ProvisionStep,
    Quota,
    RecordWrite,
    StreamSpec,
    Told,
    WriteRequest,
)
from crm_kare.testing.memory.crm import MemoryCrm
from crm_kare.testing.memory.notices import ORGANISATION, told

T = TypeVar("T")

CAPABILITIES: Final = Capabilities(streams=frozenset(STREAMS), write_batch=5)
_TOKEN: Final = "MEMORY_TOKEN"  # noqa: S105  the credential's name
_FIXES: Final = {
    "INVALID_PICKLIST_VALUE": "Run provision, so that the field has the value.",
    "VALIDATION_FAILED": "Look at the validation rule of the account.",
    "ENTITY_IS_DELETED": "The next pull will notice it.",
}


class MemoryConnector:
    """Connector to `crm`; its token is the credential `MEMORY_TOKEN`. `page` is the number of records in a page."""

    def __init__(self, crm: MemoryCrm, context: Context, *, page: int = 4) -> None:
        self.capabilities = CAPABILITIES
        self._crm, self._context, self._page = crm, context, page
        self._logged_in = False
        self._made = Calls()

    def field_name(self, label: Label, prefix: str) -> str:
        """`kare_profile`; without prefix where the label has none."""
        return f"{prefix if label.prefixed else ''}{label.name}".lower()

    def organisation(self) -> Organisation:
        """Always the same: a firm in Berlin that counts in euros."""
        self._call("read", "organisation", lambda: self._crm.describe("accounts"))
        return Organisation(ORGANISATION, "Memory GmbH", "Europe/Berlin", "EUR")

    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        """Login, objects, mapped fields, label fields with their picklist values."""
        try:
            self._login()
        except CallError as error:
            wrong = translated(error, where=_TOKEN, fix="Set it to the CRM's token.")
            if error.trouble.kind != "login":
                raise wrong from error
            return [Problem("login", wrong.message, wrong.fix, where=_TOKEN)]
        problems = [problem for spec in specs for problem in self._missing(spec)]
        accounts = next((spec.source for spec in specs if spec.stream == "accounts"), "accounts")
        return problems + _label_problems(accounts, self.schema_of(accounts), fields)

    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        """Fields in the order they were made."""
        infos = list(self.schema_of(source).values())
        if not fill_rates:
            return infos
        rows = self._call("read", source, lambda: self._crm.read(source, None, "", self._crm.count(source)))
        return [replace(info, filled=_filled(info.name, [values for _, values in rows])) for info in infos]

    def schema_of(self, source: str) -> Mapping[str, FieldInfo]:
        """Fields by name; ConfigError where there is no such object."""
        return self._call("read", source, lambda: self._crm.describe(source))

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """Pages by id; the cursor holds since when, where in the pages, and where the next pull begins."""
        self._refuse_missing(spec)
        state = json.loads(cursor) if cursor else {}
        since = datetime.fromisoformat(state["since"]) if state.get("since") else None
        start = state.get("start") or self._crm.clock.now().isoformat()
        yield from self._pages(spec, since, start, state.get("after", ""))

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        """By id; what is not there is gone."""
        if not ids:
            return Page(_batch(spec, []), "")
        self._refuse_missing(spec)
        there = self._call("read", spec.source, lambda: self._crm.get(spec.source, ids))
        return Page(_batch(spec, list(there.items())), "", tuple(one for one in dict.fromkeys(ids) if one not in there))

    def notified(
        self, notice: Notice, specs: Sequence[StreamSpec], fields: Sequence[LabelField], organisation: str
    ) -> Told:
        """A JSON body, and a header with the sum of it under the token (see `crm_kare.testing.memory.notices`)."""
        del fields
        token = self._context.credentials.get(_TOKEN)
        return told(notice, token.get_secret_value() if token else "", self._context.clock.now(), specs, organisation)

    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Fields that are not there are created, others left."""
        there = self.schema_of(source)
        new = [one for one in fields if one.field not in there]
        if new and not dry_run:
            self._call("write", source, lambda: self._crm.create_fields(source, new))
        return [ProvisionStep("create" if one in new else "none", f"{source}.{one.field}") for one in fields]

    def deprovision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Fields that are there are deleted."""
        there = self.schema_of(source)
        old = [one for one in fields if one.field in there]
        if old and not dry_run:
            self._call("write", source, lambda: self._crm.remove_fields(source, old))
        return [ProvisionStep("delete" if one in old else "none", f"{source}.{one.field}") for one in fields]

    def write(self, request: WriteRequest) -> list[Outcome]:
        """Read, compare, write what differs; a lost answer makes every record of the call `unknown`."""
        names = {one.label.name: one.field for one in request.fields if one.label.editor is Editor.OURS}
        present = self._call("read", request.source, lambda: self._crm.get(request.source, _ids(request)))
        judged = [_judge(record, names, present.get(record.account_id)) for record in request.records]
        updates = [(one.account_id, values) for one, (outcome, values) in self._pairs(request, judged) if not outcome]
        codes = self._update(request.source, updates)
        return [outcome or codes[record.account_id] for record, (outcome, _) in self._pairs(request, judged)]

    def await_writes(self, source: str) -> None:
        """Nothing to wait for: a write ends with its call."""

    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        """Present values by account id and label name."""
        rows = self._call("read", source, lambda: self._crm.get(source, account_ids))
        return {key: {one.label.name: values.get(one.field) for one in fields} for key, values in rows.items()}

    def authors(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, Author]]:
        """Who the CRM says edited a field; nothing of fields that nobody edited."""
        told = self._call("read", source, lambda: self._crm.authors(source, account_ids))
        return {
            key: {one.label.name: authors[one.field] for one in fields if one.field in authors}
            for key, authors in told.items()
        }

    def record_url(self, source: str, account_id: str) -> str:
        """An address nobody answers at."""
        return f"memory://{source}/{account_id}"

    def calls(self) -> Calls:
        """Calls of this connector."""
        return self._made

    def quota(self) -> Quota:
        """There is none."""
        return Quota()

    def close(self) -> None:
        """Nothing is held."""

    # -- steps --------------------------------------------------------------------------------------------------

    @staticmethod
    def _pairs(request: WriteRequest, judged: "list[Judged]") -> "list[tuple[RecordWrite, Judged]]":
        return list(zip(request.records, judged, strict=True))

    def _pages(self, spec: StreamSpec, since: datetime | None, start: str, after: str) -> Iterator[Page]:
        gone = self._gone(spec, since) if since and not after else ()
        while True:
            rows = self._read(spec, since, after)
            more = len(rows) > self._page
            rows = rows[: self._page]
            after = rows[-1][0] if rows else after
            place = {"since": since and since.isoformat(), "start": start, "after": after} if more else {"since": start}
            yield Page(_batch(spec, rows), json.dumps(place), gone, self._crm.count(spec.source))
            if not more:
                return
            gone = ()

    def _read(self, spec: StreamSpec, since: datetime | None, after: str) -> list[tuple[str, dict[str, str | None]]]:
        return self._call("read", spec.source, lambda: self._crm.read(spec.source, since, after, self._page + 1))

    def _gone(self, spec: StreamSpec, since: datetime) -> tuple[str, ...]:
        return self._call("read", spec.source, lambda: self._crm.binned(spec.source, since))

    def _update(self, source: str, updates: list[tuple[str, dict[str, str | None]]]) -> dict[str, Outcome]:
        if not updates:
            return {}
        try:
            codes = self._try("write", lambda: self._crm.update(source, updates))
        except CallError as error:
            if not error.trouble.applied:
                raise translated(error, where=source) from error
            return {key: Outcome(key, OutcomeStatus.UNKNOWN, "ANSWER_LOST") for key, _ in updates}
        return {key: _told(key, code) for (key, _), code in zip(updates, codes, strict=True)}

    def _refuse_missing(self, spec: StreamSpec) -> None:
        if missing := self._missing(spec):
            raise ConfigError(
                " ".join(problem.message for problem in missing), where=spec.source, fix="Correct the mapping."
            )

    def _missing(self, spec: StreamSpec) -> list[Problem]:
        there = self.schema_of(spec.source)
        return [
            Problem("field-missing", f"There is no field {one.source} on {spec.source}.", "Correct the mapping.")
            for one in spec.fields
            if one.source not in there
        ]

    def _login(self) -> None:
        if not self._logged_in:
            secret = self._context.credentials.get(_TOKEN)
            self._try("read", lambda: self._crm.login(secret.get_secret_value() if secret else ""))
            self._logged_in = True

    def _call(self, verb: str, where: str, call: Callable[[], T]) -> T:
        """One call with login and retries; foreign errors become ours here."""
        try:
            self._login()
            return self._try(verb, call)
        except CallError as error:
            raise translated(error, where=where) from error

    def _try(self, verb: str, call: Callable[[], T]) -> T:
        clock = self._context.clock
        try:
            return call_with_retries(lambda: self._counted(verb, call), clock=clock, safe=verb == "read")
        except CallError as error:
            if error.trouble.kind != "login":
                raise
            return self._counted(verb, call)

    def _counted(self, verb: str, call: Callable[[], T]) -> T:
        self._made = Calls(self._made.read + (verb == "read"), self._made.write + (verb == "write"))
        return call()


Judged = tuple[Outcome | None, dict[str, str | None]]


def _judge(record: RecordWrite, names: Mapping[str, str], present: Mapping[str, str | None] | None) -> Judged:
    """The outcome where nothing is to be written, else the fields to write."""
    if present is None:
        return _told(record.account_id, "ENTITY_IS_DELETED"), {}
    held = {label: present.get(names[label]) for label in record.values}
    if all(held[label] == new for label, new in record.values.items()):
        return Outcome(record.account_id, OutcomeStatus.SAME), {}
    if any(text not in {record.values[label], record.expected.get(label)} for label, text in held.items()):
        return Outcome(record.account_id, OutcomeStatus.CONFLICT, present=tuple(held.items())), {}
    return None, {names[label]: new for label, new in record.values.items() if held[label] != new}


def _told(key: str, code: str) -> Outcome:
    if not code:
        return Outcome(key, OutcomeStatus.CHANGED)
    return Outcome(key, OutcomeStatus.REJECTED, code, "The CRM refused the record.", _FIXES.get(code, ""))


def _ids(request: WriteRequest) -> list[str]:
    return [record.account_id for record in request.records]


def _batch(spec: StreamSpec, rows: Sequence[tuple[str, Mapping[str, str | None]]]) -> pa.RecordBatch:
    columns = [pa.array([values.get(one.source) for _, values in rows], pa.string()) for one in spec.fields]
    return pa.RecordBatch.from_arrays(columns, schema=spec.arrow_schema())


def _filled(name: str, rows: Sequence[Mapping[str, str | None]]) -> float | None:
    return sum(values.get(name) is not None for values in rows) / len(rows) if rows else None


def _label_problems(source: str, there: Mapping[str, FieldInfo], fields: Sequence[LabelField]) -> list[Problem]:
    problems = []
    for one in fields:
        info = there.get(one.field)
        if info is None:
            problems.append(Problem("label-missing", f"There is no field {source}.{one.field}.", "Run provision."))
        elif absent := [value for value in one.label.values if value not in info.values]:
            problems.append(
                Problem("picklist-value-missing", f"{source}.{one.field} lacks {', '.join(absent)}.", "Run provision.")
            )
    return problems
