"""Fills a portal with a generated business, in HubSpot's words: stages, pipelines, date-times, links."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from crm_kare.sandbox.generate import Business, Company, Deal, Line, Person, Stage
from crm_kare.sandbox.hubspot.calculated import calculated, plain
from crm_kare.sandbox.hubspot.definitions import DEALS, OBJECT_TYPES, Option, Property
from crm_kare.sandbox.hubspot.links import OPPOSITE
from crm_kare.sandbox.hubspot.pipelines import PIPELINES, stage_id
from crm_kare.sandbox.hubspot.portal import Portal, moment
from crm_kare.sandbox.hubspot.values import stamp
from crm_kare.sandbox.hubspot.watching import PortalOrg
from crm_kare.sandbox.hubspot.webhooks.listening import listen
from crm_kare.sandbox.hubspot.words import BUYING_ROLES, DEAL_TYPES, INDUSTRY_CODES, PIPELINE_IDS, PRODUCT_LINES
from crm_kare.sandbox.state import Sandbox
from crm_kare.sandbox.store import FieldDef, Org

_FIRST: Final = {
    "companies": 20_000_000_000,
    "deals": 30_000_000_000,
    "contacts": 40_000_000_000,
    "line_items": 50_000_000_000,
    "products": 60_000_000_000,
    "tasks": 70_000_000_000,
    "orders": 80_000_000_000,
    "owners": 700_000_000,
}
"""Ids are numbers beyond 32 bits, of one length in each object type, with gaps."""

FIRST_USER: Final = 61_000_000
_STEP: Final = 7
_SECOND_COMPANY: Final = 97
"""Every so-manieth deal has a second company beside the primary one."""

_LINE_OPTIONS: Final = tuple(Option(one, one) for one in PRODUCT_LINES)
CUSTOM: Final[dict[str, tuple[Property, ...]]] = {
    "companies": (
        Property("annual_wallet", "Annual wallet", "number", "number"),
        Property("sites", "Number of sites", "number", "number"),
        Property("contract_renewal", "Contract renewal", "date", "date"),
    ),
    "contacts": (
        Property(
            "in_favour",
            "In favour of us",
            "bool",
            "booleancheckbox",
            options=(Option("true", "Yes"), Option("false", "No")),
        ),
    ),
    "line_items": (Property("product_line", "Product line", "enumeration", "select", options=_LINE_OPTIONS),),
    "products": (Property("product_line", "Product line", "enumeration", "select", options=_LINE_OPTIONS),),
}
"""What this customer added to the standard properties."""


def record_id(name: str, serial: int) -> str:
    """The id of an object type's record with this serial number, which begins at 1."""
    return str(_FIRST[name] + serial * _STEP)


def load(sandbox: Sandbox, business: Business) -> None:
    """Define the portal and fill it; its `Portal` is then in `sandbox.sides`."""
    org = PortalOrg(sandbox.store, "hubspot", record_id, 1)
    sandbox.store.orgs["hubspot"] = org
    portal = Portal(org, PIPELINES, sandbox.faults)
    listen(portal)
    _define(portal)
    _Loader(portal, business).run()
    sandbox.sides["hubspot"] = portal


def _define(portal: Portal) -> None:
    made = stamp(datetime(2019, 3, 4, 8, 15, 30, 250_000, UTC))
    for kind in OBJECT_TYPES:
        own = (
            replace(one, group=kind.group.name, defined_by_hubspot=False, created=made, updated=made)
            for one in CUSTOM.get(kind.name, ())
        )
        portal.org.define(kind.name, [one.as_field() for one in (*kind.properties, *own)])
    owner = ("email", "firstName", "lastName", "userId", "team", "teamId")
    portal.org.define("owners", [FieldDef(name, name, "string") for name in owner])


class _Loader:
    """The way of one business into one portal."""

    def __init__(self, portal: Portal, business: Business) -> None:
        self.portal = portal
        self.business = business
        self._now = portal.org.now_ms()

    @property
    def _org(self) -> Org:
        return self.portal.org

    def run(self) -> None:
        """Records first, then the links between them."""
        self._load("owners", (self._owner(one.key) for one in self.business.reps))
        companies, deals = self.business.companies, self.business.deals
        owned = Counter(one.company for one in deals)
        known = Counter(one.company for one in self.business.people)
        children = Counter(one.parent for one in companies)
        counts = [(owned[one.key], known[one.key], children[one.key]) for one in companies]
        self._load("companies", map(self._company, companies, counts))
        self._load("deals", map(self._deal, deals))
        self._load("contacts", map(self._contact, self.business.people))
        self._load_lines()
        self._link()

    def _load(self, name: str, records: Iterable[dict[str, Any]]) -> None:
        held = list(records)
        for one, one_id in zip(held, self._org.mint_many(name, len(held)), strict=True):
            one["_id"] = one_id
        self._org.load(name, held)

    def _owner(self, key: int) -> dict[str, Any]:
        rep = self.business.reps[key]
        teams = sorted({one.team for one in self.business.reps})
        return {
            "email": rep.email,
            "firstName": rep.first_name,
            "lastName": rep.last_name,
            "userId": str(FIRST_USER + key),
            "team": rep.team,
            "teamId": str(9_000_001 + teams.index(rep.team)),
            "_deleted": int(not rep.active),
        }

    def _company(self, one: Company, counts: tuple[int, int, int]) -> dict[str, Any]:
        return {
            "name": one.name,
            "domain": one.domain,
            "website": f"https://{one.domain}" if one.domain else None,
            "phone": one.phone,
            "industry": INDUSTRY_CODES[one.industry] if one.industry else None,
            "country": one.country,
            "city": one.city,
            "numberofemployees": _number(one.employees),
            "annualrevenue": _number(one.revenue),
            "annual_wallet": _number(one.wallet),
            "sites": _number(one.sites),
            "contract_renewal": one.renewal_on.isoformat() if one.renewal_on else None,
            "type": "PARTNER" if one.segment == "Partner" else "PROSPECT" if one.kind == "Prospect" else None,
            "lifecyclestage": {"Customer": "customer", "Prospect": "lead"}.get(one.kind or ""),
            "hubspot_owner_id": record_id("owners", one.owner + 1),
            "hs_parent_company_id": None if one.parent is None else record_id("companies", one.parent + 1),
            "num_associated_deals": str(counts[0]) if counts[0] else None,
            "num_associated_contacts": str(counts[1]) if counts[1] else None,
            "hs_num_child_companies": str(counts[2]) if counts[2] else None,
            **self._stamps(one.created_on, one.created_on, one.key),
        }

    def _deal(self, one: Deal) -> dict[str, Any]:
        pipeline = PIPELINE_IDS[one.pipeline]
        values: dict[str, Any] = {
            "dealname": one.name,
            "amount": _money(one.amount),
            "closedate": stamp(moment(self._at(one.closed_on, one.key))),
            "pipeline": pipeline,
            "dealstage": stage_id(pipeline, one.stage),
            "dealtype": DEAL_TYPES.get(one.type or ""),
            "deal_currency_code": self.portal.settings.currency,
            "hubspot_owner_id": record_id("owners", one.owner + 1),
            "closed_lost_reason": "No decision" if one.stage is Stage.LOST_NO_DECISION else None,
            "hs_primary_associated_company": None if one.company is None else record_id("companies", one.company + 1),
            "hs_num_of_associated_line_items": str(len(one.lines)) if one.lines else None,
        }
        return values | calculated(self.portal, DEALS, values) | self._stamps(one.created_on, one.closed_on, one.key)

    def _contact(self, one: Person) -> dict[str, Any]:
        role = BUYING_ROLES.get(one.role or "")
        return {
            "firstname": one.first_name,
            "lastname": one.last_name,
            "email": one.email,
            "jobtitle": one.title,
            "hs_buying_role": role,
            "in_favour": None if one.favourable is None else str(one.favourable).lower(),
            "associatedcompanyid": record_id("companies", one.company + 1),
            "hubspot_owner_id": record_id("owners", self.business.companies[one.company].owner + 1),
        }

    def _load_lines(self) -> None:
        lines = [(deal, line) for deal in self.business.deals for line in deal.lines]
        products = {line.product: line.family for _, line in lines}
        self._load("products", ({"name": name, "product_line": products[name]} for name in sorted(products)))
        ids = {name: record_id("products", place) for place, name in enumerate(sorted(products), 1)}
        self._load("line_items", (self._line(deal, line, ids[line.product]) for deal, line in lines))

    def _line(self, deal: Deal, line: Line, product: str) -> dict[str, Any]:
        values = {
            "name": line.product,
            "hs_product_id": product,
            "product_line": line.family,
            "quantity": str(line.quantity),
            # The line's total is what counts; its unit price is rounded from it.
            "price": plain(round(Decimal(line.amount) / 100 / line.quantity, 6)),
            "amount": _money(line.amount),
            "hs_line_item_currency_code": self.portal.settings.currency,
        }
        return values | self._stamps(deal.created_on, deal.closed_on, deal.key)

    def _stamps(self, created: date, changed: date, key: int) -> dict[str, Any]:
        now = self._now
        made = min(now, self._at(created, key))
        return {
            "_created": made,
            "_modified": min(now, max(made, self._at(changed, key))),
            "_created_by": "import",
            "_modified_by": "import",
        }

    def _at(self, day: date, key: int) -> int:
        """Some time of that day in the portal's time zone, in milliseconds: in UTC it may be the day before.

        Never the last hour, for the day may be one in spring that has no 24 of them.
        """
        return (
            _midnight(day, self.portal.settings.timezone)
            + (key * 5 % 23 * 60 + key * 17 % 60) * 60_000
            + (0 if key % 3 else 120)
        )

    def _link(self) -> None:
        self._tie("deals", "companies", self._deal_links())
        self._tie("companies", "companies", self._family_links())
        self._tie("contacts", "companies", self._contact_links())
        self._tie("deals", "line_items", self._line_links())

    def _tie(self, source: str, target: str, links: Iterator[tuple[str, str, str]]) -> None:
        held = sorted(links)
        self._org.link(source, target, held)
        self._org.link(target, source, sorted((there, here, OPPOSITE[kind]) for here, there, kind in held))

    def _deal_links(self) -> Iterator[tuple[str, str, str]]:
        companies = len(self.business.companies)
        for one in self.business.deals:
            if one.company is None:
                continue
            deal = record_id("deals", one.key + 1)
            yield deal, record_id("companies", one.company + 1), "5"
            yield deal, record_id("companies", one.company + 1), "341"
            if one.key % _SECOND_COMPANY == 0 and companies > 1:
                yield deal, record_id("companies", (one.company + 1) % companies + 1), "341"

    def _family_links(self) -> Iterator[tuple[str, str, str]]:
        for one in self.business.companies:
            if one.parent is not None:
                yield record_id("companies", one.key + 1), record_id("companies", one.parent + 1), "14"

    def _contact_links(self) -> Iterator[tuple[str, str, str]]:
        for one in self.business.people:
            for kind in ("1", "279"):
                yield record_id("contacts", one.key + 1), record_id("companies", one.company + 1), kind

    def _line_links(self) -> Iterator[tuple[str, str, str]]:
        serial = 0
        for deal in self.business.deals:
            for _ in deal.lines:
                serial += 1
                yield record_id("deals", deal.key + 1), record_id("line_items", serial), "19"


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _money(cents: int | None) -> str | None:
    return None if cents is None else plain(Decimal(cents) / 100)


@cache
def _midnight(day: date, timezone: str) -> int:
    return round(datetime.combine(day, time(), ZoneInfo(timezone)).timestamp() * 1000)
