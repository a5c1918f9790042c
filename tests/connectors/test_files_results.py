"""The results file: what people and spreadsheets do to it stands, and comes back."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crm_kare.errors import AccessError, ConfigError, RetryError
from crm_kare.labels import BY_NAME
from crm_kare.model import Kind, Outcome, OutcomeStatus
from crm_kare.ports import Context, LabelField, RecordWrite, SourceField, StreamSpec, WriteRequest
from crm_kare.testing.clock import FakeClock
from crm_kare_files import FilesConnector
from crm_kare_files import results as results_module

NAMES = ("Profile", "Reason", "Changed_On", "ICP_Score")
FIELDS = tuple(LabelField(BY_NAME[name], name) for name in (*NAMES, "Override", "Override_Until"))
SPEC = StreamSpec(
    "accounts",
    "data/accounts.csv",
    (
        SourceField("account_id", "Id", Kind.TEXT),
        SourceField("name", "Name", Kind.TEXT),
        *(SourceField(f"crm_{one.label.name}", one.field, Kind.TEXT) for one in FIELDS),
    ),
)
VALUES = {"Profile": "Keep", "Reason": "=1+1", "Changed_On": "2026-11-03", "ICP_Score": "70"}

Make = Callable[..., FilesConnector]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "accounts.csv").write_text("Id,Name\nA1,Müller\nA2,=Evil\n-3,Minus\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def make(folder: Path) -> Make:
    def made(**options: Any) -> FilesConnector:
        return FilesConnector(Context("acme", {}, FakeClock(), folder, folder, options, specs=(SPEC,)))

    return made


def write(connector: FilesConnector, *ids: str, **values: str | None) -> list[Outcome]:
    wanted = values or VALUES
    held = connector.read(SPEC.source, ids, FIELDS)
    records = tuple(RecordWrite(key, wanted, {name: held[key][name] for name in wanted}) for key in ids)
    return connector.write(WriteRequest(SPEC.source, FIELDS, records))


def test_the_file_lies_beside_the_accounts_with_names_and_peoples_columns(folder: Path, make: Make) -> None:
    write(make(), "A2", "-3", "A1")
    with (folder / "data" / "kare-labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["account_id", "name", *NAMES, "Override", "Override_Until"]
    assert [row["account_id"] for row in rows] == ["A2", "'-3", "A1"]
    assert [row["name"] for row in rows] == ["'=Evil", "Minus", "Müller"]
    assert {row["Reason"] for row in rows} == {"'=1+1"}
    assert (folder / "data" / "kare-labels.csv").stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in (folder / "data").iterdir()) == ["accounts.csv", "kare-labels.csv"]
    assert make().read(SPEC.source, ["-3"], FIELDS)["-3"]["Reason"] == "=1+1"


def test_peoples_rows_columns_and_order_stay(folder: Path, make: Make) -> None:
    path = folder / "data" / "kare-labels.csv"
    path.write_text("My note,account_id,Override\n=A1+A2,gone,Keep\n@me,A1,attain\n", encoding="utf-8")
    path.chmod(0o644)
    write(make(), "A1", Profile="Keep")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("My note,account_id,Override,Profile")
    assert lines[1].startswith("=A1+A2,gone,Keep,")
    assert lines[2].startswith("@me,A1,attain,Keep")
    assert path.stat().st_mode & 0o777 == 0o644
    assert make().read(SPEC.source, ["A1", "gone"], FIELDS).keys() == {"A1"}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_a_spreadsheet_makes_of_it_is_read_and_kept(folder: Path, make: Make, mark: str) -> None:
    path = folder / "data" / "kare-labels.csv"
    write(make(), "A1")
    text = path.read_text(encoding="utf-8").replace(",", ";").replace("70", "70.0").replace("Keep", "KEEP")
    path.write_text(mark + text, encoding="utf-8", newline="")
    assert make().read(SPEC.source, ["A1"], FIELDS)["A1"] == VALUES | {"Override": None, "Override_Until": None}
    assert [one.status for one in write(make(), "A1")] == [OutcomeStatus.SAME]
    write(make(), "A1", Profile="Attain")
    assert path.read_text(encoding="utf-8").startswith(f"{mark}account_id;name;Profile")


def test_labels_come_with_the_pull_and_an_unreadable_date_stands_as_it_is(folder: Path, make: Make) -> None:
    write(make(), "A1")
    path = folder / "data" / "kare-labels.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("2026-11-03", "11/3/2026"), encoding="utf-8")
    rows = {row["account_id"]: row for page in make().pull(SPEC, None) for row in page.records.to_pylist()}
    assert rows["A1"]["crm_Profile"] == "Keep"
    assert rows["A1"]["crm_Changed_On"] == "11/3/2026"
    assert rows["A2"]["crm_Profile"] is None


@pytest.mark.parametrize("text", ["a\u2028b\x85c\x0bd\x1ce", "cr\rlf\r\nboth", '"quoted", twice ""', " outer ", "''=x"])
def test_any_text_comes_back(make: Make, text: str) -> None:
    write(make(), "A1", Reason=text)
    assert make().read(SPEC.source, ["A1"], FIELDS)["A1"]["Reason"] == text


def test_the_file_may_be_named_and_is_never_the_input(folder: Path, make: Make) -> None:
    write(make(results="labels.csv"), "A1")
    assert (folder / "labels.csv").exists()
    before = (folder / "data" / "accounts.csv").read_bytes()
    (folder / "link.csv").symlink_to(folder / "data" / "accounts.csv")
    for name in ("data/accounts.csv", "data/../data/accounts.csv", "link.csv", str(folder / "data" / "accounts.csv")):
        with pytest.raises(ConfigError, match="overwrite a file that the mapping reads"):
            write(make(results=name), "A1")
    assert (folder / "data" / "accounts.csv").read_bytes() == before
    deals = StreamSpec("opportunities", "data/deals.csv", SPEC.fields[:1])
    context = Context("acme", {}, FakeClock(), folder, folder, {"results": "data/deals.csv"}, specs=(SPEC, deals))
    with pytest.raises(ConfigError, match="overwrite a file that the mapping reads"):
        FilesConnector(context).read(SPEC.source, ["A1"], FIELDS)


def test_check_tells_what_would_stop_the_labels(folder: Path, make: Make) -> None:
    assert make().check([SPEC], FIELDS) == []
    assert [one.code for one in make(results="nowhere/labels.csv").check([SPEC], FIELDS)] == ["results-folder"]
    (folder / "data" / "kare-labels.csv").write_bytes(b"account_id,name\nA1,M\xfcller\n")
    (problem,) = make().check([SPEC], FIELDS)
    assert problem.fix.startswith("Save it as CSV UTF-8")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,other\n1,2\n", "no column account_id"),
        (b"account_id,Profile,Profile\n1,2,3\n", "column twice"),
        (b"account_id\nA1\nA1\n", "stands there twice"),
        (b"account_id\n\xff\xfe\xfd\n", "UTF-8"),
        (b'account_id\n"open\n', "no CSV file"),
    ],
)
def test_another_file_in_its_place_is_left_alone(folder: Path, make: Make, content: bytes, told: str) -> None:
    path = folder / "data" / "kare-labels.csv"
    path.write_bytes(content)
    connector = make()
    with pytest.raises(ConfigError, match=told):
        connector.write(WriteRequest(SPEC.source, FIELDS, (RecordWrite("A1", VALUES, {}),)))
    assert path.read_bytes() == content


def test_a_persons_save_while_we_write_is_not_lost(folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    write(make(), "A1")
    path, saves = folder / "data" / "kare-labels.csv", results_module._write

    def person_saves_meanwhile(results: results_module.Results, draft: Path) -> None:
        saves(results, draft)
        monkeypatch.setattr(results_module, "_write", saves)
        path.write_text(path.read_text(encoding="utf-8").replace("Keep", "Expand"), encoding="utf-8", newline="")

    monkeypatch.setattr(results_module, "_write", person_saves_meanwhile)
    record = RecordWrite("A1", {"Profile": "Attain"}, {"Profile": "Keep"})
    (outcome,) = make().write(WriteRequest(SPEC.source, FIELDS, (record,)))
    assert (outcome.status, dict(outcome.present)) == (OutcomeStatus.CONFLICT, {"Profile": "Expand"})
    assert "Expand" in path.read_text(encoding="utf-8")


def test_a_file_that_never_rests_is_tried_later(folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    write(make(), "A1")
    path, saves = folder / "data" / "kare-labels.csv", results_module._write

    def never_rests(results: results_module.Results, draft: Path) -> None:
        saves(results, draft)
        path.write_bytes(path.read_bytes() + b"\r\n")

    monkeypatch.setattr(results_module, "_write", never_rests)
    with pytest.raises(RetryError, match="keeps changing"):
        write(make(), "A1", Profile="Attain")
    assert not list((folder / "data").glob(".*"))


def test_a_folder_that_cannot_be_written_is_an_access_error(folder: Path, make: Make) -> None:
    target = folder / "nowhere" / "labels.csv"
    with pytest.raises(AccessError, match="Make the folder writable"):
        write(make(results=str(target)), "A1")
    assert not target.exists()


def test_a_value_that_does_not_fit_is_rejected_and_peoples_fields_are_not_ours(make: Make) -> None:
    connector = make()
    assert write(connector, "A1", Reason="x" * 256)[0].code == "text-too-long"
    assert write(connector, "A1", Override="Keep")[0].code == "not-ours"
    assert connector.read(SPEC.source, ["A1"], FIELDS)["A1"]["Override"] is None


def test_accounts_that_are_not_mapped_are_told(folder: Path) -> None:
    connector = FilesConnector(Context("acme", {}, FakeClock(), folder, folder))
    with pytest.raises(ConfigError, match="not mapped"):
        connector.read(SPEC.source, ["A1"], FIELDS)
    list(connector.pull(SPEC, None))
    assert connector.read(SPEC.source, ["A1"], FIELDS).keys() == {"A1"}


def test_an_account_that_leaves_the_file_is_rejected_from_then_on(folder: Path, make: Make) -> None:
    connector = make()
    write(connector, "A1", "A2")
    accounts = folder / "data" / "accounts.csv"
    accounts.write_text("Id,Name\nA1,Müller\n", encoding="utf-8")
    os.utime(accounts, ns=(0, 0))
    record = RecordWrite("A2", {"Profile": "Attain"}, {"Profile": "Keep"})
    (outcome,) = connector.write(WriteRequest(SPEC.source, FIELDS, (record,)))
    assert (outcome.status, outcome.code) == (OutcomeStatus.REJECTED, "account-gone")
