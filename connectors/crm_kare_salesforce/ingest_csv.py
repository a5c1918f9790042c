"""The CSV of bulk ingest jobs: what goes up, and the lists of results that come back."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import requests

from crm_kare.http import CallError, Trouble
from crm_kare.labels import FieldType, Label
from crm_kare.ports import LabelField, RecordWrite
from crm_kare_salesforce.faults import foreign_errors
from crm_kare_salesforce.values import long_id

_NULL: Final = "#N/A"
"""Empties the field; an empty cell leaves it as it is."""

_CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class Upload:
    """Rows that go up as one job."""

    records: tuple[RecordWrite, ...]
    content: bytes


def uploads(records: Sequence[RecordWrite], fields: Sequence[LabelField], largest: int) -> Iterator[Upload]:
    """CSV of at most `largest` bytes each: UTF-8, LF, a header with every field that any record writes."""
    named = {name for one in records for name in one.values}
    columns = [one for one in fields if one.label.name in named]
    head = _line(["Id", *(one.field for one in columns)])
    taken: list[RecordWrite] = []
    lines, size = [head], len(head)
    for record in records:
        line = _line([long_id(record.account_id), *(_cell(record.values, one.label) for one in columns)])
        if taken and size + len(line) > largest:
            yield Upload(tuple(taken), b"".join(lines))
            taken, lines, size = [], [head], len(head)
        taken.append(record)
        lines.append(line)
        size += len(line)
    if taken:
        yield Upload(tuple(taken), b"".join(lines))


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cell(values: Mapping[str, str | None], label: Label) -> str:
    if label.name not in values:
        return ""
    text = values[label.name]
    if label.type is FieldType.CHECKBOX:
        return text or "false"
    return text.replace("\r\n", "\n").replace("\r", "\n") if text else _NULL


def results(answer: requests.Response) -> Iterator[dict[str, str]]:
    """Rows of a list of results by column name in small letters, as they stream in.

    Raises:
        CallError: the connection broke, or this is no CSV, or it ends within a row.
    """
    with closing(answer), foreign_errors():
        reader = csv.reader(_lines(answer), strict=True)
        try:
            head = [name.strip().lower() for name in next(reader, [])]
            for row in reader:
                if len(row) != len(head):
                    raise _torn()
                yield dict(zip(head, row, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise _torn() from error


def _torn() -> CallError:
    return CallError(Trouble("shape", 200, "job-results", applied=True))


def _lines(answer: requests.Response) -> Iterator[str]:
    """Lines of text: UTF-8 whatever the header says, broken at line feeds only, since values hold other breaks."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    for chunk in answer.iter_content(_CHUNK):
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n" for line in whole)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest
