"""What the core asks of a CRM (`Connector`) and of time (`Clock`). Connectors implement these; the core calls nothing else.

Values cross this border as canonical text, so that every CRM, file and reply shape meets the core in one form:

- text: as it stands, `None` for blank (CRMs keep no empty string);
- number and money: plain decimal text, exponent allowed (`-12.50`, `3.5E8`), no thousands separator, no currency sign;
- date: `YYYY-MM-DD` where the CRM holds a *date* (never shifted), ISO 8601 with zone (`2026-11-03T23:30:00Z`) where it
  holds a point in time: the core turns that into a day in the organisation's time zone;
- bool: `true` or `false`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import pyarrow as pa
from pydantic import SecretStr

from crm_kare.labels import Label
from crm_kare.model import Kind, Outcome, Problem

NOT_SENT: Final = "NOT_SENT"
"""Code of an `unknown` outcome whose record was certainly not written, since the calls before it failed."""


class Clock(Protocol):
    """Time as it is passed in; tests pass their own."""

    def now(self) -> datetime:
        """The present moment, in UTC, with zone."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


@dataclass(frozen=True)
class SourceField:
    """One column to pull: our column name, the CRM's field, and the type the column will have.

    `source` is the CRM's field name (`Owner.Name`, `hs_is_closed_won`, `Close Date`), or a pseudo-field that the
    connector documents and computes (`@primary_company`, `@row`).
    """

    column: str
    source: str
    kind: Kind


@dataclass(frozen=True)
class StreamSpec:
    """One stream to pull: which object of the CRM feeds it, and its columns; the first is the id.

    `options` are the mapping's connector-specific settings of this stream (sheet name, encoding, `distinct` …).
    """

    stream: str
    source: str
    fields: tuple[SourceField, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def arrow_schema(self) -> pa.Schema:
        """Schema of every page's records: one nullable utf8 column per field, in the order of `fields`."""
        return pa.schema([(one.column, pa.string()) for one in self.fields])


@dataclass(frozen=True)
class Page:
    """A piece of a pull.

    Attributes:
        records: rows as of now, schema `StreamSpec.arrow_schema()`. A row seen twice is no error: the last one counts.
        deleted: ids that are gone (deleted, merged away, archived).
        cursor: where to go on after this page: handed back to `pull` after a stop, or by the next run. Opaque text.
        total: how many records the pull will bring, where the CRM tells it; for progress.
        problems: rows that could not be read, and the like.
    """

    records: pa.RecordBatch
    cursor: str
    deleted: tuple[str, ...] = ()
    total: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Notice:
    """A request in which a CRM tells that records changed, as it came in at `Context.webhooks`.

    Attributes:
        method: of HTTP.
        query: what stood behind the address, as it came, without the question mark; empty where nothing did.
        headers: by their names in lower case.
        body: as it came.
    """

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """What a genuine notice tells.

    Attributes:
        records: ids by stream that changed, came or went; only those that matter to the mapping.
        key: the same for the same request: one that comes a second time is a replay.
        until: from then on the request is refused for its age, so that nobody needs to remember its key.
    """

    records: Mapping[str, frozenset[str]]
    key: str
    until: datetime


@dataclass(frozen=True)
class FieldInfo:
    """One field of a CRM object, as this user sees it.

    `type` is the CRM's own word; `kind` ours, `None` for types we cannot map. `values` are a picklist's API values.
    `filled` is the share of records that have a value, where it was asked for and is known.
    """

    name: str
    label: str
    type: str
    kind: Kind | None
    updateable: bool = False
    values: tuple[str, ...] = ()
    length: int = 0
    custom: bool = False
    filled: float | None = None


@dataclass(frozen=True)
class CurrencyRate:
    """What one unit of a currency is worth in the organisation's home currency.

    Attributes:
        currency: ISO code.
        rate: home currency for one unit.
        since: the day from which it holds; `None` where the CRM keeps the present rate only.
    """

    currency: str
    rate: Decimal
    since: date | None = None


@dataclass(frozen=True)
class Organisation:
    """The CRM's account: its id and name, time zone (IANA), home currency (ISO, empty = unknown), web address, and the
    rates of its other currencies where it keeps amounts in several.
    """

    id: str
    name: str
    timezone: str = "UTC"
    currency: str = ""
    url: str = ""
    rates: tuple[CurrencyRate, ...] = ()


@dataclass(frozen=True)
class LabelField:
    """A label and the CRM field that holds it under the mapping's prefix."""

    label: Label
    field: str


@dataclass(frozen=True)
class Author:
    """Who gave a field its present value, and when, as the CRM's own history tells.

    Attributes:
        by: a person's name, or in words which program it was.
        at: when; None where the history does not tell.
        names: ids, e-mail addresses and user names by which a list can name the person; none for programs.
    """

    by: str
    at: datetime | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordWrite:
    """Labels to write on one account. Both mappings go from label name to canonical text, `None` = blank.

    `expected` is what the CRM held when the plan was made: where it holds something else by now, a person moved it.
    `group` is the account at the top of the record's group, where it is known: a CRM may lock the parent of what it writes,
    so records of one group are best sent together.
    """

    account_id: str
    values: Mapping[str, str | None]
    expected: Mapping[str, str | None]
    group: str = ""


@dataclass(frozen=True)
class WriteRequest:
    """Records to write in one go, at most `Capabilities.batch(planned)` of them, no account twice.

    `read_at` is when the values expected were read: a connector may use it to ask only for records that moved since.
    `planned` is the size of the whole plan, so that a connector can choose its bulk path.
    """

    source: str
    fields: tuple[LabelField, ...]
    records: tuple[RecordWrite, ...]
    read_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    planned: int = 0


@dataclass(frozen=True)
class ProvisionStep:
    """One thing `provision` or `deprovision` did, would do (`--dry-run`), or found already there.

    `action` is one of create, change, delete, grant, none, and `by hand` for what a person has to do.
    """

    action: str
    what: str
    detail: str = ""


@dataclass(frozen=True)
class Calls:
    """API calls made so far by this connector object."""

    read: int = 0
    write: int = 0


@dataclass(frozen=True)
class Quota:
    """The CRM's daily allowance, `None` where it has none or does not tell."""

    used: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Capabilities:
    """What a connector can do. A gap is declared with its reason, and stays one: the suite checks both directions.

    Attributes:
        streams: names of the streams it can pull.
        write_batch: records in one `WriteRequest`, at most.
        bulk_from: plans of so many accounts are handed over in larger pieces, of `bulk_batch` records at most; `None` where
            the CRM has no bulk path.
        bulk_batch: see `bulk_from`.
        incremental: whether `pull` with a cursor brings only what changed.
        provisions: whether `provision` creates fields (files need none).
        deletions: whether deleted records come as `Page.deleted` in an incremental pull.
        fetches: whether `fetch` reads single records.
        notifies: whether the CRM tells of changes by itself, and `notified` reads what it sends.
        reasons: for each capability that is False, why.
        lag: seconds for which `pull` may not show yet what was written; `fetch` shows it at once.
    """

    streams: frozenset[str]
    write_batch: int
    incremental: bool = True
    provisions: bool = True
    deletions: bool = True
    fetches: bool = True
    notifies: bool = True
    reasons: Mapping[str, str] = field(default_factory=dict)
    bulk_from: int | None = None
    bulk_batch: int = 0
    lag: float = 0.0

    def batch(self, planned: int) -> int:
        """How many records of a plan of `planned` accounts go into one `WriteRequest`."""
        return self.bulk_batch if self.bulk_from is not None and planned >= self.bulk_from else self.write_batch

    def batches(self, planned: int) -> Iterator[int]:
        """Sizes of the `WriteRequest`s of a plan of `planned` accounts: what is left over goes first, for an early first call."""
        most = self.batch(planned)
        full, rest = divmod(planned, most)
        yield from [rest] * bool(rest)
        yield from [most] * full


@dataclass(frozen=True)
class Context:
    """All that a connector is given; it reads no environment, clock or file by itself.

    Attributes:
        crm: the CRM's name in the project.
        credentials: secrets by their Contract name (`SALESFORCE_ACCESS_TOKEN`), per-CRM prefix already taken off.
        clock: time.
        folder: the project's folder, for connectors that read files.
        state: a folder of this CRM's own for what must outlive a run (rotated tokens); files there are 0600.
        options: the mapping's connector-specific settings (`api_version`, `results` …).
        daily_share: share of the CRM's daily allowance that may be used.
        burst_share: share of its burst allowance.
        specs: the streams as mapped, for connectors whose records have no id but by the mapping (files).
        webhooks: the public address to which the CRM sends its notices; empty where none are wanted.
    """

    crm: str
    credentials: Mapping[str, SecretStr]
    clock: Clock
    folder: Path
    state: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    daily_share: float = 0.8
    burst_share: float = 0.9
    specs: tuple[StreamSpec, ...] = ()
    webhooks: str = ""


@runtime_checkable
class Connector(Protocol):
    """A CRM. Constructing one does no network, no file, no environment: the first call logs in.

    Every method may raise `AccessError` (login, permission), `RetryError` or `QuotaError` (try later), `ConfigError`
    (the mapping asks for what is not there) and `StopError`; nothing else.
    """

    capabilities: Capabilities

    def field_name(self, label: Label, prefix: str) -> str:
        """The CRM's field name of a label under a prefix: `KARE_Profile__c`, `kare_profile`, `Profile`."""
        ...

    def organisation(self) -> Organisation:
        """Who we are logged in to."""
        ...

    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        """Everything that would stop or spoil a run, all at once, each with its fix: login, scopes, missing fields,
        field-level permissions, picklist values, quota. A wrong login is a problem in the list here, not an exception.
        """
        ...

    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        """The fields of one object as this user sees them."""
        ...

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """Pages of a stream: all records where `cursor` is `None`, else what changed since. At least one page, whose
        cursor starts the next pull. Mapped fields that are missing raise `ConfigError` naming all of them. Where the
        CRM can no longer tell all that was deleted since, `StaleCursorError`: the core then pulls in full.
        """
        ...

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        """Single records of a stream as they are now, whatever a search would say: read by id, so that no index lags
        behind. Ids that are gone (deleted, archived, merged away) are in `deleted`, and what they were merged into among
        the records. The page's cursor is empty. Mapped fields that are missing raise `ConfigError` as in `pull`; so does
        asking a connector that does not fetch.
        """
        ...

    def notified(
        self, notice: Notice, specs: Sequence[StreamSpec], fields: Sequence[LabelField], organisation: str
    ) -> Told:
        """What a notice tells of the streams in `specs`; makes no call. Changes of the labels in `fields` that we write
        ourselves are left out, and so is what happened in another organisation than the one of that id.

        Raises `AccessError` where it is not genuine, or too old; `StopError` where it is genuine but cannot be read;
        `ConfigError` where what is needed to check it is not set, or the connector has no notices.
        """
        ...

    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Create or bring up to date our fields, their group and permission set; a second call changes nothing."""
        ...

    def deprovision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Take them away again."""
        ...

    def write(self, request: WriteRequest) -> list[Outcome]:
        """Write; one outcome per record, in the order given. Never creates or deletes a record, never touches another
        field. A record that holds the values already is `same`, one that holds neither them nor what was expected is
        `conflict` and stays as it is. A lost answer is `unknown`; so is, with the code `NOT_SENT`, what was not sent
        because calls failed after something was written. Raises only when the whole call failed and nothing of it was
        written.
        """
        ...

    def await_writes(self, source: str) -> None:
        """Wait until what an earlier process handed over for writing, and left, is done, or call it off. Asked before its
        outcomes are read back; does nothing where every write ends with its call.
        """
        ...

    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        """Present values by account id and label name; accounts that are gone are left out."""
        ...

    def authors(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, Author]]:
        """Who gave these fields their present values, by account id and label name. Left out is what the CRM does not tell: it
        keeps no history of the field, or this user may not read it.
        """
        ...

    def record_url(self, source: str, account_id: str) -> str:
        """Where a person sees the account; empty where there is no page, or before a login told where."""
        ...

    def calls(self) -> Calls:
        """API calls so far."""
        ...

    def quota(self) -> Quota:
        """The daily allowance as last told by the CRM; makes no call."""
        ...

    def close(self) -> None:
        """Give back connections and files."""
        ...


ConnectorFactory = Callable[[Context], Connector]
"""What an entry point of the group `crm_kare.connectors` names."""
