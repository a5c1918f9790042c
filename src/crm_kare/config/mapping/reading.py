"""Reads a mapping file, and the rates file it may name."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from crm_kare.config.findings import Finding
from crm_kare.config.mapping.checks import check
from crm_kare.config.mapping.model import Mapping, Rate
from crm_kare.config.yaml_files import Loaded, parse_yaml, read_yaml
from crm_kare.errors import ConfigError

_HEADER = ["currency", "from", "rate"]


def load_mapping(path: Path, connector: str | None = None) -> Mapping:
    """The mapping in a file, checked.

    Args:
        path: the file; a rates file that it names is looked for beside it.
        connector: the connector that the project names for this CRM; the mapping must be for the same.

    Raises:
        ConfigError: with every problem, its file and line, and its fix.
    """
    return _complete(read_yaml(path, Mapping, check), connector)


def parse_mapping(text: str, path: Path, connector: str | None = None) -> Mapping:
    """As `load_mapping`, from text that is to stand in the file `path`."""
    return _complete(parse_yaml(text, path, Mapping, check), connector)


def _complete(loaded: Loaded[Mapping], connector: str | None) -> Mapping:
    mapping = loaded.value
    if connector is not None and connector != mapping.connector:
        told = f"the mapping is for `{mapping.connector}`, the project says `{connector}`"
        loaded.refuse([Finding(("connector",), told, "make them the same")])
    name = mapping.currency.rates_file
    if name is None:
        return mapping
    currency = mapping.currency.model_copy(
        update={"rates": _rates(loaded.path.parent / name), "rates_file": None},
    )
    whole = mapping.model_copy(update={"currency": currency})
    loaded.refuse(check(whole))
    return whole


def _rates(path: Path) -> dict[str, tuple[Rate, ...]]:
    rates: dict[str, list[Rate]] = {}
    problems: list[str] = []
    for number, row in _rows(path):
        try:
            rate = Rate.model_validate({"from": row[1].strip(), "rate": row[2].strip()})
            rates.setdefault(row[0].strip().upper(), []).append(rate)
        except (ValidationError, IndexError):
            problems.append(f"{path}:{number}: a line like `USD,2024-01-01,0.92` is wanted")
    if problems:
        raise ConfigError("; ".join(problems[:20]) + ".", where=str(path), fix="Correct the lines.")
    return {code: tuple(listed) for code, listed in rates.items()}


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the rates file cannot be read.", where=str(path), fix="Check path and encoding (UTF-8)."
        ) from error
    reader = csv.reader(text.splitlines())
    header = [one.strip().lower() for one in next(reader, [])]
    if header != _HEADER:
        raise ConfigError("the first line must be `currency,from,rate`.", where=f"{path}:1", fix="Correct it.")
    for row in reader:
        if row:
            yield reader.line_num, row
