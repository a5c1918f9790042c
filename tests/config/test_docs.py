"""The docs tell every key, column, fact and label; their tables are made from the code and compared with it here."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import BaseModel

from crm_kare.config.expressions import FUNCTIONS
from crm_kare.config.mapping import ExtraField, Labels, Mapping, StreamMap
from crm_kare.config.mapping.model import AccountsMap
from crm_kare.config.project import Crm, Project
from crm_kare.labels import LABELS, Editor
from crm_kare.model import FACTS, STREAMS, Column

DOCS = Path(__file__).parents[2] / "docs"
MAPPING = (DOCS / "mapping.md").read_text(encoding="utf-8")
SETTINGS = (DOCS / "settings.md").read_text(encoding="utf-8")
EXPRESSIONS = (DOCS / "expressions.md").read_text(encoding="utf-8")


def column_table(columns: Iterable[Column]) -> str:
    rows = [
        f"| `{one.name}`{' (required)' if one.required else ''} | {one.kind.value} | {one.help} |" for one in columns
    ]
    return "\n".join(["| column | type | what |", "|---|---|---|", *rows])


def label_table() -> str:
    rows = [
        f"| `{one.name}`{' ★' if one.default else ''} | {'we' if one.editor is Editor.OURS else 'people'} | {one.help} |"
        for one in LABELS
    ]
    return "\n".join(["| label | who sets it | what |", "|---|---|---|", *rows])


@pytest.mark.parametrize("name", STREAMS)
def test_every_column_is_in_the_docs(name: str) -> None:
    assert f"### {name}\n\n{column_table(STREAMS[name].columns)}\n" in MAPPING


def test_every_fact_is_in_the_docs() -> None:
    assert column_table(FACTS.values()) in EXPRESSIONS


def test_every_label_is_in_the_docs() -> None:
    assert label_table() in MAPPING


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def test_every_key_is_in_the_docs() -> None:
    nested = {
        "currency": ("reporting", "rates", "rates_file"),
        "deals": ("expansion", "renewal"),
        "labels": keys(Labels),
    }
    for key in keys(Mapping):
        for name in [f"{key}.{inner}" for inner in nested[key]] if key in nested else [key]:
            assert f"| `{name}` |" in MAPPING
    for name in {*keys(StreamMap), *keys(AccountsMap), *keys(ExtraField)}:
        assert f"| `{name}` |" in MAPPING


def test_every_function_is_in_the_docs() -> None:
    for name in FUNCTIONS:
        assert f"`{name}(" in EXPRESSIONS


def leaves(model: type[BaseModel], front: str = "") -> list[tuple[str, object]]:
    """Dotted keys and their defaults; a CRM's stand behind `crms.NAME`."""
    found: list[tuple[str, object]] = []
    for name, field in model.model_fields.items():
        if name == "crms":
            found += leaves(Crm, "crms.NAME.")
        elif isinstance(field.default, BaseModel):
            found += leaves(type(field.default), f"{front}{name}.")
        else:
            default = str(field.default).lower() if isinstance(field.default, bool) else field.default or "none"
            found.append((front + name, "required" if field.is_required() else default))
    return found


def test_every_key_of_the_project_is_in_the_docs_with_its_default() -> None:
    for key, default in leaves(Project):
        row = next(line for line in SETTINGS.splitlines() if line.startswith(f"| `{key}` |"))
        assert row.split("|")[2].strip().strip("`") == str(default)
