"""Result pages as bytes: what Salesforce has been seen to send, and what must come of it."""

from typing import Any

import pyarrow as pa
import pytest

from crm_kare.http import CallError
from crm_kare.model import Kind
from crm_kare.ports import SourceField
from crm_kare_salesforce.columns import canonical_column, long_ids
from crm_kare_salesforce.pull.csv_page import read_page
from crm_kare_salesforce.values import canonical, long_id


def read(body: str | bytes, *names: str, rows: int | None = None) -> dict[str, list[Any]]:
    data = body if isinstance(body, bytes) else body.encode()
    return {name: column.to_pylist() for name, column in read_page(data, names, rows).items()}


def test_values_come_as_texts_and_blank_as_null() -> None:
    body = '"Id","Amount","IsWon","CloseDate"\n"006","9.9213206E7","true","2026-11-03"\n"007","","",""\n'
    assert read(body, "Id", "Amount", "IsWon", "CloseDate", rows=2) == {
        "id": ["006", "007"],
        "amount": ["9.9213206E7", None],
        "iswon": ["true", None],
        "closedate": ["2026-11-03", None],
    }


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_breaks_inside_values_are_no_line_ends(end: str) -> None:
    lines = ['"Id","Name"', '"1","a\nb"', '"2","c\r\nd"', '"3","e\u2028f\x0bg\x85h"', '"4","say ""hi"", ok"']
    names = ["a\nb", "c\r\nd", "e\u2028f\x0bg\x85h", 'say "hi", ok']
    assert read(end.join(lines) + end, "Name", rows=4) == {"name": names}


def test_a_name_in_any_case_and_any_order_and_the_columns_nobody_asked_for() -> None:
    assert read("ID,OWNER.NAME,Extra\n1,Nora,x\n", "owner.Name", "Id") == {"owner.name": ["Nora"], "id": ["1"]}


def test_nul_bytes_are_taken_out_and_a_byte_order_mark_too() -> None:
    assert read(b'\xef\xbb\xbf"Id","Name"\n"1","a\0b"\n', "Id", "Name") == {"id": ["1"], "name": ["ab"]}


def test_utf_8_whatever_the_content_type_says_and_half_characters_replaced() -> None:
    assert read('"Name"\n"Zürich 東京 😀"\n', "Name") == {"name": ["Zürich 東京 😀"]}
    assert read(b'"Name"\n"Z\xc3"\n"ok"\n', "Name") == {"name": ["Z\ufffd", "ok"]}


@pytest.mark.parametrize("body", ["", '"Id"\n', "Records not found for this query"])
def test_no_records(body: str) -> None:
    assert read(body, "Id", rows=0) == {"id": []}


def test_a_header_alone_without_a_count_is_no_records() -> None:
    assert read('"Id"\n', "Id") == {"id": []}


@pytest.mark.parametrize("body", ["<html>" + "x" * 200_000, "a\rb\n1,2\n"])
def test_a_page_that_is_no_csv_at_all(body: str) -> None:
    with pytest.raises(CallError):
        read(body, "Id")


def test_a_record_longer_than_any_block() -> None:
    long = "x" * 3_000_000
    assert read(f'"Id","Text"\n"1","{long}"\n', "Text", rows=1) == {"text": [long]}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("<html>gateway</html>", None),
        ('"Id"\n"1"\n', 1),
        ('"Id","Name"\n"1","a"\n', 2),
        ('"Id","Name"\n"1","a"\n"2"\n', None),
        ("", 1),
    ],
)
def test_what_is_no_whole_page_is_refused_without_its_text(body: str, rows: int | None) -> None:
    with pytest.raises(CallError) as caught:
        read(body, "Id", "Name", rows=rows)
    assert caught.value.trouble.kind == "shape"
    assert caught.value.__cause__ is None


IDS = [
    "001000000000001",
    "00Q0a00000AbCdE",
    "001000000000001AAA",
    "too short",
    "006-00000000001",
    None,
    "zzzzzZZZZZzZzZz",
]


def test_ids_are_made_long_as_one_by_one() -> None:
    assert long_ids(pa.array(IDS)).to_pylist() == [one and long_id(one) for one in IDS]


@pytest.mark.parametrize(
    "text", ["2026-11-03", "2026-11-03T23:30:00.000Z", "2026-11-03T23:30:00.000+0000", "2026-11-03T23:30:00Z", None]
)
def test_days_and_moments_are_canonical_as_one_by_one(text: str | None) -> None:
    field = SourceField("created_on", "CreatedDate", Kind.DATE)
    assert canonical_column(pa.array([text], pa.string()), field).to_pylist() == [canonical(text, Kind.DATE)]
