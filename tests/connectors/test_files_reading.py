"""Files as they come from the world: kinds, encodings, delimiters, and every way of being broken."""

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_kare.errors import ConfigError
from crm_kare.model import Kind, Problem
from crm_kare.ports import Context, SourceField, StreamSpec
from crm_kare.testing.clock import FakeClock
from crm_kare_files import FilesConnector

FIELDS = (
    SourceField("account_id", "Id", Kind.TEXT),
    SourceField("name", "Name", Kind.TEXT),
    SourceField("annual_revenue", "Revenue", Kind.MONEY),
    SourceField("created_on", "Created", Kind.DATE),
)
PLAIN = "Id,Name,Revenue,Created\n1,Müller,12.50,2026-01-05\n2,O'Hara,,\n"
ROWS = [("1", "Müller", "12.50", "2026-01-05"), ("2", "O'Hara", None, None)]

Rows = list[tuple[str | None, ...]]
Pull = Callable[..., tuple[Rows, list[Problem]]]


def spec(source: str, fields: tuple[SourceField, ...] = FIELDS, **options: Any) -> StreamSpec:
    return StreamSpec("accounts", source, fields, options)


@pytest.fixture
def connector(tmp_path: Path) -> FilesConnector:
    return FilesConnector(Context("acme", {}, FakeClock(), tmp_path, tmp_path))


@pytest.fixture
def pull(connector: FilesConnector, tmp_path: Path) -> Pull:
    def pulled(
        content: str | bytes, name: str = "a.csv", fields: tuple[SourceField, ...] = FIELDS, **options: Any
    ) -> tuple[Rows, list[Problem]]:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return rows_of(connector, spec(name, fields, **options))

    return pulled


def rows_of(connector: FilesConnector, one: StreamSpec) -> tuple[Rows, list[Problem]]:
    pages = list(connector.pull(one, None))
    rows = [tuple(row.values()) for page in pages for row in page.records.to_pylist()]
    return rows, [problem for page in pages for problem in page.problems]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.rstrip("\n"),
        PLAIN.replace("2,O'Hara,,", '2,"O\'Hara",,\n\n,,,'),
        PLAIN.replace("Id,Name", " Id , Name "),
        PLAIN.replace("Müller", "  Müller "),
    ],
)
def test_a_csv_file_is_read_however_it_was_saved(pull: Pull, content: str | bytes) -> None:
    assert pull(content) == (ROWS, [])


def test_options_say_what_cannot_be_seen(pull: Pull) -> None:
    text = "Report of May\nall accounts\nId;Name;Revenue;Created\n1;Müller;1.200,50;05.01.2026\n"
    options = {"encoding": "cp1252", "decimal": ",", "date_format": "%d.%m.%Y", "skip_rows": 2}
    assert pull(text.encode("cp1252"), **options) == ([("1", "Müller", "1200.50", "2026-01-05")], [])


def test_a_tsv_file_may_hold_commas(pull: Pull) -> None:
    rows, _ = pull("Id\tName, legal, and so on\n1\tA, B, C\n", "a.tsv", (FIELDS[0],))
    assert rows == [("1",)]


def test_quotes_hold_delimiters_quotes_and_line_breaks(pull: Pull) -> None:
    rows, _ = pull('Id,Name\n1,"A ""big"", firm\nin Berlin"\n2,B\n', fields=FIELDS[:2])
    assert rows == [("1", 'A "big", firm\nin Berlin'), ("2", "B")]


def test_a_file_with_a_header_only_has_no_records(pull: Pull) -> None:
    assert pull("Id,Name,Revenue,Created\n") == ([], [])


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (b"", {}, ["a.csv", "no header"]),
        (b"\n\n", {}, ["no header"]),
        (PLAIN.encode("cp1252"), {}, ["a.csv:2", "utf-8", "byte 4 of line 2", "encoding: cp1252"]),
        (PLAIN.replace(",Revenue", "").encode(), {}, ["missing: Revenue", "The file has: Id, Name, Created"]),
        (b"ID,Nmae,Turnover,Created\n", {}, ["Id (did you mean ID?)", "Name (did you mean Nmae?)", "Revenue"]),
        (b"Id,Name,Revenue,Created,Name\n", {}, ["twice: Name"]),
        (PLAIN.replace("O'Hara", "O,Hara").encode(), {}, ["a.csv:3", "header's 4", "line 3 has 5", "quotes"]),
        (PLAIN.replace("O'Hara,,", "O'Hara,,,").encode(), {}, ["a.csv:3", "line 3 has 5"]),
        (PLAIN.replace("2,O'Hara,,", "2,O'Hara").encode(), {}, ["a.csv:3", "line 3 has 2"]),
        (PLAIN.replace("Hara", "Ha\0ra").encode(), {}, ["a.csv:3", "NUL", "utf-16"]),
        (PLAIN.replace("O'Hara", "x" * 10_000_000).encode(), {}, ["line 3", "131,072", "quote that is not closed"]),
        (PLAIN.replace("O'Hara", "\"O'Hara").encode(), {}, ["quotes do not match", "a.csv:3"]),
        (PLAIN.replace("2,O'Hara", "1,Again").encode(), {}, ["a.csv:3", "stand there before: line(s) 3", "@row"]),
        (PLAIN.replace("2026-01-05", "03/04/2026").encode(), {}, ["a.csv:2", "Created", "date_format"]),
        (PLAIN.encode(), {"sheets": "x"}, ["no option sheets", "sheet, encoding"]),
        (PLAIN.encode(), {"encoding": "utf-9"}, ["encoding: 'utf-9'"]),
        (PLAIN.encode(), {"encoding": "rot13"}, ["encoding: 'rot13'"]),
        (PLAIN.encode(), {"date_format": "dd/mm/yyyy"}, ["date_format: 'dd/mm/yyyy'"]),
        (PLAIN.encode(), {"decimal": ";", "skip_rows": -1}, ["decimal: ';'", "skip_rows: -1"]),
    ],
)
def test_a_broken_file_is_told_with_place_and_fix(
    pull: Pull, content: bytes, options: Mapping[str, Any], told: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        pull(content, **options)
    assert [part for part in told if part not in str(caught.value)] == []
    assert caught.value.fix
    assert "Hara" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_all_ragged_lines_are_counted(pull: Pull) -> None:
    lines = "".join(f"{number},a,b,c\n" for number in range(12))
    with pytest.raises(ConfigError, match=r"12 line\(s\) .* line\(s\) 2, 3, 4, 5, 6, …"):
        pull("Id,Name\n" + lines, fields=FIELDS[:2])


def test_cells_that_cannot_be_read_are_blank_and_told_by_column(pull: Pull) -> None:
    rows, problems = pull(PLAIN.replace("12.50", "lots").replace("2026-01-05", "2026-02-30"))
    assert rows[0] == ("1", "Müller", None, None)
    assert [(one.code, one.where) for one in problems] == [("cell-unreadable", "a.csv, line 2")] * 2
    assert "lots" not in str(problems)


def test_a_row_without_id_is_left_out_and_told(pull: Pull) -> None:
    rows, problems = pull(PLAIN + ",Nobody,1,\n ,Nobody,2,\n")
    assert rows == ROWS
    assert [(one.code, one.where) for one in problems] == [("id-missing", "a.csv, line 4, 5")]
    assert problems[0].message.startswith("2 row(s) have no Id")


def test_a_thousand_bad_cells_are_one_problem(pull: Pull) -> None:
    _, problems = pull("Id,Revenue\n" + "".join(f"{number},bad\n" for number in range(1000)), fields=FIELDS[0:3:2])
    assert [one.where for one in problems] == ["a.csv, line 2, 3, 4, 5, 6, …"]


def test_a_missing_file_names_its_neighbour(connector: FilesConnector, tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(PLAIN)
    with pytest.raises(ConfigError, match=r"Did you mean accounts\.csv"):
        rows_of(connector, spec("acounts.csv"))
    (tmp_path / "a.csv2").write_text(PLAIN)
    with pytest.raises(ConfigError, match=r"Files like \.csv2"):
        rows_of(connector, spec("a.csv2"))


def test_check_tells_every_file_at_once(connector: FilesConnector, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Id,Name\n1,x\n")
    orders = StreamSpec("purchases", "gone.csv", (SourceField("purchase_id", "@row", Kind.TEXT),))
    problems = connector.check([spec("a.csv"), orders], [])
    assert [(one.code, one.where) for one in problems] == [("column-missing", "a.csv"), ("file-missing", "gone.csv")]


def test_one_record_per_id_takes_the_first_values_there_are(pull: Pull) -> None:
    text = "Id,Name,Revenue\n7,,\n8,B,\n7,A,5\n7,Other,6\n,X,1\n"
    rows, problems = pull(text, fields=FIELDS[:3], distinct=True)
    assert rows == [("7", "A", "5"), ("8", "B", None)]
    assert [one.code for one in problems] == ["id-missing"]


def test_pseudo_fields_are_computed(pull: Pull) -> None:
    fields = (
        SourceField("purchase_id", "@row", Kind.TEXT),
        SourceField("product_line", "@last_word(Description)", Kind.TEXT),
    )
    text = "Quantity,Description\n-3,white mug\n2,\n1000,Red  BAG \n"
    assert pull(text, fields=fields)[0] == [("1", "MUG"), ("2", None), ("3", "BAG")]


@pytest.mark.parametrize("source", ["@rows", "@last_word()", "@sum(A, B)", "@"])
def test_an_unknown_pseudo_field_is_told(pull: Pull, source: str) -> None:
    with pytest.raises(ConfigError, match="no pseudo-field"):
        pull("A,B\n1,2\n", fields=(SourceField("account_id", source, Kind.TEXT),))


def workbook(path: Path, *rows: tuple[Any, ...], title: str = "Accounts", others: int = 0) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for number in range(others):
        book.create_sheet(f"Other {number}").append(["nothing"])
    for row in rows:
        sheet.append(row)
    book.save(path)
    book.close()


HEADER = ("Id", "Name", "Revenue", "Created")


def test_a_workbook_is_read_with_its_types(connector: FilesConnector, tmp_path: Path) -> None:
    workbook(
        tmp_path / "a.xlsx",
        HEADER,
        (10023, "Müller", 0.1 + 0.2, datetime(2024, 2, 29)),  # noqa: DTZ001  Excel knows no zones
        (10024.0, " ", 12.0, datetime(2026, 11, 3, 23, 30)),  # noqa: DTZ001
        (None, None, None, None),
        ("A-7", "#N/A", "$1,200.50", date(1999, 1, 1)),
        others=1,
    )
    rows, problems = rows_of(connector, spec("a.xlsx"))
    assert rows == [
        ("10023", "Müller", "0.3", "2024-02-29"),
        ("10024", None, "12", "2026-11-03"),
        ("A-7", None, "1200.50", "1999-01-01"),
    ]
    assert problems == []


def test_typed_dates_of_a_workbook_hold_whatever_the_date_format(connector: FilesConnector, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", HEADER, (1, "A", 1, date(2026, 3, 4)), (2, "B", 1, "2026-04-03"))
    rows, _ = rows_of(connector, spec("a.xlsx", date_format="%Y-%d-%m"))
    assert [row[3] for row in rows] == ["2026-03-04", "2026-03-04"]


def test_typed_numbers_of_a_workbook_hold_whatever_the_decimal_sign(connector: FilesConnector, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", HEADER, (1, "A", 1.234, None), (2, "B", "1.234,5", None), (3, "C", 1e20, None))
    rows, problems = rows_of(connector, spec("a.xlsx", decimal=","))
    assert ([row[2] for row in rows], problems) == (["1.234", "1234.5", "1E+20"], [])


def test_a_sheet_is_named_and_a_wrong_name_is_told(connector: FilesConnector, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", ("Title",), HEADER, (1, "A", 2, None), title="Data", others=1)
    assert rows_of(connector, spec("a.xlsx", sheet="Data", skip_rows=1))[0] == [("1", "A", "2", None)]
    with pytest.raises(ConfigError, match=r"no sheet Daten\. The workbook has: Data, Other 0"):
        rows_of(connector, spec("a.xlsx", sheet="Daten"))


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet"])
def test_a_file_that_is_no_workbook_or_parquet_file_is_told(pull: Pull, name: str) -> None:
    with pytest.raises(ConfigError, match=r"The file is no"):
        pull(PLAIN, name)


def test_a_huge_cell_in_a_workbook_is_told_with_its_row(connector: FilesConnector, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(_inline_workbook("x" * 200_000))
    with pytest.raises(ConfigError, match=r"a\.xlsx, row 2"):
        rows_of(connector, StreamSpec("accounts", "a.xlsx", FIELDS[:1]))


def _inline_workbook(text: str) -> bytes:
    """Openpyxl refuses to write such a cell; other programs do not."""
    made = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["Id"])
    book.active.append(["HERE"])
    book.save(made)
    book.close()
    changed = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"HERE", text.encode()))
    return changed.getvalue()


def test_parquet_is_read_by_page(tmp_path: Path) -> None:
    table = pa.table({"Id": list(range(25)), "Name": [f"n{number}" for number in range(25)], "Tags": [["a"]] * 25})
    pq.write_table(table, tmp_path / "a.parquet")
    connector = FilesConnector(Context("acme", {}, FakeClock(), tmp_path, tmp_path), page=10)
    pages = list(connector.pull(spec("a.parquet", FIELDS[:2]), None))
    assert [page.records.num_rows for page in pages] == [10, 10, 5]
    with pytest.raises(ConfigError, match="lists or raw bytes: Tags"):
        rows_of(connector, spec("a.parquet", (FIELDS[0], SourceField("name", "Tags", Kind.TEXT))))


def test_schema_tells_kinds_fill_rates_and_short_lists(connector: FilesConnector, tmp_path: Path) -> None:
    lines = [f"{number},{'Won' if number % 2 else 'Lost'},{number}.5,2026-01-05,yes,\n" for number in range(10)]
    (tmp_path / "a.csv").write_text("Id,Stage,Revenue,Created,Active,Empty\n" + "".join(lines) + "10,,,,,\n")
    infos = {one.name: one for one in connector.schema("a.csv", fill_rates=True)}
    kinds = {name: one.kind for name, one in infos.items()}
    assert kinds == {
        "Id": Kind.NUMBER,
        "Stage": Kind.TEXT,
        "Revenue": Kind.NUMBER,
        "Created": Kind.DATE,
        "Active": Kind.BOOL,
        "Empty": Kind.TEXT,
    }
    assert infos["Stage"].values == ("Lost", "Won")
    assert (infos["Id"].filled, infos["Empty"].filled) == (1.0, 0.0)
    assert [one.filled for one in connector.schema("a.csv")] == [None] * 6


def test_the_organisation_comes_from_folder_and_options(tmp_path: Path) -> None:
    def named(**options: Any) -> FilesConnector:
        return FilesConnector(Context("acme", {}, FakeClock(), tmp_path, tmp_path, options))

    organisation = named(timezone="Europe/Berlin", currency="EUR").organisation()
    assert (organisation.name, organisation.timezone, organisation.currency) == (tmp_path.name, "Europe/Berlin", "EUR")
    with pytest.raises(ConfigError, match="no time zone Mars"):
        named(timezone="Mars/Base").organisation()
    assert [one.where for one in named(colour="red").check([], [])] == ["options"]
