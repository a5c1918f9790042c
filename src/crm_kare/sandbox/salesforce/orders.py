"""Price book and orders of the made-up business: part of it enters what was won as orders too."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from crm_kare.sandbox.generate import Business, Deal, Line
from crm_kare.sandbox.salesforce.errors import RecordError
from crm_kare.sandbox.store import Org, Record

EVERY: Final = 8
"""One company in so many has orders."""

_FIRST_NUMBER: Final = 100
Stamps = Callable[[date, date], Record]


def price_book(records: Org, products: Mapping[str, str]) -> dict[str, str]:
    """The standard price book with an entry for each product; ids of the entries by product name."""
    book = records.insert("Pricebook2", {"Name": "Standard Price Book", "IsActive": 1, "IsStandard": 1}, "")
    return {
        name: records.insert(
            "PricebookEntry",
            {
                "Name": name,
                "Pricebook2Id": book,
                "Product2Id": product,
                "UnitPrice": 50.0 * place,
                "IsActive": 1,
                "ProductCode": name.upper().replace(" ", "-"),
            },
            "",
        )
        for place, (name, product) in enumerate(products.items(), 1)
    }


class OrderBook:
    """Carries the ids while orders are loaded. `owners` and `accounts` are ids by the business's keys."""

    def __init__(self, records: Org, business: Business, stamps: Stamps) -> None:
        self._records = records
        self._stamps = stamps
        self._as_of = business.as_of
        self._deals = [one for one in business.deals if _is_ordered(one)]
        self._ids = records.mint_many("Order", len(self._deals))

    def orders(self, accounts: list[str], owners: list[str]) -> Iterator[Record]:
        """An order for each deal; what lies ahead is a draft."""
        for number, (order_id, deal) in enumerate(zip(self._ids, self._deals, strict=True), _FIRST_NUMBER):
            status = "Draft" if deal.closed_on > self._as_of else "Activated"
            stamps = self._stamps(deal.closed_on, deal.closed_on)
            yield {
                "_id": order_id,
                "AccountId": accounts[deal.company or 0],
                "OrderNumber": f"{number:08d}",
                "Name": deal.name[:80].strip(),
                "EffectiveDate": deal.closed_on.isoformat(),
                "Status": status,
                "StatusCode": status,
                "TotalAmount": sum(one.amount for one in deal.lines) / 100,
                "IsReductionOrder": 0,
                "ActivatedDate": stamps["_created"] if status == "Activated" else None,
                "OwnerId": owners[deal.owner],
                **stamps,
            }

    def items(self, products: Mapping[str, str], entries: Mapping[str, str]) -> Iterator[Record]:
        """What was ordered."""
        lines = [(order, deal, one) for order, deal in zip(self._ids, self._deals, strict=True) for one in deal.lines]
        ids = self._records.mint_many("OrderItem", len(lines))
        for number, (item_id, (order_id, deal, line)) in enumerate(zip(ids, lines, strict=True), _FIRST_NUMBER):
            yield {
                "_id": item_id,
                "OrderId": order_id,
                "PricebookEntryId": entries[line.product],
                "Product2Id": products[line.product],
                "OrderItemNumber": f"{number:010d}",
                **_prices(line),
                **self._stamps(deal.closed_on, deal.closed_on),
            }


def _is_ordered(deal: Deal) -> bool:
    return deal.stage.is_won and bool(deal.lines) and deal.company is not None and deal.company % EVERY == 0


def _prices(line: Line) -> Record:
    price = round(line.amount / 100 / line.quantity, 2)
    return {"Quantity": line.quantity, "UnitPrice": price, "ListPrice": price, "TotalPrice": line.amount / 100}


def priced(name: str, after: Mapping[str, Any], values: Mapping[str, Any]) -> Record:
    """What follows from the values of an order or of one of its items; `after` is the record as it will be."""
    if name == "Order":
        return {"StatusCode": str(after["Status"]), "TotalAmount": after["TotalAmount"] or 0.0}
    if name == "OrderItem" and {"Quantity", "UnitPrice"} & set(values):
        price = after["UnitPrice"] or 0.0
        return {"ListPrice": after["ListPrice"] or price, "TotalPrice": round(after["Quantity"] * price, 2)}
    return {}


def numbered(records: Org, name: str) -> Record:
    """The number that a new order, or item, is given."""
    column, digits = {"Order": ("OrderNumber", 8), "OrderItem": ("OrderItemNumber", 10)}[name]
    return {column: f"{_FIRST_NUMBER + records.count(name, deleted=None):0{digits}d}"}


def add_up(records: Org, order_id: str, who: str) -> None:
    """Bring an order's total up to date with its items."""
    total = sum(one["TotalPrice"] or 0 for one in records.select("OrderItem", "OrderId = ?", (order_id,)))
    records.update("Order", order_id, {"TotalAmount": round(total, 2)}, who)


def order_fault(records: Org, before: Mapping[str, Any], after: Mapping[str, Any]) -> RecordError | None:
    """Orders begin as drafts, and are activated once they have items."""
    if after["Status"] != "Activated" or before.get("Status") == "Activated":
        return None
    if "_id" not in before:
        return RecordError("FAILED_ACTIVATION", "Orders can only be created with a status of Draft", ("Status",))
    if records.count("OrderItem", "OrderId = ?", (before["_id"],)):
        return None
    return RecordError("FAILED_ACTIVATION", "An order must have at least one product.", ("Status",))
