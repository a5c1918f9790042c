"""The connector to files: accounts and whatever else as CSV, TSV, XLSX or Parquet, exported from any CRM."""

import os
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from crm_kare.errors import ConfigError, RetryError
from crm_kare.labels import BY_NAME, Label
from crm_kare.model import PRESENT_PREFIX, STREAMS, Outcome, OutcomeStatus, Problem
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
    StreamSpec,
    Told,
    WriteRequest,
)
from crm_kare_files.chunk import ROWS
from crm_kare_files.columns import columns
from crm_kare_files.options import Reading, reading
from crm_kare_files.pages import Present, as_problem, pages, source
from crm_kare_files.places import input_path, opened, results_path
from crm_kare_files.results import fingerprint, load, save
from crm_kare_files.writing import present, written

CAPABILITIES: Final = Capabilities(
    streams=frozenset(STREAMS),
    write_batch=50_000,
    incremental=False,
    provisions=False,
    deletions=False,
    fetches=False,
    notifies=False,
    reasons={
        "incremental": "A file does not tell which rows changed: every pull reads it whole.",
        "provisions": "The results file gets its columns with the first labels.",
        "deletions": "A file does not tell which rows are gone: every pull reads it whole.",
        "fetches": "A file is read whole, however few of its rows are wanted.",
        "notifies": "A file does not tell that it changed.",
    },
)
_FIX: Final = "Take `webhooks` out of crm-kare.yaml."
_OPTIONS: Final = frozenset({"results", "timezone", "currency"})
_TRIES: Final = 3


class FilesConnector:
    """Connector to the files of one project; holds nothing open between calls.

    Options of the mapping: `results` (the file the labels go to), `timezone` (IANA, default UTC), `currency` (ISO code). `page` is the
    number of records in a page.
    """

    def __init__(self, context: Context, *, page: int = ROWS) -> None:
        self.capabilities = CAPABILITIES
        self._context, self._page = context, page
        self._accounts = {one.source: one for one in context.specs if one.stream == "accounts"}
        self._known: dict[str, tuple[object, dict[str, str | None]]] = {}

    def field_name(self, label: Label, prefix: str) -> str:
        """The label's name behind the prefix: `Profile`, `KARE_Profile`."""
        return f"{prefix if label.prefixed else ''}{label.name}"

    def organisation(self) -> Organisation:
        """Named after the project's folder; ConfigError for a time zone or an option that does not exist."""
        options = self._context.options
        if unknown := sorted(set(options) - _OPTIONS):
            known = ", ".join(sorted(_OPTIONS))
            raise ConfigError(f"There is no option {', '.join(unknown)}.", where="options", fix=f"There are: {known}.")
        timezone = str(options.get("timezone") or "UTC")
        try:
            zoneinfo.ZoneInfo(timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(
                f"There is no time zone {timezone}.", where="options.timezone", fix="Use an IANA name: Europe/Berlin."
            ) from error
        name = self._context.folder.resolve().name or self._context.crm
        return Organisation(name, name, timezone, str(options.get("currency") or ""))

    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        """Reads every file to its end: what would stop a pull, and what it would tell."""
        del fields  # their columns are made with the first labels
        problems: list[Problem] = []
        try:
            self.organisation()
        except ConfigError as error:
            problems.append(as_problem(error))
        for spec in specs:
            problems += self._checked(spec)
            problems += self._checked_results(spec) if spec.stream == "accounts" else []
        return list(dict.fromkeys(problems))

    def _checked_results(self, spec: StreamSpec) -> list[Problem]:
        try:
            path = load(self._results(spec.source)).path
        except ConfigError as error:
            return [as_problem(error)]
        if os.access(path.parent, os.W_OK):
            return []
        return [Problem("results-folder", "The labels cannot be written.", f"Make {path.parent} a folder that can be.")]

    def _checked(self, spec: StreamSpec) -> list[Problem]:
        try:
            return [problem for page in self.pull(spec, None) for problem in page.problems]
        except ConfigError as error:
            return [as_problem(error)]

    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        """The file's columns; read with the options of the stream that the mapping reads from it."""
        spec = next((one for one in self._context.specs if one.source == source), None)
        how = reading(spec) if spec else Reading()
        return columns(opened(self._input(source), source, how), how, rates=fill_rates)

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """The whole file whatever the cursor; the cursor given is a print of the file."""
        del cursor
        if spec.stream == "accounts":
            self._accounts[spec.source] = spec
        yield from self._pages(spec)

    def _pages(self, spec: StreamSpec) -> Iterator[Page]:
        how = reading(spec)
        path = self._input(spec.source)
        given = source(spec, how, opened(path, spec.source, how))
        mark = sha256(repr(fingerprint(path)).encode()).hexdigest()[:16]
        yield from pages(given, self._present(spec), mark, self._page)

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        """Files have no single records."""
        del ids
        raise ConfigError(CAPABILITIES.reasons["fetches"], where=spec.source, fix=_FIX)

    def notified(
        self, notice: Notice, specs: Sequence[StreamSpec], fields: Sequence[LabelField], organisation: str
    ) -> Told:
        """Files send nothing."""
        del notice, specs, fields, organisation
        raise ConfigError(CAPABILITIES.reasons["notifies"], where=self._context.crm, fix=_FIX)

    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Nothing is needed."""
        del dry_run
        return [ProvisionStep("none", f"{self._results(source).name}: {one.field}") for one in fields]

    def deprovision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Nothing is taken away: the results file is the user's to delete."""
        return self.provision(source, fields, dry_run=dry_run)

    def write(self, request: WriteRequest) -> list[Outcome]:
        """Labels to the results file, which is replaced whole; nothing is written where no record changes."""
        path = self._results(request.source)
        names = self._names(request.source)
        for _ in range(_TRIES):
            results = load(path)
            outcomes = written(request, names, results)
            results.need([*(one.field for one in request.fields), *self._label_columns(request.source)])
            if not any(one.status is OutcomeStatus.CHANGED for one in outcomes) or save(results):
                return outcomes
        raise RetryError("The file keeps changing while we write.", where=path.name, fix="Close it in other programs.")

    def await_writes(self, source: str) -> None:
        """Nothing to wait for: a write ends with its call."""

    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        """Labels in the results file, of the accounts in the accounts file."""
        return present(account_ids, self._names(source), fields, load(self._results(source)))

    def authors(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, Author]]:
        """Files do not tell who wrote a cell."""
        del source, account_ids, fields
        return {}

    def record_url(self, source: str, account_id: str) -> str:
        """A row of a file has no page."""
        del source, account_id
        return ""

    def calls(self) -> Calls:
        """None: files have no API."""
        return Calls()

    def quota(self) -> Quota:
        """There is none."""
        return Quota()

    def close(self) -> None:
        """Nothing is held."""

    def _input(self, name: str) -> Path:
        return input_path(self._context.folder, name)

    def _results(self, name: str) -> Path:
        named = str(self._context.options.get("results") or "")
        return results_path(self._context.folder, name, named, (one.source for one in self._context.specs))

    def _label_columns(self, name: str) -> list[str]:
        """People's columns too, so that they have where to write."""
        return [one.source for one in self._accounts[name].fields if one.column.startswith(PRESENT_PREFIX)]

    def _names(self, name: str) -> dict[str, str | None]:
        """Ids of the accounts that there are, with their names; read again when the file changed."""
        spec = self._accounts.get(name)
        if spec is None:
            raise ConfigError("The accounts are not mapped from this file.", where=name, fix="Pull, then try again.")
        state = fingerprint(self._input(name))
        if self._known.get(name, (None,))[0] != state:
            wanted = tuple(one for one in spec.fields if one is spec.fields[0] or one.column == "name")
            narrow = replace(spec, fields=wanted)
            found = {
                str(row[spec.fields[0].column]): row.get("name")
                for page in self._pages(narrow)
                for row in page.records.to_pylist()
            }
            self._known[name] = (state, found)
        return self._known[name][1]

    def _present(self, spec: StreamSpec) -> Present:
        """The labels that the spec asks for, by account and column."""
        wanted = {
            one.column: (one.source, BY_NAME[one.column.removeprefix(PRESENT_PREFIX)])
            for one in spec.fields
            if one.column.startswith(PRESENT_PREFIX)
        }
        if not wanted:
            return {}
        results = load(self._results(spec.source))
        return {
            key: {column: results.value(key, field, label) for column, (field, label) in wanted.items()}
            for key in results.rows
        }
