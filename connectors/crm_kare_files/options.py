"""Settings of a file, as the mapping gives them under a stream's `options`."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.ports import StreamSpec

DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Reading:
    """How one file is read.

    Attributes:
        sheet: XLSX: name of the sheet; empty = the first.
        encoding: CSV: of the text; a byte order mark at the file's head is followed in any case.
        delimiter: CSV: between the cells; empty = found out from the header.
        decimal: sign before the decimals in numbers given as text; the other one, spaces and ' group thousands.
        date_format: pattern of dates given as text (`%d/%m/%Y`); empty = ISO 8601.
        distinct: one record per id, the first value of each column wins; for accounts read from a file of orders.
        skip_rows: lines above the header.
        blank: texts that mean blank (`NULL`, `n/a`).
    """

    sheet: str = ""
    encoding: str = "utf-8"
    delimiter: str = ""
    decimal: str = "."
    date_format: str = ""
    distinct: bool = False
    skip_rows: int = 0
    blank: tuple[str, ...] = ()


def reading(spec: StreamSpec) -> Reading:
    """The stream's options, checked.

    Raises:
        ConfigError: an option is unknown or has a value that cannot be.
    """
    where = f"options of {spec.stream}"
    known = {one.name: one.default for one in fields(Reading)}
    if unknown := sorted(set(spec.options) - set(known)):
        raise ConfigError(
            f"There is no option {', '.join(unknown)}.", where=where, fix=f"There are: {', '.join(known)}."
        )
    wrong = [f"{name}: {value!r}" for name, value in spec.options.items() if not _fits(name, value, known[name])]
    if wrong:
        raise ConfigError(f"These values cannot be: {', '.join(wrong)}.", where=where, fix="Correct them.")
    return Reading(**_as_tuples(spec.options))


def _as_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def _fits(name: str, value: Any, default: Any) -> bool:
    if name == "blank":
        return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    if type(value) is not type(default):
        return False
    allowed: dict[str, bool] = {
        "decimal": value in {".", ","},
        "delimiter": value in {"", *DELIMITERS},
        "encoding": name != "encoding" or _is_encoding(value),
        "skip_rows": name != "skip_rows" or value >= 0,
        "date_format": name != "date_format" or value == "" or _is_pattern(value),
    }
    return allowed.get(name, True)


def _is_pattern(pattern: str) -> bool:
    """Whether a day written by the pattern is read back as the same day: `dd/mm/yyyy` is none."""
    sample = datetime(2026, 11, 23, tzinfo=UTC)
    try:
        return datetime.strptime(sample.strftime(pattern), pattern).date() == sample.date()  # noqa: DTZ007  a day
    except ValueError:
        return False


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001  no public way to tell `rot13` from an encoding
    except LookupError:
        return False
