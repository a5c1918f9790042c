"""Pull one stream over REST queries, in the order of ids: all of it, or what changed since a cursor.

Salesforce stamps a row within its transaction, which may commit up to ten minutes later: an incremental pull looks that
far back before the last one's start, and rows seen twice count once. `queryAll` brings deleted and merged-away rows
with `IsDeleted`, so one query tells both. A stop in mid-pull goes on after the last id.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from crm_kare.errors import ConfigError, StopError
from crm_kare.http import CallError, Trouble
from crm_kare.model import Problem
from crm_kare.ports import Page, StreamSpec
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import FLS_HINT, Objects
from crm_kare_salesforce.values import at_path, canonical

_NEVER_DELETED: Final = frozenset({"user", "profile", "userrole", "recordtype", "organization", "currencytype"})
"""Objects without `IsDeleted`; another one is found out by asking describe when the query is refused."""

_BIN_DAYS: Final = 14
"""Rows leave the recycle bin after 15 days, and then no query tells that they are gone."""


@dataclass(frozen=True)
class Cursor:
    """Where a pull stands.

    Attributes:
        since: what changed from here on is wanted; empty for a full pull.
        until: when the pull began, by the server's clock: the next one's `since`.
        last: id after which to go on; empty at the beginning.
    """

    since: str = ""
    until: str = ""
    last: str = ""

    def text(self) -> str:
        """As it is handed out."""
        return json.dumps({"v": 1, **asdict(self)}, sort_keys=True)


def read_cursor(text: str | None) -> Cursor:
    """The cursor of an earlier page.

    Raises:
        StopError: it is not one of ours.
    """
    if text is None:
        return Cursor()
    try:
        told = json.loads(text)
        return Cursor(str(told["since"]), str(told["until"]), str(told["last"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StopError(
            "The cursor cannot be read.", where="pull", fix="Pull in full: `crm-kare pull --full`."
        ) from error


class Puller:
    """Pulls streams of one org."""

    def __init__(self, client: Client, objects: Objects, overlap: timedelta) -> None:
        self._client, self._objects, self._overlap = client, objects, overlap

    def pages(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """Pages of the stream; see `Connector.pull`. Raises `CallError`, `ConfigError`, `StopError`."""
        at = read_cursor(cursor)
        deletions = bool(at.since) and spec.source.lower() not in _NEVER_DELETED
        problems = self._too_old(at, spec)
        first = True
        for found in self._answers(spec, at, deletions=deletions):
            at = replace(at, until=at.until or soql.stamp(self._client.started()))
            page, at = _page(spec, found, at)
            yield replace(page, problems=problems if first else ())
            first = False

    def _answers(self, spec: StreamSpec, at: Cursor, *, deletions: bool) -> Iterator[dict[str, Any]]:
        """Pages as Salesforce sends them; where its locator ran out, a new query goes on after the last id."""
        found = self._first(spec, at, deletions=deletions)
        seen: set[str] = set()
        last = at.last
        while True:
            yield found
            if found["done"]:
                return
            last = _last_id(found["records"], last)
            if found["nextRecordsUrl"] in seen:
                raise StopError("Salesforce gives the same page of results again and again.", where=spec.source)
            seen.add(found["nextRecordsUrl"])
            try:
                found = self._client.more(found["nextRecordsUrl"])
            except CallError as error:
                if error.trouble.code != "INVALID_QUERY_LOCATOR":
                    raise
                found = self._first(spec, replace(at, last=last), deletions=deletions)

    def _first(self, spec: StreamSpec, at: Cursor, *, deletions: bool) -> dict[str, Any]:
        try:
            return self._client.query(self._soql(spec, at, deletions=deletions), everything=deletions)
        except CallError as error:
            if error.trouble.code != "INVALID_FIELD":
                raise
            self._explain(spec)
            if not deletions or self._objects.has(spec.source, "IsDeleted"):
                raise
        return self._client.query(self._soql(spec, at, deletions=False))

    def _soql(self, spec: StreamSpec, at: Cursor, *, deletions: bool) -> str:
        columns = ["Id", *(one.source for one in spec.fields), *(["IsDeleted"] if deletions else [])]
        tests = [soql.since(_moment(at.since) - self._overlap)] if at.since else []
        tests += [f"Id > '{at.last}'"] if at.last else []
        return soql.select(columns, spec.source, *tests, order="Id")

    def _explain(self, spec: StreamSpec) -> None:
        """Why a query named a field that is not there.

        Raises:
            ConfigError: naming every mapped field that this user cannot read.
        """
        missing = self._objects.missing(spec.source, (one.source for one in spec.fields))
        if missing:
            raise ConfigError(
                f"{spec.source} has no field {', '.join(missing)} that this user can read.",
                where=f"stream {spec.stream}",
                fix=FLS_HINT,
                code="field-missing",
            )
        if not self._objects.has(spec.source, "SystemModstamp"):
            raise ConfigError(
                f"{spec.source} has no SystemModstamp, so what changed in it cannot be asked for.",
                where=f"stream {spec.stream}",
                fix="Map another object.",
            )

    def _too_old(self, at: Cursor, spec: StreamSpec) -> tuple[Problem, ...]:
        if not at.since or self._client.now() - _moment(at.since) < timedelta(days=_BIN_DAYS):
            return ()
        return (
            Problem(
                "cursor-old",
                "The last pull is so long ago that deleted records may have left the recycle bin unseen.",
                "Pull in full: `crm-kare pull --full`.",
                where=f"stream {spec.stream}",
                level="warning",
            ),
        )


def _moment(text: str) -> datetime:
    try:
        return soql.moment(text)
    except ValueError as error:
        raise StopError(
            "The cursor cannot be read.", where="pull", fix="Pull in full: `crm-kare pull --full`."
        ) from error


def _page(spec: StreamSpec, found: dict[str, Any], at: Cursor) -> tuple[Page, Cursor]:
    """One page of ours, and the cursor after it."""
    key = spec.fields[0].source
    records = found["records"]
    gone = tuple(str(canonical(at_path(one, key), spec.fields[0].kind, is_id=True)) for one in records if _gone(one))
    after = Cursor(since=at.until) if found["done"] else replace(at, last=_last_id(records, at.last))
    total = found.get("totalSize") if not at.last else None
    return Page(_batch(spec, [one for one in records if not _gone(one)]), after.text(), gone, total), after


def _gone(record: dict[str, Any]) -> bool:
    return record.get("IsDeleted") is True


def _last_id(records: list[dict[str, Any]], before: str) -> str:
    if not records:
        return before
    if not isinstance(records[-1].get("Id"), str):
        raise CallError(Trouble("shape", 200, "record-without-id"))
    return str(records[-1]["Id"])


def _batch(spec: StreamSpec, records: list[dict[str, Any]]) -> pa.RecordBatch:
    arrays = []
    for one in spec.fields:
        is_id = one.column.endswith("_id")
        arrays.append(_texts([canonical(at_path(record, one.source), one.kind, is_id=is_id) for record in records]))
    return pa.RecordBatch.from_arrays(arrays, schema=spec.arrow_schema())


def _texts(values: list[str | None]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half an emoji, cut at a field's length by whoever wrote it
        return pa.array([value and value.encode("utf-8", "replace").decode() for value in values], pa.string())
