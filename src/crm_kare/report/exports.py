"""Labels as JSON, CSV and Parquet, with the columns that the Contract names."""

import csv
import json
import os
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from crm_kare.errors import UsageError
from crm_kare.sync.judge import Judged

_BATCH: Final = 2_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER_KINDS: Final = (int, float, Decimal)
_INTERNAL: Final = ("owner_id", "rank", "window_days", "overridden", "class_chosen")
"""Columns for the planner that the Contract does not name."""


def labels_of(judged: Sequence[Judged]) -> pa.Table:
    """The labels of several CRMs as one table, each row with its CRM."""
    tables = []
    for one in judged:
        labels = one.labels.drop_columns([name for name in _INTERNAL if name in one.labels.column_names])
        tables.append(labels.add_column(0, "crm", pa.array([one.crm] * labels.num_rows, pa.string())))
    return pa.concat_tables(tables, promote_options="permissive")


def rows(labels: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows, a batch at a time."""
    for batch in labels.to_batches(max_chunksize=_BATCH):
        yield from batch.to_pylist()


def write(labels: pa.Table, form: str, target: Path | TextIO) -> None:
    """Write labels as `json` (a list), `csv` (lists as JSON cells, formulas neutralised), `parquet` or `table` (as csv).

    A file that holds labels is readable by its owner only.

    Raises:
        UsageError: Parquet was asked for on the screen, or the file cannot be written.
    """
    if isinstance(target, Path):
        try:
            _to_file(labels, form, target)
        except OSError as error:
            raise UsageError(
                f"the file cannot be written: {error.strerror}.", where=str(target), fix="Name another file."
            ) from error
    elif form == "parquet":
        raise UsageError("Parquet goes to a file.", fix="Name it with -o FILE.", where="--format")
    else:
        _to_text(labels, form, target)


def write_text(text: str, path: Path) -> None:
    """Write a text that holds customers' data to a file that its owner alone may read; `UsageError` where it cannot be written."""
    try:
        draft = _draft(path)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise UsageError(
            f"the file cannot be written: {error.strerror}.", where=str(path), fix="Name another file."
        ) from error


def _draft(path: Path) -> Path:
    """An empty file beside it, for its owner alone, that takes its place once it is whole."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return draft


def _to_file(labels: pa.Table, form: str, path: Path) -> None:
    draft = _draft(path)
    if form == "parquet":
        pq.write_table(labels, draft)
    else:
        with draft.open("w", encoding="utf-8", newline="") as file:
            _to_text(labels, form, file)
    draft.replace(path)


def _to_text(labels: pa.Table, form: str, file: TextIO) -> None:
    if form == "json":
        _to_json(labels, file)
    else:
        _to_csv(labels, file)


def _to_json(labels: pa.Table, file: TextIO) -> None:
    file.write("[")
    file.writelines(
        ("," if place else "")
        + "\n"
        + json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False)
        for place, row in enumerate(rows(labels))
    )
    file.write("\n]\n")


def _to_csv(labels: pa.Table, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(labels.column_names)
    for row in rows(labels):
        writer.writerow([_cell(value) for value in row.values()])


def plain(value: Any) -> Any:
    """A value as JSON has it: money as a decimal string, days as ISO text; answers that were not asked are left out."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    return value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, _NUMBER_KINDS):
        return plain(value)
    text = json.dumps(plain(value), ensure_ascii=False) if isinstance(value, list | dict) else str(plain(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
