"""The HubSpot connector: what the calls mean for the core."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from crm_kare.errors import AccessError, ConfigError
from crm_kare.labels import Label
from crm_kare.model import STREAMS, Outcome, Problem
from crm_kare.ports import (
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
from crm_kare_hubspot.check import check
from crm_kare_hubspot.client import API_URL, Call, Client
from crm_kare_hubspot.columns import PRODUCT, missing, missing_error, owner_fields, pseudo_fields, readers, wanted
from crm_kare_hubspot.cursor import LIST, SEARCH, Position, mark, position
from crm_kare_hubspot.definitions import Definitions, stages_mark
from crm_kare_hubspot.fill import fill_rates
from crm_kare_hubspot.lists import word_of
from crm_kare_hubspot.notices import SECRET, told
from crm_kare_hubspot.owners import owners
from crm_kare_hubspot.paths import type_id
from crm_kare_hubspot.provision import provision
from crm_kare_hubspot.pull import Pull, changes, first, full, onward, renewal
from crm_kare_hubspot.records import BATCH, Products
from crm_kare_hubspot.removal import deprovision
from crm_kare_hubspot.single import single, single_owners
from crm_kare_hubspot.site import Site
from crm_kare_hubspot.write import MOST, read, write
from crm_kare_hubspot.write_batch import Job

_OVERLAP: Final = 120
_ARCHIVED_PAGES: Final = 2
_APP: Final = "app.hubspot.com"

CAPABILITIES: Final = Capabilities(streams=frozenset(STREAMS), write_batch=MOST)


class HubSpotConnector:
    """One portal. Options of the mapping: `api_version` (`v3`, or a date such as `2026-09`), `overlap_seconds` (for the
    lag of HubSpot's search, 120), `archived_pages` (pages of the archived list read at each pull, 2), `lists` (true, or the
    word before their names: `provision` makes active lists by profile; false).
    """

    capabilities = CAPABILITIES

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = Client(context)
        self._definitions = Definitions(self._client)
        self._organisation: Organisation | None = None

    def field_name(self, label: Label, prefix: str) -> str:
        """`kare_profile`, `icp_score`: HubSpot allows lower-case letters, digits and underscores."""
        return f"{prefix if label.prefixed else ''}{label.name}".lower()

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
        """Pages of a stream; a cursor of another mapping, or from before a stage changed its meaning, means all."""
        if spec.source == "owners":
            yield from owners(self._client, spec, first(mark(spec), self._context.clock.now()).text())
            return
        pull = self._prepared(spec)
        at = self._position(pull, cursor)
        yield from full(pull, at) if at.phase == LIST else changes(pull, at)

    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        """By batches of 100, with their associations."""
        if spec.source == "owners":
            return single_owners(self._client, spec, ids)
        return single(self._prepared(spec), ids)

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

    def _prepared(self, spec: StreamSpec) -> Pull:
        known = self._definitions.properties(spec.source)
        if gone := missing(spec, known):
            raise missing_error(spec, gone, known)
        want = wanted(spec)
        if want.products:
            self._require_products(spec)
        stages = self._definitions.stages(spec.source) if want.needs_stages else {}
        return Pull(
            client=self._client,
            spec=spec,
            want=want,
            readers=readers(spec, known, stages),
            stages=stages,
            products=Products(self._client, want.products),
            overlap=timedelta(seconds=self._number("overlap_seconds", _OVERLAP)),
            archived_pages=self._number("archived_pages", _ARCHIVED_PAGES),
        )

    def _require_products(self, spec: StreamSpec) -> None:
        known = self._definitions.properties("products")
        gone = [
            one for one in spec.fields if one.source.startswith(PRODUCT) and one.source[len(PRODUCT) :] not in known
        ]
        if gone:
            raise missing_error(spec, gone, {f"{PRODUCT}{name}": one for name, one in known.items()})

    def _position(self, pull: Pull, cursor: str | None) -> Position:
        now = self._client.now()
        asked = mark(pull.spec, stages_mark(pull.stages))
        at = position(cursor)
        if at is None:
            return first(asked, now)
        if at.mark != asked:
            return renewal(at, asked, now)
        return at if at.phase in {LIST, SEARCH} else onward(at, now, pull.overlap)

    def _number(self, name: str, default: int) -> int:
        given = self._context.options.get(name, default)
        if isinstance(given, bool) or not isinstance(given, int) or given < 0:
            raise ConfigError("This option must be a whole number, 0 or more.", where=name, fix="Correct it.")
        return given
