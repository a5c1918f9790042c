"""Real exports, where they are there: read whole, with mappings only."""

import resource
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crm_kare.errors import ConfigError
from crm_kare.model import Kind
from crm_kare.ports import Context, SourceField, StreamSpec
from crm_kare.testing.clock import FakeClock
from crm_kare_files import FilesConnector

DATA = Path(__file__).parents[3] / "shared" / "data"


def connector(name: str, tmp_path: Path) -> FilesConnector:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"the data set {name} is not on this machine (../shared/data)")
    return FilesConnector(Context("real", {}, FakeClock(), folder, tmp_path))


def spec(stream: str, source: str, options: dict[str, Any] | None = None, **columns: tuple[str, Kind]) -> StreamSpec:
    fields = tuple(SourceField(column, field, kind) for column, (field, kind) in columns.items())
    return StreamSpec(stream, source, fields, options or {})


def pulled(from_where: FilesConnector, one: StreamSpec) -> pa.Table:
    return pa.Table.from_batches([page.records for page in from_where.pull(one, None)])


def test_crm_maven(tmp_path: Path) -> None:
    maven = connector("crm_maven", tmp_path)
    accounts = spec(
        "accounts",
        "accounts.csv",
        account_id=("account", Kind.TEXT),
        annual_revenue=("revenue", Kind.MONEY),
        employees=("employees", Kind.NUMBER),
        parent_id=("subsidiary_of", Kind.TEXT),
    )
    deals = spec(
        "opportunities",
        "sales_pipeline.csv",
        opportunity_id=("opportunity_id", Kind.TEXT),
        account_id=("account", Kind.TEXT),
        stage=("deal_stage", Kind.TEXT),
        closed_on=("close_date", Kind.DATE),
        amount=("close_value", Kind.MONEY),
    )
    assert maven.check([accounts, deals], []) == []
    assert pulled(maven, accounts).num_rows == 85
    table = pulled(maven, deals)
    assert (table.num_rows, table["account_id"].null_count) == (8800, 1425)
    assert set(table["stage"].to_pylist()) == {"Won", "Lost", "Engaging", "Prospecting"}


@pytest.mark.slow
def test_online_retail_in_flat_memory(tmp_path: Path) -> None:
    shop = connector("online_retail_ii", tmp_path)
    orders = spec(
        "purchases",
        "transactions.parquet",
        purchase_id=("@row", Kind.TEXT),
        account_id=("Customer ID", Kind.TEXT),
        bought_on=("InvoiceDate", Kind.DATE),
        amount=("Price", Kind.MONEY),
        amount_times=("Quantity", Kind.NUMBER),
        product_line=("@last_word(Description)", Kind.TEXT),
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count, total = 0, Decimal(0)
    last: str | None = None
    for page in shop.pull(orders, None):
        count += page.records.num_rows
        prices, quantities = (page.records.column(place).to_pylist() for place in (3, 4))
        total += sum(Decimal(one or 0) * Decimal(other or 0) for one, other in zip(prices, quantities, strict=True))
        last = page.records.column(2).to_pylist()[-1]
        assert page.problems == ()
    assert (count, last) == (1_044_847, "2011-12-09")
    assert 18_000_000 < total < 21_000_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 300_000


def test_customers_out_of_a_file_of_orders(tmp_path: Path) -> None:
    shop = connector("online_retail_ii", tmp_path)
    customers = spec(
        "accounts",
        "transactions.parquet",
        {"distinct": True},
        account_id=("Customer ID", Kind.TEXT),
        country=("Country", Kind.TEXT),
    )
    pages = list(shop.pull(customers, None))
    table = pa.Table.from_batches([page.records for page in pages])
    assert table.num_rows == 5942
    assert "12346" in table["account_id"].to_pylist()
    assert table["country"].null_count == 0
    assert [problem.code for page in pages for problem in page.problems] == ["id-missing"]


def test_northwind_with_its_unquoted_commas(tmp_path: Path) -> None:
    northwind = connector("northwind", tmp_path)
    orders = spec("purchases", "orders.csv", purchase_id=("orderID", Kind.TEXT), bought_on=("orderDate", Kind.DATE))
    with pytest.raises(ConfigError, match=r"orders\.csv:\d+: .* more or fewer cells than the header's 14"):
        pulled(northwind, orders)
    lines = spec(
        "line_items",
        "order-details.csv",
        line_item_id=("@row", Kind.TEXT),
        opportunity_id=("orderID", Kind.TEXT),
        amount=("unitPrice", Kind.MONEY),
    )
    assert pulled(northwind, lines).num_rows == 2155
