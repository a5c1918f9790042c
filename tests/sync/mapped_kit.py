"""Mirrored tables as rows, and what the mapping makes of them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from crm_kare.config.mapping import parse_mapping
from crm_kare.method.streams import Streams
from crm_kare.model import Problem
from crm_kare.ports import Organisation
from crm_kare.sync.mapped import streams

_MONEY = pa.decimal128(18, 4)
_TYPES: Mapping[str, pa.DataType] = {
    **dict.fromkeys(("amount", "amount_home", "wallet", "x_credit", "amount_times", "employees", "quantity"), _MONEY),
    **dict.fromkeys(("closed_on", "bought_on", "crm_Override_Until"), pa.date32()),
    **dict.fromkeys(("is_won", "is_closed", "crm_Target"), pa.bool_()),
}
HEAD = "version: 1\nconnector: files\n"
ACCOUNTS = "streams:\n  accounts: {from: A, fields: {account_id: Id%s}%s}\n"
DEALS = "  opportunities: {from: O, fields: {opportunity_id: Id, account_id: A, is_won: W, is_closed: C%s}%s}\n"
EURO = Organisation("1", "Test", currency="EUR")


def table(*rows: Mapping[str, Any]) -> Any:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        name: pa.array(
            [
                Decimal(row[name]) if _TYPES.get(name) == _MONEY and row.get(name) is not None else row.get(name)
                for row in rows
            ],
            _TYPES.get(name, pa.string()),
        )
        for name in names
    }
    return ibis.memtable(pa.table(columns))


def read(text: str, organisation: Organisation = EURO, **tables: list[dict[str, Any]]) -> tuple[Streams, list[Problem]]:
    return streams(
        {name: table(*rows) for name, rows in tables.items()},
        parse_mapping(text, Path("m.yaml")),
        organisation,
        date(2025, 11, 3),
    )


def rows(expression: Any, *columns: str) -> list[Any]:
    listed = expression.order_by(expression.columns[0]).to_pyarrow().to_pylist()
    return [tuple(row[name] for name in columns) if len(columns) > 1 else row[columns[0]] for row in listed]


def deals(
    text: str = "", fields: str = "", organisation: Organisation = EURO, **columns: Any
) -> tuple[list[Any], list[Problem]]:
    """Amounts of deals given as columns, and the problems."""
    count = len(next(iter(columns.values())))
    given = [
        {"opportunity_id": str(n), "account_id": "1", **{k: v[n] for k, v in columns.items()}} for n in range(count)
    ]
    mapping = HEAD + text + ACCOUNTS % ("", "") + DEALS % (", amount: M" + fields, "")
    told, problems = read(mapping, organisation, accounts=[{"account_id": "1"}], opportunities=given)
    return rows(told.opportunities, "amount"), problems
