"""From chunks of a file to pages of a stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from crm_kare.errors import ConfigError
from crm_kare.model import PRESENT_PREFIX, Kind, Problem
from crm_kare.ports import Page, SourceField, StreamSpec
from crm_kare_files.canonical import AmbiguousDateError, converted, is_readable
from crm_kare_files.chunk import ROWS, Chunk, Column, Opened, named, require
from crm_kare_files.findings import Findings
from crm_kare_files.options import Reading
from crm_kare_files.pseudo import ROW, computed, inputs

Present = Mapping[str, Mapping[str, str | None]]
"""What the results file holds: by account id, labels by column of the spec (`crm_Profile`)."""

_Rows = dict[str, list[str | None]]
_INSTEAD: Final = (
    "Map the id to `@row` where each row is a record of its own, or set `distinct: true` where rows repeat one."
)


@dataclass(frozen=True)
class Source:
    """A stream's file, opened and checked against the spec."""

    spec: StreamSpec
    reading: Reading
    opened: Opened
    wanted: tuple[tuple[str, Kind], ...]


def source(spec: StreamSpec, reading: Reading, opened: Opened) -> Source:
    """The file with every column there that the spec needs.

    Raises:
        ConfigError: columns missing, there twice, or of a type that is no single value.
    """
    wanted = tuple(dict.fromkeys(one for field in in_file(spec) for one in _needs(field)))
    require(opened, [name for name, _ in wanted])
    types = opened.types or {}
    if nested := sorted({name for name, _ in wanted if name in types and not is_readable(types[name])}):
        raise ConfigError(
            f"These columns hold lists or raw bytes: {', '.join(nested)}.", where=opened.where, fix="Map other columns."
        )
    return Source(spec, reading, opened, wanted)


def in_file(spec: StreamSpec) -> tuple[SourceField, ...]:
    """The fields that come from the file itself; labels come from the results file."""
    return tuple(one for one in spec.fields if not one.column.startswith(PRESENT_PREFIX))


def _needs(field: SourceField) -> tuple[tuple[str, Kind], ...]:
    return inputs(field.source) if field.source.startswith("@") else ((field.source, field.kind),)


def pages(given: Source, present: Present, cursor: str, rows: int = ROWS) -> Iterator[Page]:
    """Pages of the whole file; the last one tells the problems.

    Raises:
        ConfigError: an id twice, a date that nobody can read, a broken line.
    """
    findings = Findings(given.opened.where, given.opened.unit)
    batches = _distinct(given, findings, rows) if given.reading.distinct else _unique(given, findings, rows)
    held: pa.RecordBatch | None = None
    for batch in batches:
        if held is not None:
            yield Page(_with_labels(given.spec, held, present), cursor)
        held = batch
    last = held if held is not None else _empty(given.spec)
    yield Page(_with_labels(given.spec, last, present), cursor, problems=findings.problems())


def _unique(given: Source, findings: Findings, rows: int) -> Iterator[pa.RecordBatch]:
    """Batches of records as they stand; an id seen before stops."""
    seen: set[int] = set()  # hashes: a million ids stay under 100 MB
    numbered = given.spec.fields[0].source == ROW
    for batch, numbers in _converted(given, findings, rows):
        if numbered:
            yield batch
            continue
        twice = []
        for key, number in zip(batch.column(0).to_pylist(), numbers, strict=True):
            size = len(seen)
            seen.add(hash(key))
            if len(seen) == size:
                twice.append(number)
        if twice:
            raise _twice(given, twice)
        yield batch


def _twice(given: Source, numbers: Sequence[int]) -> ConfigError:
    opened, field = given.opened, given.spec.fields[0]
    return ConfigError(
        f"{len(numbers)} or more id(s) in {field.source} stand there before: {opened.unit}(s) {named(numbers)}.",
        where=f"{opened.where}:{numbers[0]}",
        fix=f"Remove the repeated rows. {_INSTEAD}",
        code="id-twice",
    )


def _distinct(given: Source, findings: Findings, size: int) -> Iterator[pa.RecordBatch]:
    """One record per id, in the order first seen; the first value of each column wins."""
    found: _Rows = {}
    for batch, _ in _converted(given, findings, size):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            there = found.get(row[0])
            if there is None:
                found[row[0]] = list(row)
            elif None in there:
                found[row[0]] = [new if old is None else old for old, new in zip(there, row, strict=True)]
    rows = list(found.values())
    for start in range(0, len(rows), size):
        columns = [pa.array(column, pa.string()) for column in zip(*rows[start : start + size], strict=True)]
        yield pa.RecordBatch.from_arrays(columns, names=[one.column for one in in_file(given.spec)])


def _converted(given: Source, findings: Findings, rows: int) -> Iterator[tuple[pa.RecordBatch, Sequence[int]]]:
    """Batches in canonical text with the numbers of their rows; rows without id are left out, and told."""
    first, fields = 1, in_file(given.spec)
    for chunk in given.opened.chunks(list(dict.fromkeys(name for name, _ in given.wanted)), rows):
        columns = {one: _column(given, chunk, one, findings) for one in given.wanted}
        count = len(chunk.numbers)
        arrays = [
            computed(one.source, columns, first, count) if one.source.startswith("@") else columns[one.source, one.kind]
            for one in fields
        ]
        first += count
        batch = pa.RecordBatch.from_arrays(arrays, names=[one.column for one in fields])
        yield _with_id(batch, chunk.numbers, fields[0].source, findings)


def _column(given: Source, chunk: Chunk, one: tuple[str, Kind], findings: Findings) -> Column:
    name, kind = one
    try:
        result = converted(chunk.columns[name], kind, given.reading)
    except AmbiguousDateError as error:
        place = chunk.numbers[error.index]
        raise ConfigError(
            f"The date in {name}, {given.opened.unit} {place}, is not ISO (YYYY-MM-DD), and its order cannot be known.",
            where=f"{given.opened.where}:{place}",
            fix='Set `date_format` in the stream\'s options, for example "%d/%m/%Y" or "%m/%d/%Y".',
            code="date-ambiguous",
        ) from None
    findings.unread(name, kind, (chunk.numbers[index] for index in result.unread))
    return result.values


def _with_id(
    batch: pa.RecordBatch, numbers: Sequence[int], name: str, findings: Findings
) -> tuple[pa.RecordBatch, Sequence[int]]:
    there = pc.is_valid(batch.column(0))
    if batch.column(0).null_count == 0:
        return batch, numbers
    flags = there.to_pylist()
    findings.without_id(name, (number for number, flag in zip(numbers, flags, strict=True) if not flag))
    kept = [number for number, flag in zip(numbers, flags, strict=True) if flag]
    return batch.filter(there), kept


def _with_labels(spec: StreamSpec, batch: pa.RecordBatch, present: Present) -> pa.RecordBatch:
    """The batch with the label columns that the results file holds, in the order of the spec."""
    keys = batch.column(0).to_pylist()
    nothing: Mapping[str, str | None] = {}
    columns = [
        pa.array([present.get(str(key), nothing).get(one.column) for key in keys], pa.string())
        if one.column.startswith(PRESENT_PREFIX)
        else batch.column(one.column)
        for one in spec.fields
    ]
    return pa.RecordBatch.from_arrays(columns, schema=spec.arrow_schema())


def _empty(spec: StreamSpec) -> pa.RecordBatch:
    fields = in_file(spec)
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in fields], names=[one.column for one in fields])


def as_problem(error: ConfigError) -> Problem:
    """A refusal as an entry of `check`'s list."""
    return Problem(error.code, error.message, error.fix, where=error.where)
