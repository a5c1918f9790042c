"""Public data sets, where they are there: labelled with the mappings of docs/examples, as an admin would, without code."""

import csv
import json
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from crm_kare.cli.app import app
from crm_kare.cli.door import ended

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
HELD_FOR = timedelta(days=183)


def run(folder: Path, *words: str) -> int:
    return ended(app, [*words, "--project", str(folder)])


def told(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> dict[str, Any]:
    """The one run that `sync --json` tells of."""
    capsys.readouterr()
    code = run(folder, *words, "--json")
    (one,) = json.loads(capsys.readouterr().out)["runs"]
    return {**one, "code": code}


def project(folder: Path, name: str, files: Sequence[str]) -> Path:
    """A fresh project with the example's mapping and rulebook, and the data set's files linked into `data`."""
    if not (DATA / name).is_dir():
        pytest.skip(f"the data set {name} is not on this machine (../shared/data)")
    assert ended(app, ["init", str(folder), "--crm", "real=files"]) == 0
    (folder / "data").mkdir()
    for one in files:
        (folder / "data" / one).symlink_to(DATA / name / one)
    example = ROOT / "docs" / "examples" / name
    if example.is_dir():
        shutil.copy(example / "mapping.yaml", folder / "mappings" / "files.yaml")
    if (example / "rulebook.yaml").exists():
        shutil.copy(example / "rulebook.yaml", folder / "rulebook.yaml")
    return folder


def labels(folder: Path, as_of: str) -> dict[str, dict[str, Any]]:
    target = folder / f"{as_of}.parquet"
    assert run(folder, "score", "real", "--as-of", as_of, "--format", "parquet", "-o", str(target)) == 0
    return {row["account_id"]: row for row in pq.read_table(target).to_pylist()}


MAVEN = ("accounts.csv", "sales_pipeline.csv", "sales_teams.csv")


@pytest.mark.slow
def test_crm_maven_from_init_to_labels(tmp_path: Path) -> None:
    maven = project(tmp_path / "maven", "crm_maven", MAVEN)
    assert run(maven, "map", "check", "real") == 0
    saved = str(maven / "plan.json")
    assert run(maven, "plan", "real", "--as-of", "2017-12-31", "-o", saved) == 0
    assert not (maven / "kare-labels.csv").exists()
    assert run(maven, "apply", "real", saved) == 0
    with (maven / "kare-labels.csv").open(newline="") as file:
        written = {row["account_id"]: row for row in csv.DictReader(file)}
    assert len(written) == 85
    assert {row["Profile"] for row in written.values()} == {"Keep"}, "every account orders every week"
    assert [name for name, row in written.items() if row["Badge"]] == ["Kinnamplus"]
    assert written["Kinnamplus"]["Reason"].startswith(
        "At risk: lapses on 13 Jan 2018 if nothing is ordered; 37 orders since 2 Mar 2017, last 29 Nov 2017, usually every 7 days"
    )
    assert "software, technology, proposed" in written["Kinnamplus"]["Reasons"], "the typo in the sectors is mapped"

    judged = labels(maven, "2017-12-31")
    assert not any(row["lapsed"] for row in judged.values())
    assert {row["currency"] for row in judged.values()} == {"USD"}
    assert judged["Kan-code"]["class"] == "Key"
    assert judged["Dalttechnology"]["class"] == "SMB"


@pytest.mark.slow
def test_crm_maven_waits_for_approval_and_is_then_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maven = project(tmp_path / "maven", "crm_maven", MAVEN)
    sync = ("sync", "real", "--as-of", "2017-12-31")
    first = told(capsys, maven, *sync)
    assert (first["code"], first["status"], first["scored"]) == (6, "refused", 85)
    assert not (maven / "kare-labels.csv").exists()
    forced = told(capsys, maven, *sync, "--force")
    assert (forced["code"], forced["applied"]["changed"]) == (0, 85)
    second = told(capsys, maven, *sync)
    assert (second["code"], second["planned"]["accounts"]) == (0, 0)
    assert run(maven, "explain", "real", "Kinnamplus") == 0


def test_northwind_is_refused_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    northwind = project(tmp_path / "northwind", "northwind", ("customers.csv", "orders.csv"))
    (northwind / "mappings" / "files.yaml").write_text("""\
version: 1
connector: files
streams:
  accounts: {from: data/customers.csv, fields: {account_id: customerID, name: companyName}}
  purchases: {from: data/orders.csv, fields: {purchase_id: orderID, account_id: customerID, bought_on: orderDate}}
""")
    assert run(northwind, "doctor", "real") == 3
    shown = capsys.readouterr()
    assert "orders.csv:4: 176 line(s) have more or fewer cells than the header's 14" in shown.out + shown.err
    assert run(northwind, "pull", "real") == 3


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wholesaler's invoices, pulled."""
    folder = project(tmp_path_factory.mktemp("real") / "shop", "online_retail_ii", ("transactions.parquet",))
    assert run(folder, "pull", "real") == 0
    return folder


BY_HAND = {
    # events, last event, expected gap, lapsed since, profile, badge
    "14911": (247, "2011-12-08", 3.6, None, "Keep", None),
    "15271": (24, "2011-12-02", 25.8, None, "Keep", None),
    "16333": (13, "2011-12-02", 33.0, None, "Expand", None),
    "13027": (19, "2011-08-18", 36.8, None, "Expand", "At risk"),
    "16553": (16, "2011-06-29", 39.0, None, "Keep", "At risk"),
    "14625": (10, "2011-05-27", 62.5, "2011-11-30", "Keep", "At risk"),
    "15419": (1, "2011-11-15", 80.0, None, "Keep", "New"),
    "13635": (4, "2011-10-03", 166.2, None, "Keep", "New"),
    "15171": (1, "2011-01-12", 80.0, "2011-04-03", "Recapture", None),
    "18057": (3, "2010-11-11", 114.3, "2011-04-14", "Recapture", None),
    "17804": (3, "2010-11-28", 130.5, "2011-08-13", None, None),
    "15486": (1, "2010-06-30", 80.0, "2010-09-19", None, None),
    "14802": (0, None, None, None, None, None),
    "15997": (0, None, None, None, None, None),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_online_retail_accounts_that_were_worked_through_by_hand(shop: Path) -> None:
    judged = labels(shop, "2011-12-09")
    assert len(judged) == 5942
    for account, expected in BY_HAND.items():
        row = judged[account]
        gap = None if row["expected_gap_days"] is None else round(float(row["expected_gap_days"]), 1)
        days = [None if row[name] is None else row[name].isoformat() for name in ("last_event_on", "lapsed_since")]
        found = (row["events"], days[0], gap, days[1], row["computed_profile"], row["badge"])
        assert found == expected, account
    assert judged["14802"]["reason"] == "Customer without orders in the CRM"
    assert judged["15997"]["reason"] == "Only credits on record: no profile"


CUTS = (date(2010, 9, 8), date(2010, 12, 8), date(2011, 3, 8), date(2011, 6, 8))


def order_days() -> dict[str, set[date]]:
    """Days with an order, off the raw lines."""
    source = DATA / "online_retail_ii" / "transactions.parquet"
    fees = "('POST', 'DOT', 'C2', 'C3', 'M', 'B', 'S', 'ADJUST', 'ADJUST2', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'TEST001', 'TEST002')"
    rows = duckdb.execute(
        f"SELECT DISTINCT \"Customer ID\", CAST(InvoiceDate AS DATE) FROM read_parquet('{source}') "  # noqa: S608  our own path
        f'WHERE "Customer ID" IS NOT NULL AND Quantity * Price > 0 AND StockCode NOT IN {fees}'
    ).fetchall()
    found: dict[str, set[date]] = {}
    for customer, day in rows:
        found.setdefault(str(customer), set()).add(day)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_who_is_told_lapsed_stays_away(shop: Path) -> None:
    """Four cut days; what is dated on or after them isn't there yet; away = no order within 183 days."""
    days, mapping = order_days(), (shop / "mappings" / "files.yaml")
    whole = mapping.read_text()
    seen: list[tuple[bool, bool, bool, bool]] = []
    try:
        for cut in CUTS:
            mapping.write_text(
                whole.replace("pipeline = 'goods'", f"pipeline = 'goods' and bought_on < date '{cut}'", 1)
            )
            for account, row in labels(shop, (cut - timedelta(days=1)).isoformat()).items():
                if row["events"]:
                    away = not any(cut <= day < cut + HELD_FOR for day in days[account])
                    shown = row["lapsed"] and row["computed_profile"] not in {"Keep", "Expand"}
                    seen.append((away, row["lapsed"], shown, row["class"] == "Key"))
    finally:
        mapping.write_text(whole)
    all_away = sum(one[0] for one in seen)
    stayed_away = [sum(one[0] for one in seen if one[place]) for place in (1, 2, 3)]
    flagged = [sum(one[place] for one in seen) for place in (1, 2, 3)]
    assert (stayed_away[0] / flagged[0], stayed_away[0] / all_away) == pytest.approx((0.707, 0.598), abs=0.01), (
        "lapse state"
    )
    assert (stayed_away[1] / flagged[1], stayed_away[1] / all_away) == pytest.approx((0.726, 0.525), abs=0.01), (
        "shown label"
    )
    assert stayed_away[2] / flagged[2] <= 0.06, "key accounts"
