"""What the rules core is given: canonical tables of one CRM, typed, in one currency."""

from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir

JUDGED_WITH: Final = "judged_with"
"""A further column of `accounts`, where a company stands in several CRMs: a sentence that says so, null for all others."""


@dataclass(frozen=True)
class Streams:
    """Tables with the columns below, whatever the mapping; a column that is not mapped is there and null.

    Attributes:
        accounts: every column of the stream `accounts`, the admin's own as `x_…`, money in the reporting currency; and
            what people set: `override`, `override_reason`, `override_until` (date), `lapse_reason`, `class_override`,
            `target` (bool). One row per account id; accounts outside the mapping's filter are not here.
        opportunities: opportunity_id, account_id, name, outcome (`won`, `lost`, `open`), closed_on, created_on, amount,
            deal_kind (`expansion`, `renewal`, `other`, null = unknown), pipeline, product_line, probability.
        purchases: purchase_id, account_id, bought_on, amount, product_line, pipeline; None where orders are not mapped:
            then won opportunities are the purchases.
        line_items: line_item_id, opportunity_id, product_line, amount, quantity; None where not mapped.
        contacts: contact_id, account_id, role, decision_maker, favourable; None where not mapped.
        owners: owner_id, name, team, active; None where not mapped.
        mapped: names of the account columns that are mapped (`wallet`, `x_erp_class` …) and, with their stream, of the
            others (`opportunities.type`): a question whose field is mapped is asked; else it is "not asked".
        currency: the reporting currency, ISO code.
    """

    accounts: ir.Table
    opportunities: ir.Table
    purchases: ir.Table | None
    line_items: ir.Table | None
    contacts: ir.Table | None
    owners: ir.Table | None
    mapped: frozenset[str]
    currency: str
