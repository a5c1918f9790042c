"""docs/salesforce.md tells commands, logins, options, rights and codes as the code has them."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr

from crm_kare.cli.app import app
from crm_kare.errors import ConfigError
from crm_kare.ports import Context
from crm_kare.testing.clock import FakeClock
from crm_kare_salesforce import connector as connect
from crm_kare_salesforce.access import SETS
from crm_kare_salesforce.client import API_VERSION
from crm_kare_salesforce.credentials import choose
from crm_kare_salesforce.faults import FIXES

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "salesforce.md").read_text(encoding="utf-8")
OPTIONS = re.findall(r"^\| `(\w+)` \| ", TEXT.partition("## Options")[2].partition("## When")[0], re.MULTILINE)
LOGINS = [re.findall(r"`(SALESFORCE_\w+)`", row) for row in TEXT.splitlines() if row.startswith("| ")]


def context(credentials: dict[str, str], **options: Any) -> Context:
    secret = {name: SecretStr(value) for name, value in credentials.items()}
    return Context("org", secret, FakeClock(), Path(), Path(), options)


def test_every_code_is_told_with_its_fix() -> None:
    table = "\n".join(
        ["| code | cause and fix |", "|---|---|", *(f"| `{code}` | {fix} |" for code, fix in FIXES.items())]
    )
    assert f"{table}\n\n" in TEXT, f"the table in docs/salesforce.md is to be:\n{table}"


@pytest.mark.parametrize("names", [one for one in LOGINS if one], ids=lambda names: names[-1])
def test_every_way_to_log_in_is_complete(names: list[str]) -> None:
    told = {name: "https://acme.my.salesforce.com" if name.endswith("_URL") else "x" for name in names}
    ways = choose(context(told))
    assert bool(ways.first.discouraged) == ("SALESFORCE_PASSWORD" in names)
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert [name for name in names if name not in settings] == []


@pytest.mark.parametrize("name", [one for one in OPTIONS if one != "api_version"])
def test_every_option_is_read(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        connect(context({}, **{name: object()}))


def test_the_api_version_is_the_one_in_use() -> None:
    assert f"| `api_version` | {API_VERSION} |" in TEXT


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_the_permission_sets_are_told(one: Any) -> None:
    assert f"| `{one.name}` | " in TEXT


def test_every_page_that_is_pointed_to_is_there() -> None:
    told = re.findall(r"\]\(([^)#]+)", TEXT)
    assert [one for one in told if not (DOCS / one).exists()] == []


def test_every_command_and_its_options_exist() -> None:
    root: Any = typer.main.get_command(app)
    told = re.findall(r"crm-kare ((?:[a-z]+ )?[a-z]+)([^`#\n]*)", TEXT)
    used = [(words.split(), rest) for words, rest in told if words.split()[0] in root.commands]
    assert len(used) > 12
    for words, rest in used:
        command = root.commands[words[0]]
        command = getattr(command, "commands", {}).get(words[-1], command)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\w)--?[a-z][\w-]*", rest)) <= known, words
