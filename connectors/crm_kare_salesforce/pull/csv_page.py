"""One page of a query job's results: CSV bytes to columns of texts, by the names that were asked for."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv as arrow_csv

from crm_kare.http import CallError, Trouble

Columns = Mapping[str, Any]
"""By name in lower case, an array of texts; blank is null."""

_LINE_END: Final = b"\n"


def read_page(body: bytes, names: Iterable[str], rows: int | None) -> Columns:
    """The columns of a page, which tells in a header how many `rows` it has; None where it does not.

    UTF-8 whatever Content-Type says: it names no charset. NUL bytes, which Salesforce lets through, are taken out;
    bytes that are no UTF-8 become the replacement character.

    Raises:
        CallError: of kind `shape`, where a column is missing, rows are, or it is no CSV.
    """
    wanted = list(dict.fromkeys(name.lower() for name in names))
    if rows == 0:
        return dict.fromkeys(wanted, pa.array([], pa.string()))
    body = body.replace(b"\0", b"") if b"\0" in body else body
    head_end = body.find(_LINE_END) + 1 or len(body)
    head, rest = body[:head_end].decode("utf-8-sig", "replace"), memoryview(body)[head_end:]
    given = _names(head)
    if missing := [name for name in wanted if name not in given]:
        raise CallError(Trouble("shape", 200, "columns", f"{len(missing)} columns are missing"))
    table = _parsed(rest, given, wanted) if len(rest) else _nothing(wanted)
    if rows is not None and table.num_rows != rows:
        raise CallError(Trouble("shape", 200, "short-page", f"{table.num_rows} of {rows} records"))
    return {name: _whole(table.column(name)) for name in wanted}


def _names(head: str) -> list[str]:
    try:
        return [name.lower() for name in next(csv.reader([head.strip()]), [])]
    except csv.Error:  # some other page, on one endless line
        raise CallError(Trouble("shape", 200, "csv")) from None


def _parsed(rest: memoryview, given: list[str], wanted: list[str]) -> pa.Table:
    try:
        return _read(rest, given, wanted)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise CallError(Trouble("shape", 200, "csv")) from None  # its text quotes the row
    try:
        return _read(bytes(rest).decode("utf-8", "replace").encode(), given, wanted)
    except pa.ArrowInvalid:
        raise CallError(Trouble("shape", 200, "csv")) from None


def _read(rest: bytes | memoryview, given: list[str], wanted: list[str]) -> pa.Table:
    source: Any = pa.BufferReader(rest)  # its stubs know files only
    return arrow_csv.read_csv(
        source,
        # one block: a record may be longer than any block size that one would choose
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=given, block_size=len(rest) + 1),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.string()),
            include_columns=wanted,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _nothing(wanted: list[str]) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in wanted})


def _whole(column: Any) -> Any:
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.array([], pa.string())
        if not len(column)
        else column.combine_chunks()
    )
