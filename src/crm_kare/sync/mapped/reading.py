"""The whole of it: each stream's raw table in, canonical tables and the problems found on the way out."""

from collections.abc import Mapping as AbstractMapping
from datetime import date

import ibis
import ibis.expr.types as ir

from crm_kare.config.mapping import AccountsMap, DealTypes, Mapping, StreamMap
from crm_kare.errors import ConfigError
from crm_kare.method.streams import Streams
from crm_kare.model import EXTRA_PREFIX, PRESENT_PREFIX, STREAMS, Kind, Problem
from crm_kare.ports import Organisation
from crm_kare.sync.mapped import trouble
from crm_kare.sync.mapped.columns import PEOPLE, empty, folded, typed
from crm_kare.sync.mapped.money import Currencies, code_of, converted, currencies, of_year, with_factor

_OPPORTUNITY = (
    "opportunity_id",
    "account_id",
    "name",
    "outcome",
    "closed_on",
    "created_on",
    "amount",
    "deal_kind",
    "pipeline",
    "product_line",
    "probability",
)
_PURCHASE = ("purchase_id", "account_id", "bought_on", "amount", "product_line", "pipeline")
_LINE = ("line_item_id", "opportunity_id", "product_line", "amount", "quantity")


def streams(
    tables: AbstractMapping[str, ir.Table], mapping: Mapping, organisation: Organisation, as_of: date
) -> tuple[Streams, list[Problem]]:
    """What the rules core is given, and what in the data the mapping does not know.

    Args:
        tables: the mirror's tables by stream name; streams that were not pulled are absent.
        mapping: value maps, filters, deal types, currencies.
        organisation: for its home currency and the rates into it.
        as_of: the day of the judgement; amounts on accounts take the rates of its year.

    Raises:
        ConfigError: the accounts were never pulled.
    """
    if "accounts" not in tables:
        raise ConfigError("there is no mirror of the accounts yet.", fix="Run `crm-kare pull` first.")
    money = currencies(mapping.currency, organisation)
    read = {
        name: typed(tables[name], STREAMS[name], stream) for name, stream in mapping.streams.mapped() if name in tables
    }
    amounts = _money_columns(mapping.streams.accounts)
    accounts = _accounts(read["accounts"], read.get("owners"), amounts, of_year(money, as_of))
    raw_deals = read["opportunities"] if "opportunities" in read else empty(STREAMS["opportunities"])
    deals = _opportunities(raw_deals, money)
    purchases = _purchases(read["purchases"], money) if "purchases" in read else None
    problems = [
        *trouble.not_pulled(tables, mapping),
        *(trouble.stages(raw_deals, mapping) if "opportunities" in read else ()),
        *trouble.rates({"opportunities": deals, "purchases": purchases}, money.reporting),
    ]
    return Streams(
        accounts=accounts,
        opportunities=_with_kind(deals, mapping.deals).select(*_OPPORTUNITY),
        purchases=purchases.select(*_PURCHASE) if purchases is not None else None,
        line_items=_line_items(read["line_items"], raw_deals, money) if "line_items" in read else None,
        contacts=read.get("contacts"),
        owners=read.get("owners"),
        mapped=_mapped(tables, mapping),
        currency=money.reporting,
    ), problems


def _accounts(table: ir.Table, owners: ir.Table | None, amounts: list[str], money: Currencies) -> ir.Table:
    """Money in the reporting currency, owners by name."""
    rated = with_factor(table, code_of(table["currency"], money), ibis.literal(date.min), money)
    values = {name: converted(rated[name], rated["_factor"]) for name in amounts}
    told = rated.mutate(**values, currency=ibis.literal(money.reporting)).select(*table.columns)
    if owners is None:
        return told
    names = owners.select(_owner_id="owner_id", _owner_name="name")
    joined = told.left_join(names, told["owner_id"] == names["_owner_id"])
    return joined.mutate(owner=ibis.coalesce(joined["owner"], joined["_owner_name"])).select(*table.columns)


def _money_columns(accounts: AccountsMap) -> list[str]:
    """Account columns that hold money, the admin's own too."""
    ours = [column.name for column in STREAMS["accounts"].columns if column.kind is Kind.MONEY]
    return ours + [EXTRA_PREFIX + name for name, own in accounts.extra.items() if own.type is Kind.MONEY]


def _opportunities(table: ir.Table, money: Currencies) -> ir.Table:
    """With `amount` in the reporting currency; `amount_own` and `_code` stay for the problems."""
    home = _takes_home_amount(table, money)
    amount = ibis.ifelse(home, table["amount_home"], table["amount"])
    code = ibis.ifelse(home, ibis.literal(money.home), code_of(table["currency"], money))
    rated = with_factor(table.mutate(amount_own=amount), code, table["closed_on"], money)
    return rated.mutate(amount=converted(rated["amount_own"], rated["_factor"]))


def _takes_home_amount(table: ir.Table, money: Currencies) -> ir.Value:
    """The CRM's own conversion counts where it is into the reporting currency, or the only way to it."""
    there = table["amount_home"].notnull()
    if money.home == money.reporting:
        return there
    own = table["currency"].strip().upper().nullif("")
    return there & (own.isnull() | own.notin(sorted(money.convertible)))


def _with_kind(table: ir.Table, deals: DealTypes) -> ir.Table:
    """`deal_kind` from the deal's type; without any type named in the mapping, types tell nothing."""
    if not deals.expansion and not deals.renewal:
        return table.mutate(deal_kind=ibis.null("string"))
    key = folded(table["type"])
    kinds = {"expansion": deals.expansion, "renewal": deals.renewal}
    cases = [
        (key.isin([one.strip().lower() for one in named]), ibis.literal(kind)) for kind, named in kinds.items() if named
    ]
    other = ibis.ifelse(key.isnull(), ibis.null("string"), ibis.literal("other"))
    return table.mutate(deal_kind=ibis.cases(*cases, else_=other))


def _purchases(table: ir.Table, money: Currencies) -> ir.Table:
    rated = with_factor(table, code_of(table["currency"], money), table["bought_on"], money)
    return rated.mutate(amount_own=rated["amount"], amount=converted(rated["amount"], rated["_factor"]))


def _line_items(table: ir.Table, deals: ir.Table, money: Currencies) -> ir.Table:
    """Lines stand in their opportunity's own currency, and take the rate of its close day."""
    parents = deals.select(_deal="opportunity_id", _own=code_of(deals["currency"], money), _closed="closed_on")
    joined = table.left_join(parents, table["opportunity_id"] == parents["_deal"])
    rated = with_factor(joined, joined["_own"], joined["_closed"], money)
    return rated.mutate(amount=converted(rated["amount"], rated["_factor"])).select(*_LINE)


def mapped_names(mapping: Mapping) -> frozenset[str]:
    """Names of what the mapping maps: account columns, own fields as `x_…`, other streams' columns behind their stream's
    name, people's labels in lower case.
    """
    names = {one.lower() for one in mapping.labels.people}
    for name, stream in mapping.streams.mapped():
        front = "" if name == "accounts" else f"{name}."
        names |= {front + column for column in stream.fields.keys() | _own(stream)}
    return frozenset(names)


def _own(stream: StreamMap) -> set[str]:
    return {EXTRA_PREFIX + one for one in stream.fields_of_own()}


def _mapped(tables: AbstractMapping[str, ir.Table], mapping: Mapping) -> frozenset[str]:
    """Names of what is mapped and was pulled; columns of other streams stand behind their stream's name."""
    names: set[str] = set()
    for name, stream in mapping.streams.mapped():
        there = set(tables[name].columns) if name in tables else set()
        front = "" if name == "accounts" else f"{name}."
        names |= {front + column for column in (stream.fields.keys() | _own(stream)) & there}
    present = set(tables["accounts"].columns)
    return frozenset(names | {one.name.lower() for one in PEOPLE if PRESENT_PREFIX + one.name in present})
