"""The columns of our streams (what is pulled) and of the facts (what is computed), each with its meaning.

The mapping maps CRM fields to stream columns; rulebook expressions may name any account column and any fact.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Type of a column. `number` and `money` are DECIMAL(18, 4) wherever they are typed; money is never a float."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    BOOL = "bool"


@dataclass(frozen=True)
class Column:
    """One column: its name, type, and what it means in one sentence."""

    name: str
    kind: Kind
    help: str
    required: bool = False


@dataclass(frozen=True)
class Stream:
    """What is pulled as one table; `id` names its key column."""

    name: str
    id: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name; `KeyError` where there is none."""
        return {column.name: column for column in self.columns}[name]


EXTRA_PREFIX: Final = "x_"
"""In the mirror, an admin's own mapped field `erp_class` stands as `x_erp_class`; in expressions as `erp_class`."""

PRESENT_PREFIX: Final = "crm_"
"""In the mirror, the CRM's present value of the label `Profile` stands as `crm_Profile`."""

FORMER_PREFIX: Final = "former_"
"""In the mirror, what people typed into a field in which their label lay before stands as `former_0_Override`, the newest first."""

_T, _N, _M, _D, _B = Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.BOOL

_ACCOUNTS = Stream(
    "accounts",
    "account_id",
    (
        Column("account_id", _T, "The account's id in the CRM.", required=True),
        Column("name", _T, "The account's name."),
        Column("owner_id", _T, "Id of the rep who owns the account."),
        Column("owner", _T, "Name of the rep, where the CRM gives it on the account; else from the owners stream."),
        Column("parent_id", _T, "Id of the parent account."),
        Column("affiliate_id", _T, "Id of an affiliate or joint venture that this account belongs with."),
        Column("is_customer", _B, "Whether the CRM calls the account a customer."),
        Column("in_scope", _B, "False for accounts nobody should sell to; unmapped means all are in scope."),
        Column("industry", _T, "Industry or sector."),
        Column("country", _T, "Country of the account."),
        Column("segment", _T, "Record type or the like, where sellers of different rhythm share the CRM."),
        Column("employees", _N, "Number of employees."),
        Column("annual_revenue", _M, "The company's own sales per year."),
        Column("currency", _T, "ISO code of the account's money columns; empty = the home currency."),
        Column("created_on", _D, "Day the account was created in the CRM."),
        Column("domain", _T, "Web domain."),
        Column("wallet", _M, "What it buys of like products per year, from us and from others."),
        Column("potential", _M, "Growth in money it offers per year."),
        Column("margin", _N, "Margin or price level, in per cent."),
        Column("sites", _N, "Number of sites or branches in the country."),
        Column("market", _T, "Market it sells to or belongs to."),
        Column("challenge", _T, "Application challenge it has."),
        Column("strategic_value", _B, "Whether it has strategic value for us."),
        Column("favourable_contact", _B, "Whether a decision-maker is still in favour of us."),
        Column("still_using", _B, "Whether it still uses what it bought."),
        Column("renewal_on", _D, "Day its contract is due for renewal."),
        Column("contract_months", _N, "Length of its contract in months."),
        Column("has_problem", _B, "Whether it has a problem that our product or service solves."),
        Column("budget_confirmed", _B, "Whether its budget is confirmed."),
        Column("terms", _T, "Terms it requires."),
        Column("shipping", _T, "Shipping requirements."),
        Column("quality", _T, "Quality requirements."),
        Column("channel", _T, "Channel model."),
        Column("service", _T, "Service requirements."),
        Column("cultural_fit", _B, "Whether it fits our culture."),
        Column("usage", _N, "Usage of what it bought, in the unit you map."),
    ),
)

_OPPORTUNITIES = Stream(
    "opportunities",
    "opportunity_id",
    (
        Column("opportunity_id", _T, "The opportunity's id in the CRM.", required=True),
        Column("account_id", _T, "Id of the account it belongs to.", required=True),
        Column("name", _T, "The opportunity's name."),
        Column("stage", _T, "Stage as the CRM names it."),
        Column("is_won", _B, "Whether the CRM counts it as won."),
        Column("is_closed", _B, "Whether the CRM counts it as closed."),
        Column("outcome", _T, "won, lost or open; mapped from the stage where the CRM has no such flags."),
        Column("closed_on", _D, "Close day: when it was won or lost, or is expected to."),
        Column("created_on", _D, "Day it was created."),
        Column("amount", _M, "Amount in the opportunity's currency."),
        Column("amount_home", _M, "Amount in the organisation's home currency, where the CRM computes it."),
        Column("currency", _T, "ISO code of the amount; empty = the home currency."),
        Column("type", _T, "Deal type as the CRM names it; the mapping says which are expansion or renewal."),
        Column("pipeline", _T, "Pipeline or record type."),
        Column("product_line", _T, "Product line, where one deal sells one line and line items are not mapped."),
        Column("probability", _N, "Probability in per cent."),
    ),
)

_PURCHASES = Stream(
    "purchases",
    "purchase_id",
    (
        Column("purchase_id", _T, "Id of the order, invoice or line.", required=True),
        Column("account_id", _T, "Id of the account that bought.", required=True),
        Column("bought_on", _D, "Day of the order or invoice."),
        Column("amount", _M, "Amount; negative = credit."),
        Column("currency", _T, "ISO code of the amount; empty = the home currency."),
        Column("product_line", _T, "Product line bought."),
        Column("pipeline", _T, "Record type or channel of the order."),
    ),
)

_LINE_ITEMS = Stream(
    "line_items",
    "line_item_id",
    (
        Column("line_item_id", _T, "The line's id in the CRM.", required=True),
        Column("opportunity_id", _T, "Id of the opportunity it belongs to.", required=True),
        Column("product_line", _T, "Product line or family."),
        Column("amount", _M, "Line total in the opportunity's currency."),
        Column("quantity", _N, "Quantity."),
    ),
)

_CONTACTS = Stream(
    "contacts",
    "contact_id",
    (
        Column("contact_id", _T, "The contact's (or contact role's) id in the CRM.", required=True),
        Column("account_id", _T, "Id of the account.", required=True),
        Column("role", _T, "Role in decisions."),
        Column("decision_maker", _B, "Whether the contact decides."),
        Column("favourable", _B, "Whether the contact is in favour of us."),
    ),
)

_OWNERS = Stream(
    "owners",
    "owner_id",
    (
        Column("owner_id", _T, "The user's id in the CRM.", required=True),
        Column("name", _T, "The user's name."),
        Column("team", _T, "The user's team."),
        Column("active", _B, "Whether the user is active."),
    ),
)

STREAMS: Final[dict[str, Stream]] = {
    stream.name: stream for stream in (_ACCOUNTS, _OPPORTUNITIES, _PURCHASES, _LINE_ITEMS, _CONTACTS, _OWNERS)
}
"""Every stream by name. `accounts` is always mapped; of `opportunities` and `purchases` at least one."""

FACTS: Final[dict[str, Column]] = {
    column.name: column
    for column in (
        Column("events", _N, "Days with a purchase, ever."),
        Column("events_window", _N, "Days with a purchase in the window."),
        Column("first_event_on", _D, "Day of the first purchase."),
        Column("last_event_on", _D, "Day of the last purchase."),
        Column("silent_days", _N, "Days since the last purchase."),
        Column("expected_gap_days", _N, "Days expected between two purchases."),
        Column("overdue", _N, "Silence divided by the expected gap."),
        Column("effective_orders", _N, "Purchases in the window, halved for every two expected gaps of silence."),
        Column("revenue_window", _M, "Revenue in the window."),
        Column("revenue_365", _M, "Revenue of the last 365 days."),
        Column("revenue_prior_365", _M, "Revenue of the 365 days before those."),
        Column("revenue_ever", _M, "Revenue since records begin."),
        Column("largest_order", _M, "Largest purchase day in the window."),
        Column("growth_percent", _N, "Revenue of the last 365 days against the 365 before, in per cent."),
        Column("product_lines", _N, "Distinct product lines bought in the window."),
        Column(
            "wallet_share", _N, "Yearly revenue in per cent of the wallet: window revenue × 365 ÷ days of the window."
        ),
        Column("open_pipeline", _M, "Sum of the open opportunities."),
        Column("open_opportunities", _N, "Number of open opportunities not overdue by 90 days."),
        Column("largest_open", _M, "Largest open opportunity."),
        Column("has_bought", _B, "Whether it ever bought."),
        Column("lapsed", _B, "Whether it is silent beyond its rhythm or renewal."),
        Column("group_accounts", _N, "Accounts under the same ultimate parent, itself included."),
        Column("is_target", _B, "Whether a person set it as target."),
    )
}
"""Every fact an expression may name, beside the account columns and the admin's own mapped fields."""
