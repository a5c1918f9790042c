"""The results file: one row per account with its labels, beside the accounts file; people edit their columns in it.

Rows and columns that are not ours are kept as they stand, and so are the file's delimiter, byte order mark and mode.
"""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crm_kare.errors import AccessError, ConfigError
from crm_kare.labels import FieldType, Label
from crm_kare_files.canonical import AmbiguousDateError, UnreadableError, day, number, truth
from crm_kare_files.delimited import encoding_of, sniffed
from crm_kare_files.neutral import neutral, restored
from crm_kare_files.places import unreadable

ID: Final = "account_id"
NAME: Final = "name"


@dataclass
class Results:
    """The file in memory. `rows` hold cells by account id, as they stand in the file; `state` is its print when read."""

    path: Path
    columns: list[str] = field(default_factory=lambda: [ID, NAME])
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    delimiter: str = ","
    encoding: str = "utf-8"
    state: tuple[int, int, int] | None = None

    def value(self, account_id: str, column: str, label: Label) -> str | None:
        """A label's value in canonical text; a text that is none of the label's stands as it is."""
        cell = self.rows.get(account_id, {}).get(column, "")
        return typed(restored(cell), label) if cell.strip() else None

    def put(self, account_id: str, name: str | None, cells: Mapping[str, str | None]) -> None:
        """Set cells of an account."""
        row = self.rows.setdefault(account_id, {})
        row.update({column: neutral(text) for column, text in cells.items()})
        if name is not None:
            row[NAME] = neutral(name)

    def need(self, columns: Sequence[str]) -> None:
        """Add the columns that are not there, at the end."""
        self.columns += [one for one in dict.fromkeys(columns) if one not in self.columns]


def load(path: Path) -> Results:
    """The results file, empty where there is none yet.

    Raises:
        ConfigError: it is something else, or cannot be read.
    """
    state = fingerprint(path)
    if state is None:
        return Results(path)
    encoding = encoding_of(path, "utf-8")
    try:
        with path.open(encoding=encoding, newline="") as file:
            text = file.read()
        return _parsed(path, text, encoding, state)
    except OSError as error:
        raise unreadable(path.name, error) from error
    except (UnicodeError, csv.Error) as error:
        raise _no_results(path, "The file is no CSV file in UTF-8.") from error


def _parsed(path: Path, text: str, encoding: str, state: tuple[int, int, int]) -> Results:
    delimiter = sniffed(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [one.strip() for one in next(reader, [])]
    if ID not in header or len(set(header)) < len(header):
        raise _no_results(path, f"The file has no column {ID}, or a column twice, so the labels cannot go there.")
    results = Results(path, header, {}, delimiter, encoding, state)
    for cells in reader:
        row = dict(zip(header, cells, strict=False))
        key = restored(row.get(ID, "").strip())
        if key is None:
            continue
        if key in results.rows:
            raise _no_results(path, f"An account stands there twice (line {reader.line_num}).")
        results.rows[key] = row
    return results


def _no_results(path: Path, told: str) -> ConfigError:
    return ConfigError(
        told, where=path.name, fix="Save it as CSV UTF-8, move it away, or name another file in the option `results`."
    )


def save(results: Results) -> bool:
    """Put the file in place whole; False where somebody changed it since it was read, and nothing is written.

    Raises:
        AccessError: the folder cannot be written.
    """
    path = results.path
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(results, draft)
        if fingerprint(path) != results.state:
            draft.unlink()
            return False
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise AccessError(
            f"The labels cannot be written ({error.strerror or type(error).__name__}).",
            where=str(path),
            fix="Make the folder writable, and close the file in other programs.",
        ) from error
    return True


def _write(results: Results, draft: Path) -> None:
    mode = results.path.stat().st_mode & 0o777 if results.state else 0o600
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with open(descriptor, "w", encoding=results.encoding, newline="") as file:  # noqa: PTH123  a descriptor has no Path
        writer = csv.writer(file, delimiter=results.delimiter, lineterminator="\r\n")
        writer.writerow(results.columns)
        for key, row in results.rows.items():
            writer.writerow([{**row, ID: neutral(key)}.get(column, "") for column in results.columns])
        file.flush()
        os.fsync(file.fileno())


def fingerprint(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever the file does; None where there is none."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_size, state.st_mtime_ns, state.st_ino


def typed(text: str | None, label: Label) -> str | None:
    """A label's text as we write it, whatever a spreadsheet or a person made of it (`keep`, `7,0`, `TRUE`)."""
    if text is None:
        return None
    try:
        return _typed(text, label)
    except (UnreadableError, AmbiguousDateError):
        return text


def _typed(text: str, label: Label) -> str:
    if label.type not in {FieldType.TEXT, FieldType.LONG_TEXT}:
        text = text.strip()
    match label.type:
        case FieldType.PICKLIST:
            return {value.casefold(): value for value in label.values}.get(text.casefold(), text)
        case FieldType.NUMBER:
            plain = number(text)
            return plain.split(".")[0] if plain.rstrip("0").endswith(".") else plain
        case FieldType.DATE:
            return day(text)
        case FieldType.CHECKBOX:
            return truth(text)
        case FieldType.TEXT | FieldType.LONG_TEXT:
            return text
