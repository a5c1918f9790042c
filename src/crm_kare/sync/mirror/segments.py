"""Segments: Parquet files that are whole or not there. Written beside, synced, renamed; then the pointer may name them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_kare.errors import StopError
from crm_kare.state_file import unwritable

COMPRESSION: Final = "zstd"
_SAMPLE: Final = 4096
_MAGIC: Final = b"PAR1"
_UNFINISHED: Final = ".tmp"


@dataclass(frozen=True)
class Segment:
    """One file: its name in the stream's folder, its rows (tombstones included), its size in bytes."""

    name: str
    rows: int
    size: int


def stream_folder(folder: Path, crm: str, stream: str) -> Path:
    """Where a stream's segments lie, whatever characters the CRM's name has."""
    return folder / quote(crm, safe=" ") / quote(stream, safe="")


def write_segment(folder: Path, name: str, rows: pa.Table) -> Segment:
    """Write a table as a segment, for its owner only; when this returns, it survives a power cut.

    Raises:
        StopError: the disk is full.
        ConfigError: the folder cannot be written.
    """
    repeating: Any = _repeating(rows)  # the stubs know yes or no only
    with _writing(folder):
        _make_folder(folder)
        with _unfinished(folder, name).open("wb") as file:
            pq.write_table(rows, file, compression=COMPRESSION, use_dictionary=repeating)
        return _finish(folder, name, rows.num_rows)


def _repeating(rows: pa.Table) -> list[str]:
    """Columns that a dictionary makes smaller; of the others, which hold ids and names, it costs half of the writing."""
    head = rows.slice(0, _SAMPLE)
    return [name for name in rows.column_names if 4 * pc.count_distinct(head[name]).as_py() <= head.num_rows]


def unfinished_path(folder: Path, name: str) -> Path:
    """Where an engine may write the segment of that name, before `seal_segment`. Raises as `write_segment`."""
    with _writing(folder):
        _make_folder(folder)
        return _unfinished(folder, name)


def seal_segment(folder: Path, name: str) -> Segment:
    """Make the file at `unfinished_path` a segment; it then survives a power cut. Raises as `write_segment`."""
    with _writing(folder):
        return _finish(folder, name, pq.read_metadata(folder / (name + _UNFINISHED)).num_rows)


def damage(folder: Path, segment: Segment) -> str:
    """What is wrong with a segment, in a word or two; empty where it is whole."""
    path = folder / segment.name
    try:
        with path.open("rb") as file:
            file.seek(-len(_MAGIC), os.SEEK_END)
            whole = file.read() == _MAGIC and file.tell() == segment.size
    except FileNotFoundError:
        return "is missing"
    except OSError:
        return "cannot be read"
    return "" if whole else "is damaged"


def refuse_damaged(folder: Path, segments: Iterable[Segment]) -> None:
    """Raises `StopError` where a segment is missing or damaged; what to do stands in it."""
    for segment in segments:
        if wrong := damage(folder, segment):
            raise StopError(
                f"a file of the mirror {wrong}",
                where=str(folder / segment.name),
                fix="A full pull is needed: run `crm-kare pull CRM --full`.",
                code="mirror-damaged",
            )


def sweep(folder: Path, keep: Iterable[str]) -> None:
    """Delete every file of a stream's folder that is not to be kept."""
    kept = set(keep)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            path.unlink(missing_ok=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """The system's refusals as our errors; what is half written is swept away by the next pull."""
    try:
        yield
    except OSError as error:
        raise unwritable(error, where=str(folder)) from error


def _make_folder(folder: Path) -> None:
    for one in (folder.parent.parent, folder.parent, folder):  # `parents=True` would leave the upper ones open to all
        one.mkdir(parents=True, exist_ok=True, mode=0o700)


def _unfinished(folder: Path, name: str) -> Path:
    path = folder / (name + _UNFINISHED)
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return path


def _finish(folder: Path, name: str, rows: int) -> Segment:
    unfinished = folder / (name + _UNFINISHED)
    unfinished.chmod(0o600)  # an engine may have made the file anew
    _sync(unfinished)
    unfinished.replace(folder / name)
    _sync(folder)
    return Segment(name, rows, (folder / name).stat().st_size)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
