"""The HubSpot connector: what the calls mean for the core."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from crm_kare.errors import AccessError
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
from crm_kare_hubspot.authors import authors
from crm_kare_hubspot.check import check
from crm_kare_hubspot.client import API_URL, Call, Client
from crm_kare_hubspot.columns import PRODUCT, pseudo_fields
from crm_kare_hubspot.definitions import Definitions
from crm_kare_hubspot.fill import fill_rates
from crm_kare_hubspot.kept import KeptTypes
from crm_kare_hubspot.lists import word_of
from crm_kare_hubspot.names import field_name
from crm_kare_hubspot.notices import SECRET, told
from crm_kare_hubspot.owners import owner_fields
from crm_kare_hubspot.paths import type_id
from crm_kare_hubspot.provision import provision
from crm_kare_hubspot.pull import Puller
from crm_kare_hubspot.records import BATCH
from crm_kare_hubspot.removal import deprovision
from crm_kare_hubspot.scopes import all_missing, areas
from crm_kare_hubspot.single import single, single_owners
from crm_kare_hubspot.site import Site
from crm_kare_hubspot.write import MOST, read, write
from crm_kare_hubspot.write_batch import Job

_APP: Final = "app.hubspot.com"

_LAG: Final = 60.0
"""Seconds for which search may not show a write; 30 and more were seen."""

_MANY: Final = 10_000
"""Accounts from which on a plan is handed over in large pieces: at the end of each, some of the batches at work wait."""

CAPABILITIES: Final = Capabilities(
    streams=frozenset(STREAMS), write_batch=MOST, bulk_from=_MANY, bulk_batch=_MANY, lag=_LAG
)


class HubSpotConnector:
    """One portal. Options of the mapping: `api_version` (`v3`, or a date such as `2026-09`), `overlap_seconds` (for the
    lag of HubSpot's search, 60), `archived_pages` (pages of the archived list read at each pull, 2), `export_from` (records
    from which on all of them are read from an exported file; 0 for never), `lists` (true, or the word before their names:
    `provision` makes active lists by profile; false).
    """

    capabilities = CAPABILITIES

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = Client(context)
        self._definitions = Definitions(self._client, KeptTypes(context))
        self._puller = Puller(self._client, self._definitions, context)
        self._organisation: Organisation | None = None

    def field_name(self, label: Label, prefix: str) -> str:
        """See `crm_kare_hubspot.names`."""
        return field_name(label, prefix)

    def organisation(self) -> Organisation:
        """The portal: one call, the first time."""
        if self._organisation is None:
            told = self._client.ask(Call("GET", self._client.paths.account(), "account-info")).body
            portal = str(told.get("portalId", ""))
            self._client.allowance.of_portal(portal)
            self._organisation = Organisation(
                id=portal,
                name=f"HubSpot portal {portal}",
                timezone=str(told.get("timeZone") or "UTC"),
                currency=str(told.get("companyCurrency") or ""),
                url=self._address(str(told.get("uiDomain") or _APP)),
            )
        return self._organisation

    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        """See `crm_kare_hubspot.check`."""
        return check(self._client, self._definitions, self._context, specs, fields)

    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        """Properties and our pseudo-fields; fill rates come from a sample of the newest records."""
        if source == "owners":
            return owner_fields()
        known = self._definitions.properties(source)
        filled = self._filled(source, known) if fill_rates else {}
        plain = [one.info(filled.get(one.name)) for one in known.values()]
        return [*plain, *pseudo_fields(source), *self._product_fields(source)]

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """See `crm_kare_hubspot.pull`."""
        try:
            yield from self._puller.pages(spec, cursor)
        except AccessError as error:
            asked = areas(self._client, self._context.specs or (spec,), "", writes=False)
            raise all_missing(self._client, error, asked) from None

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        """By batches of 100, with their associations."""
        if spec.source == "owners":
            return single_owners(self._client, spec, ids)
        return single(self._puller.prepared(spec), ids)

    def notified(
        self, notice: Notice, specs: Sequence[StreamSpec], fields: Sequence[LabelField], organisation: str
    ) -> Told:
        """See `crm_kare_hubspot.notices`."""
        context = self._context
        return told(
            notice,
            address=context.webhooks,
            secret=context.credentials.get(SECRET),
            now=context.clock.now(),
            specs=specs,
            fields=fields,
            organisation=organisation,
        )

    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """See `crm_kare_hubspot.provision`."""
        return provision(self._site(source, dry_run=dry_run), fields)

    def deprovision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        """See `crm_kare_hubspot.removal`."""
        return deprovision(self._site(source, dry_run=dry_run), fields)

    def write(self, request: WriteRequest) -> list[Outcome]:
        """See `crm_kare_hubspot.write`."""
        return write(Job(self._client, self._context.clock, self._context.crm, request, self._definitions))

    def await_writes(self, source: str) -> None:
        """Nothing to wait for: a write ends with its call."""

    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        """Present values, by batches of 100."""
        found: dict[str, Mapping[str, str | None]] = {}
        for start in range(0, len(account_ids), BATCH):
            found |= read(self._client, source, account_ids[start : start + BATCH], fields)
        return found

    def authors(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, Author]]:
        """By the property history."""
        return authors(self._client, source, account_ids, fields)

    def record_url(self, source: str, account_id: str) -> str:
        """The record's page in HubSpot's own interface."""
        portal = self.organisation()
        return f"{portal.url}/contacts/{portal.id}/record/{type_id(source)}/{account_id}"

    def calls(self) -> Calls:
        """Calls so far."""
        return self._client.calls()

    def quota(self) -> Quota:
        """The day's allowance."""
        return self._client.quota()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _address(self, domain: str) -> str:
        """The interface's address: on loopback, where no interface of HubSpot's is, the same host as the API."""
        host = self._client.host()
        return host if host != API_URL and urlsplit(host).scheme == "http" else f"https://{domain}"

    def _product_fields(self, source: str) -> list[FieldInfo]:
        """What a line's product tells; nothing where the scope for products is not granted."""
        if source not in {"line_items", "0-8"}:
            return []
        try:
            known = self._definitions.properties("products").values()
        except AccessError:
            return []
        return [replace(one.info(), name=f"{PRODUCT}{one.name}", updateable=False) for one in known]

    def _site(self, source: str, *, dry_run: bool) -> Site:
        word = word_of(self._context.options.get("lists", False))
        return Site(self._client, self._definitions, source, dry_run, word)

    def _filled(self, source: str, names: Mapping[str, object]) -> Mapping[str, float]:
        return fill_rates(self._client, source, sorted(names))
