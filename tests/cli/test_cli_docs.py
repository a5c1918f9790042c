"""The docs tell every command, option and exit code; the help pages teach and are quick."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from cli.doors import Door

from crm_kare import errors
from crm_kare.cli.app import app

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
EVERYWHERE = {"--project", "-p", "--json", "--help", "-h", "--output"}
"""Told once, at the head, or by their short form."""


def commands() -> dict[str, Any]:
    """Every command by the words that call it."""
    root: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {one}": it for one, it in inner.items()} if inner else {name: command}
    return found


def section(name: str) -> str:
    """The part of the docs about a command; it must be there."""
    parts = re.split(r"^#{2,3} ", DOCS, flags=re.MULTILINE)
    (found,) = [part for part in parts if part.startswith((f"`{name}`", f"`{name} "))]
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_in_the_docs_with_an_example(name: str) -> None:
    told = section(name)
    assert f"\n    crm-kare {name}" in told
    for parameter in commands()[name].params:
        for option in set(parameter.opts) - EVERYWHERE:
            assert parameter.param_type_name != "option" or option in told, option


@pytest.mark.parametrize("name", commands())
def test_every_option_and_argument_has_a_help_text(name: str) -> None:
    command = commands()[name]
    assert len(command.help) > 20
    for parameter in command.params:
        assert parameter.help, parameter.name


def test_the_contracts_commands_and_options_are_there() -> None:
    wanted = {
        "init": "--crm", "doctor": "", "map suggest": "", "map check": "", "provision": "--dry-run", "deprovision": "", "pull": "--full",
        "score": "--as-of --format -o --json", "plan": "-o --as-of", "apply": "--force", "sync": "--dry-run --full --force --as-of --limit --owner --json",
        "retry": "", "explain": "", "history": "", "show": "", "serve": "--host", "sandbox": "--port --accounts --opportunities --seed --only", "demo": "--keep",
    }  # fmt: skip
    there = commands()
    for name, options in wanted.items():
        assert set(options.split()) <= {option for one in there[name].params for option in one.opts}, name


def test_every_exit_code_is_in_the_docs() -> None:
    codes = {
        one.exit_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.KareError)
    }
    for code in codes | {0, 5, 130}:
        assert re.search(rf"^\| {code} \| ", DOCS, flags=re.MULTILINE), code


def test_the_first_help_page_tells_where_to_begin_and_the_exit_codes(shop: Door) -> None:
    ended = shop("--help")
    assert ended.code == 0
    assert "crm-kare demo" in ended.out
    assert "6 stopped by a brake" in " ".join(ended.out.split())
    assert ended.out.index("Set up:") < ended.out.index("Run:") < ended.out.index("Read:") < ended.out.index("Try:")


def test_help_takes_less_than_half_a_second_and_imports_nothing_heavy() -> None:
    heavy = (
        "import sys; from crm_kare.cli import ended, app; ended(app, ['--help']); print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", heavy]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    modules = set(process.stderr.split())
    assert not modules & {"rich", "ibis", "duckdb", "pyarrow", "sqlalchemy", "fastapi", "pydantic", "structlog"}
    assert after.ru_utime - before.ru_utime < 0.5
