"""The values HubSpot sets itself: closed, won, probability and home-currency amount of a deal, amount of a line item."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.portal import Portal


def calculated(portal: Portal, kind: ObjectType, record: Mapping[str, Any]) -> dict[str, str | None]:
    """The read-only values that follow from the record's others."""
    if kind.name == "deals":
        return _of_deal(portal, record)
    if kind.name == "line_items":
        return {"amount": _product(record.get("price"), record.get("quantity"))}
    return {}


def _of_deal(portal: Portal, record: Mapping[str, Any]) -> dict[str, str | None]:
    stage = portal.stage(record.get("dealstage"))
    closed = stage is not None and stage.closed
    won = stage is not None and stage.closed and Decimal(stage.probability) == 1
    return {
        "hs_is_closed": _text(holds=closed),
        "hs_is_closed_won": _text(holds=won),
        "hs_is_closed_lost": _text(holds=closed and not won),
        "hs_deal_stage_probability": stage.probability if stage else None,
        "amount_in_home_currency": _at_home(portal, record.get("amount"), record.get("deal_currency_code")),
    }


def _text(*, holds: bool) -> str:
    return "true" if holds else "false"


def _at_home(portal: Portal, amount: str | None, currency: str | None) -> str | None:
    if amount is None or currency in (None, portal.settings.currency):
        return amount
    rate = portal.settings.rates.get(currency)
    return None if rate is None else plain(Decimal(amount) * rate)


def _product(price: str | None, quantity: str | None) -> str | None:
    return None if price is None else plain(Decimal(price) * Decimal(quantity or "1"))


def plain(number: Decimal) -> str:
    """Decimal text as HubSpot keeps numbers: no exponent, no trailing zeros."""
    return format(number.normalize(), "f") if number else "0"
