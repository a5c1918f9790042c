"""The Salesforce connector: what the calls mean for the core."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.labels import Label
from crm_kare.model import STREAMS, Outcome, Problem
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
from crm_kare_salesforce import access, authors, check, provision, readable, record_types, removal, rights
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.faults import our_errors
from crm_kare_salesforce.fields import Objects, field_infos, fill_rates
from crm_kare_salesforce.ingest import Ingest
from crm_kare_salesforce.ingest_notes import Notes
from crm_kare_salesforce.names import field_name
from crm_kare_salesforce.organisation import organisation
from crm_kare_salesforce.pull import Puller, pull_options, single
from crm_kare_salesforce.site import Site
from crm_kare_salesforce.values import long_id
from crm_kare_salesforce.wishes import wishes
from crm_kare_salesforce.write import LOOKED_AT_ONCE, Writer

_BULK_WRITE_FROM: Final = 10_000
_BULK_BATCH: Final = 50_000
_NO_NOTICES: Final = "Salesforce tells of changes to programs that subscribe to its streams; it sends no webhooks."


class SalesforceConnector:
    """One Salesforce org. See `crm_kare.ports.Connector` for what every method promises.

    Options: `api_version` (default 62.0), `overlap_seconds` (how far back an incremental pull looks, default 600),
    `page_size` (200 to 2000), `bulk_from` (pulls of so many records go by query jobs, default 20,000), `bulk_write_from`
    (plans of so many accounts are written by bulk jobs, default 10,000); and of `provision` `assign`, `view_all` and
    `modify_all` (see `wishes`).
    """

    def __init__(self, context: Context) -> None:
        pulls = pull_options(context.options)
        self._crm, self._specs, self._wishes = context.crm, context.specs, wishes(context.options)
        self._state = context.state
        self._given_url = context.credentials.get("SALESFORCE_INSTANCE_URL")
        self._client = Client(context)
        self._objects = Objects(self._client)
        self._puller = Puller(self._client, self._objects, pulls)
        bulk_from = _whole_number(context.options, "bulk_write_from", _BULK_WRITE_FROM)
        self._ingest = Ingest(self._client, Notes(context.state))
        self._writer = Writer(self._client, self._ingest, pulls.overlap, bulk_from)
        self.capabilities = Capabilities(
            frozenset(STREAMS),
            write_batch=LOOKED_AT_ONCE,
            notifies=False,
            reasons={"notifies": _NO_NOTICES},
            bulk_from=bulk_from,
            bulk_batch=_BULK_BATCH,
        )

    def field_name(self, label: Label, prefix: str) -> str:
        """`KARE_Profile__c`; labels without prefix keep their own name: `ICP_Score__c`."""
        return field_name(label, prefix)

    def organisation(self) -> Organisation:
        """The org; its currency and rates where it is a multi-currency one (else Salesforce's REST API does not tell them)."""
        with our_errors("Organization"):
            return organisation(self._client, self._state)

    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        """Login, quota, mapped fields, label fields with their rights and values, and what sharing may hide."""
        return check.findings(self._client, self._objects, self._crm, specs, fields)

    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        """The object's fields from describe: what field-level security hides is not among them."""
        with our_errors(source):
            rates = _rates(self._client, self._objects, source) if fill_rates else {}
            return field_infos(self._objects, source, rates)

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """Pages over REST or from a query job; incremental ones by `SystemModstamp`, deleted and merged records included."""
        with our_errors(f"stream {spec.stream}"):
            yield from self._puller.pages(spec, cursor)

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        """By queries on the id, deleted and merged records included."""
        with our_errors(f"stream {spec.stream}"):
            return single(self._client, self._objects, spec, ids)

    def notified(
        self, notice: Notice, specs: Sequence[StreamSpec], fields: Sequence[LabelField], organisation: str
    ) -> Told:
        """Salesforce sends no webhooks."""
        del notice, specs, fields, organisation
        raise ConfigError(_NO_NOTICES, where=self._crm, fix="Take `webhooks` out of crm-kare.yaml.")

    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Custom fields by the Tooling API, then the two permission sets with their people, then the record types."""
        with our_errors(f"provision {source}"):
            site = Site(self._client, self._objects, source, dry_run)
            made = provision.provision_fields(site, fields)
            reads = readable.reads(self._objects, self._specs)
            steps = made.steps + access.grant(site, fields, reads, self._wishes, made.unmade)
            steps += record_types.widen(site, fields, new_picklists=made.new_picklists)
            steps += rights.left_to_share(site, self._specs)
        self._objects.forget()
        return steps

    def deprovision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """Permission sets first, then the fields and their values; each with what would be lost."""
        with our_errors(f"deprovision {source}"):
            steps = removal.remove(Site(self._client, self._objects, source, dry_run), fields)
        self._objects.forget()
        return steps

    def write(self, request: WriteRequest) -> list[Outcome]:
        """Through sObject Collections or bulk ingest jobs, after asking once which records moved since they were read."""
        if not request.records:
            return []
        with our_errors(f"write {request.source}"):
            return self._writer.write(request)

    def await_writes(self, source: str) -> None:
        """See off bulk jobs that an earlier process left."""
        with our_errors(f"write {source}"):
            self._ingest.leave_none(source)

    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        """Present values by the ids as they were given."""
        with our_errors(f"read {source}"):
            found = self._writer.read(source, account_ids, fields) if account_ids else {}
        return {one: found[long_id(one)] for one in account_ids if long_id(one) in found}

    def authors(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, Author]]:
        """By the field history, of fields that the org tracks."""
        with our_errors(f"history of {source}"):
            return authors.authors(self._client, source, account_ids, fields)

    def record_url(self, source: str, account_id: str) -> str:
        """The record's page in Lightning; empty before the org's address is known."""
        given = self._given_url.get_secret_value() if self._given_url else ""
        root = (self._client.instance_url or given).rstrip("/")
        return f"{root}/lightning/r/{source}/{account_id}/view" if root else ""

    def calls(self) -> Calls:
        """REST calls; logins are not counted, as Salesforce does not count them."""
        return self._client.calls()

    def quota(self) -> Quota:
        """As the last answer's `Sforce-Limit-Info` told."""
        return self._client.quota()

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


def _rates(client: Client, objects: Objects, source: str) -> dict[str, float]:
    """`schema` has a parameter of the function's name."""
    return fill_rates(client, objects, source)


def _whole_number(options: Mapping[str, Any], name: str, otherwise: int) -> int:
    told = options.get(name, otherwise)
    if isinstance(told, int) and not isinstance(told, bool) and told > 0:
        return told
    raise ConfigError(
        f"{name} must be a whole number above 0.", where="mapping: options", fix=f"For example {otherwise}."
    )
