"""Parquet: only the columns asked for, a batch at a time."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_kare.errors import ConfigError
from crm_kare_files.chunk import Chunk, Opened


def open_parquet(path: Path, where: str) -> Opened:
    """Header, types and chunks of a Parquet file.

    Raises:
        ConfigError: no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
    except pa.ArrowInvalid as error:
        raise _broken(where) from error
    types = {one.name: one.type for one in schema}
    return Opened(where, "row", tuple(schema.names), partial(_chunks, path, where), types)


def _chunks(path: Path, where: str, names: Sequence[str], rows: int) -> Iterator[Chunk]:
    done = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows, columns=list(names)):
                columns = {name: batch.column(name) for name in names}
                yield Chunk(columns, range(done + 1, done + 1 + batch.num_rows))
                done += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(where) from error


def _broken(where: str) -> ConfigError:
    return ConfigError(
        "The file is no Parquet file, or is cut short.", where=where, fix="Export it again.", code="parquet"
    )
