"""What a property is, and the properties every portal has from the start."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from crm_kare.sandbox.store import FieldDef
from crm_kare.sandbox.store import Option as Choice


@dataclass(frozen=True)
class Option:
    """One value of an enumeration; writes use `value`, pages show `label`."""

    value: str
    label: str
    hidden: bool = False
    order: int = -1
    description: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the properties API shows it."""
        shown = {"label": self.label, "value": self.value, "displayOrder": self.order, "hidden": self.hidden}
        return shown | ({"description": self.description} if self.description else {})


@dataclass(frozen=True)
class Property:
    """A property definition of one object type.

    `external` lists (owner, stage, pipeline) keep their options elsewhere; `read_only` values are HubSpot's to set.
    """

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    options: tuple[Option, ...] = ()
    description: str = ""
    order: int = -1
    hidden: bool = False
    unique: bool = False
    calculated: bool = False
    external: bool = False
    defined_by_hubspot: bool = True
    read_only: bool = False
    archived: bool = False
    form_field: bool = False
    created: str = ""
    updated: str = ""

    def as_field(self) -> FieldDef:
        """As the store keeps it, the definition itself included."""
        return FieldDef(
            self.name,
            self.label,
            self.type,
            options=tuple(Choice(one.value, one.label, not one.hidden) for one in self.options),
            custom=not self.defined_by_hubspot,
            writable=not self.read_only,
            help=self.description,
            extra={"property": self},
        )

    def as_json(self) -> dict[str, Any]:
        """As the properties API shows it."""
        shown: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [] if self.external else [one.as_json() for one in self.options],
            "displayOrder": self.order,
            "calculated": self.calculated,
            "externalOptions": self.external,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "formField": self.form_field,
            "archived": self.archived,
            "modificationMetadata": self._modification(),
        }
        if self.defined_by_hubspot:
            shown["hubspotDefined"] = True
        else:
            shown |= {"createdAt": self.created, "updatedAt": self.updated, "dataSensitivity": "non_sensitive"}
        return shown

    def _modification(self) -> dict[str, bool]:
        ours = self.defined_by_hubspot
        return {"archivable": not ours, "readOnlyDefinition": ours, "readOnlyValue": self.read_only}


@dataclass(frozen=True)
class Group:
    """A property group, as the record page shows properties together."""

    name: str
    label: str
    order: int = -1
    archived: bool = False

    def as_json(self) -> dict[str, Any]:
        """As the properties API shows it."""
        return {"name": self.name, "label": self.label, "displayOrder": self.order, "archived": self.archived}


@dataclass(frozen=True)
class ObjectType:
    """One CRM object type: its names in addresses, its word in messages, its scopes and default properties.

    `created` and `modified` are the names of its stamps; `required` properties must be set when one is made.
    """

    name: str
    id: str
    singular: str
    scope: str
    group: Group
    defaults: tuple[str, ...]
    properties: tuple[Property, ...] = field(default=())
    modified: str = "hs_lastmodifieddate"
    created: str = "createdate"
    required: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        common = _common(self.created, self.modified)
        placed = (replace(one, group=self.group.name) for one in (*common, *self.properties))
        object.__setattr__(self, "properties", tuple(placed))

    @property
    def word(self) -> str:
        """As messages write it, for example COMPANY."""
        return self.singular.upper()

    @property
    def always(self) -> tuple[str, ...]:
        """Returned whatever was asked for."""
        return (self.created, self.modified, "hs_object_id")


def _text(name: str, label: str, **more: Any) -> Property:
    return Property(name, label, **more)


def _number(name: str, label: str, **more: Any) -> Property:
    return Property(name, label, "number", "number", **more)


def _moment(name: str, label: str, **more: Any) -> Property:
    return Property(name, label, "datetime", "date", **more)


def _bool(name: str, label: str, **more: Any) -> Property:
    return Property(name, label, "bool", "booleancheckbox", options=_BOOL, **more)


def _choice(name: str, label: str, options: tuple[Option, ...] = (), **more: Any) -> Property:
    more = {"field_type": "select"} | more
    return Property(name, label, "enumeration", options=options, **more)


def _options(values: Iterable[tuple[str, str]]) -> tuple[Option, ...]:
    return tuple(Option(value, label, order=order) for order, (value, label) in enumerate(values))


def _titled(values: str) -> tuple[Option, ...]:
    return _options((value, value.replace("_", " ").title()) for value in values.split())


_BOOL: Final = _options((("true", "Yes"), ("false", "No")))
_READ: Final[dict[str, Any]] = {"read_only": True}
_CALC: Final[dict[str, Any]] = {"read_only": True, "calculated": True}

_OWNER: Final = _choice("hubspot_owner_id", "Owner", external=True)

LIFECYCLE: Final = _options(
    (
        ("subscriber", "Subscriber"),
        ("lead", "Lead"),
        ("marketingqualifiedlead", "Marketing Qualified Lead"),
        ("salesqualifiedlead", "Sales Qualified Lead"),
        ("opportunity", "Opportunity"),
        ("customer", "Customer"),
        ("evangelist", "Evangelist"),
        ("other", "Other"),
    )
)

INDUSTRIES: Final = _titled(
    "ACCOUNTING AIRLINES_AVIATION AUTOMOTIVE AVIATION_AEROSPACE BANKING BIOTECHNOLOGY BROADCAST_MEDIA "
    "BUILDING_MATERIALS BUSINESS_SUPPLIES_AND_EQUIPMENT CAPITAL_MARKETS CHEMICALS CIVIL_ENGINEERING "
    "COMMERCIAL_REAL_ESTATE COMPUTER_HARDWARE COMPUTER_NETWORKING COMPUTER_SOFTWARE CONSTRUCTION "
    "CONSUMER_ELECTRONICS CONSUMER_GOODS CONSUMER_SERVICES COSMETICS DAIRY DEFENSE_SPACE DESIGN EDUCATION_MANAGEMENT "
    "ELECTRICAL_ELECTRONIC_MANUFACTURING ENTERTAINMENT ENVIRONMENTAL_SERVICES FACILITIES_SERVICES FARMING "
    "FINANCIAL_SERVICES FISHERY FOOD_BEVERAGES FOOD_PRODUCTION FURNITURE GLASS_CERAMICS_CONCRETE "
    "GOVERNMENT_ADMINISTRATION HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION HOSPITALITY HOSPITAL_HEALTH_CARE "
    "HUMAN_RESOURCES INDUSTRIAL_AUTOMATION INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE INTERNET LAW_PRACTICE "
    "LEISURE_TRAVEL_TOURISM LOGISTICS_AND_SUPPLY_CHAIN LUXURY_GOODS_JEWELRY MACHINERY MANAGEMENT_CONSULTING MARITIME "
    "MARKETING_AND_ADVERTISING MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDIA_PRODUCTION MEDICAL_DEVICES MEDICAL_PRACTICE "
    "MINING_METALS NONPROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY PACKAGE_FREIGHT_DELIVERY PACKAGING_AND_CONTAINERS "
    "PAPER_FOREST_PRODUCTS PHARMACEUTICALS PLASTICS PRINTING PROFESSIONAL_TRAINING_COACHING PUBLISHING RAILROAD_MANUFACTURE "
    "REAL_ESTATE RENEWABLES_ENVIRONMENT RESEARCH RESTAURANTS RETAIL SECURITY_AND_INVESTIGATIONS SEMICONDUCTORS SHIPBUILDING "
    "SPORTING_GOODS SPORTS STAFFING_AND_RECRUITING SUPERMARKETS TELECOMMUNICATIONS TEXTILES TOBACCO "
    "TRANSPORTATION_TRUCKING_RAILROAD UTILITIES VENTURE_CAPITAL_PRIVATE_EQUITY VETERINARY WAREHOUSING WHOLESALE "
    "WINE_AND_SPIRITS WIRELESS WRITING_AND_EDITING"
)

CURRENCIES: Final = tuple(
    Option(code, code)
    for code in [
        "AUD",
        "BRL",
        "CAD",
        "CHF",
        "CNY",
        "DKK",
        "EUR",
        "GBP",
        "INR",
        "JPY",
        "NOK",
        "NZD",
        "PLN",
        "SEK",
        "USD",
    ]
)


def _common(created: str, modified: str) -> tuple[Property, ...]:
    return (
        _moment(created, "Create Date"),
        _moment(modified, "Last Modified Date", **_READ),
        _number("hs_object_id", "Record ID", **_READ),
        _text("hs_merged_object_ids", "Merged record IDs", **_CALC),
        _OWNER,
    )


def _group(name: str, label: str) -> Group:
    return Group(name, label, order=0)


COMPANIES: Final = ObjectType(
    "companies",
    "0-2",
    "company",
    "companies",
    _group("companyinformation", "Company information"),
    ("domain", "name"),
    (
        _text("name", "Company name"),
        _text("domain", "Company Domain Name"),
        _text("website", "Website URL"),
        _text("phone", "Phone Number", type="string", field_type="phonenumber"),
        _text("address", "Street Address"),
        _text("city", "City"),
        _text("state", "State/Region"),
        _text("zip", "Postal Code"),
        _text("country", "Country/Region"),
        _text("description", "Description", field_type="textarea"),
        _text("founded_year", "Year Founded"),
        _text("timezone", "Time Zone"),
        _choice("industry", "Industry", INDUSTRIES),
        _choice("type", "Type", _titled("PROSPECT PARTNER RESELLER VENDOR OTHER")),
        _choice("lifecyclestage", "Lifecycle Stage", LIFECYCLE, field_type="radio"),
        _choice("hs_ideal_customer_profile", "Ideal Customer Profile Tier", _titled("tier_1 tier_2 tier_3")),
        _bool("hs_is_target_account", "Target Account"),
        _bool("is_public", "Is Public"),
        _number("numberofemployees", "Number of Employees"),
        _number("annualrevenue", "Annual Revenue"),
        _number("hs_parent_company_id", "Parent Company", **_CALC),
        _number("hs_num_child_companies", "Number of child companies", **_CALC),
        _number("num_associated_deals", "Number of Associated Deals", **_CALC),
        _number("num_associated_contacts", "Number of Associated Contacts", **_CALC),
    ),
)

DEALS: Final = ObjectType(
    "deals",
    "0-3",
    "deal",
    "deals",
    _group("dealinformation", "Deal information"),
    ("amount", "closedate", "dealname", "dealstage", "pipeline"),
    (
        _text("dealname", "Deal Name"),
        _number("amount", "Amount"),
        _number("amount_in_home_currency", "Amount in company currency", **_CALC),
        _moment("closedate", "Close Date"),
        _choice("dealstage", "Deal Stage", external=True, field_type="radio"),
        _choice("pipeline", "Pipeline", external=True),
        _choice(
            "dealtype",
            "Deal Type",
            _options((("newbusiness", "New Business"), ("existingbusiness", "Existing Business"))),
            field_type="radio",
        ),
        _choice("deal_currency_code", "Currency", CURRENCIES),
        _choice("hs_priority", "Priority", _titled("low medium high")),
        _text("description", "Deal Description", field_type="textarea"),
        _text("closed_lost_reason", "Closed Lost Reason", field_type="textarea"),
        _text("closed_won_reason", "Closed Won Reason", field_type="textarea"),
        _text("hs_next_step", "Next step"),
        _bool("hs_is_closed", "Is Deal Closed?", **_CALC),
        _bool("hs_is_closed_won", "Is Closed Won", **_CALC),
        _bool("hs_is_closed_lost", "Is closed lost", **_CALC),
        _number("hs_deal_stage_probability", "Deal probability", **_CALC),
        _number("hs_primary_associated_company", "Primary Associated Company", **_CALC),
        _number("hs_num_of_associated_line_items", "Number of Associated Line Items", **_CALC),
    ),
)

CONTACTS: Final = ObjectType(
    "contacts",
    "0-1",
    "contact",
    "contacts",
    _group("contactinformation", "Contact information"),
    ("email", "firstname", "lastname"),
    (
        _text("firstname", "First Name"),
        _text("lastname", "Last Name"),
        _text("email", "Email", unique=True),
        _text("phone", "Phone Number", field_type="phonenumber"),
        _text("jobtitle", "Job Title"),
        _number("associatedcompanyid", "Primary Associated Company ID", **_CALC),
        _choice("lifecyclestage", "Lifecycle Stage", LIFECYCLE, field_type="radio"),
        _choice(
            "hs_buying_role",
            "Buying Role",
            _titled(
                "BLOCKER BUDGET_HOLDER CHAMPION DECISION_MAKER END_USER EXECUTIVE_SPONSOR INFLUENCER "
                "LEGAL_AND_COMPLIANCE OTHER"
            ),
            field_type="checkbox",
        ),
        _choice(
            "hs_lead_status",
            "Lead Status",
            _titled("NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING"),
            field_type="radio",
        ),
    ),
    modified="lastmodifieddate",
)

LINE_ITEMS: Final = ObjectType(
    "line_items",
    "0-8",
    "line_item",
    "line_items",
    _group("lineiteminformation", "Line item information"),
    ("amount", "hs_product_id", "name", "price", "quantity"),
    (
        _text("name", "Name"),
        _text("description", "Description", field_type="textarea"),
        _text("hs_sku", "SKU"),
        _number("hs_product_id", "Product ID"),
        _number("quantity", "Quantity"),
        _number("price", "Unit price"),
        _number("discount", "Unit discount"),
        _number("amount", "Net price", **_CALC),
        _choice("hs_line_item_currency_code", "Currency", CURRENCIES),
    ),
)

PRODUCTS: Final = ObjectType(
    "products",
    "0-7",
    "product",
    "products",
    _group("productinformation", "Product information"),
    ("description", "name", "price"),
    (
        _text("name", "Name"),
        _text("description", "Product description", field_type="textarea"),
        _text("hs_sku", "SKU", unique=True),
        _number("price", "Unit price"),
        _choice("hs_product_type", "Product Type", _titled("inventory non_inventory service")),
        _text("hs_folder_name", "Folder"),
    ),
)

TASKS: Final = ObjectType(
    "tasks",
    "0-27",
    "task",
    # Whoever may see contacts may see tasks; there is no scope of their own.
    "contacts",
    _group("task", "Task Information"),
    (),
    (
        _text("hs_task_subject", "Task Title"),
        _text("hs_task_body", "Task Notes", field_type="html"),
        _moment("hs_timestamp", "Due date"),
        _choice("hs_task_status", "Task Status", _titled("NOT_STARTED IN_PROGRESS WAITING COMPLETED DEFERRED")),
        _choice("hs_task_priority", "Priority", _titled("NONE LOW MEDIUM HIGH")),
        _choice("hs_task_type", "Task Type", _titled("TODO CALL EMAIL")),
    ),
    created="hs_createdate",
    required=("hs_timestamp",),
)

ORDERS: Final = ObjectType(
    "orders",
    "0-123",
    "order",
    "orders",
    _group("order_information", "Order information"),
    (),
    (
        _text("hs_order_name", "Order Name"),
        _text("hs_external_order_id", "External order ID"),
        _moment("hs_external_created_date", "External created date"),
        _number("hs_total_price", "Total price"),
        _choice("hs_currency_code", "Currency", CURRENCIES),
        _text("hs_fulfillment_status", "Fulfillment status"),
    ),
)

OBJECT_TYPES: Final = (COMPANIES, DEALS, CONTACTS, LINE_ITEMS, PRODUCTS, ORDERS, TASKS)
"""The object types this portal serves."""

BY_ADDRESS: Final = {
    word: kind for kind in OBJECT_TYPES for word in (kind.name, kind.id, kind.singular, kind.name.upper())
}
"""Object types by any of the words an address may use: `companies`, `company`, `0-2`."""
