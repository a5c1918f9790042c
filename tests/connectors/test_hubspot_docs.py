"""docs/hubspot.md tells commands, logins, scopes, options and codes as the code has them."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr

from crm_kare.cli.app import app
from crm_kare.errors import ConfigError
from crm_kare.labels import BY_NAME
from crm_kare.model import STREAMS, Kind
from crm_kare.ports import Context, LabelField, SourceField, StreamSpec
from crm_kare.testing import steps
from crm_kare.testing.clock import FakeClock
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.fixes import fix_for
from crm_kare_hubspot.scopes import areas, definitions_area

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "hubspot.md").read_text(encoding="utf-8")
OPTIONS = re.findall(r"^\| `(\w+)` \| ", TEXT.partition("## Options")[2].partition("## When")[0], re.MULTILINE)
CODES = re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", TEXT, re.MULTILINE)


def context(**options: Any) -> Context:
    credentials = {"HUBSPOT_API_URL": SecretStr("http://127.0.0.1:9"), "HUBSPOT_ACCESS_TOKEN": SecretStr("x")}
    return Context("hub", credentials, FakeClock(), Path(), Path(), options)


def spec(stream: str, source: str, *names: str) -> StreamSpec:
    return StreamSpec(
        stream, source, tuple(SourceField(f"c{place}", name, Kind.TEXT) for place, name in enumerate(names))
    )


def test_every_code_is_told_with_its_fix() -> None:
    assert [(code, fix_for(code, "hub")) for code, _ in CODES] == CODES
    assert {"INVALID_OPTION", "PROPERTY_DOESNT_EXIST", "OBJECT_NOT_FOUND", "MISSING_SCOPES"} <= {
        code for code, _ in CODES
    }


@pytest.mark.parametrize("rig", ["hubspot"], indirect=True)
@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_read(rig: Any, name: str) -> None:
    connector = rig.connector(**{name: object()})
    with pytest.raises(ConfigError) as caught:
        _all_of(connector, steps.accounts(rig))
    assert caught.value.where == name


def _all_of(connector: Any, accounts: StreamSpec) -> None:
    """What reads options."""
    connector.provision("companies", (), dry_run=True)
    list(connector.pull(accounts, None))


def test_every_scope_that_a_mapping_may_need_is_told() -> None:
    client = Client(context())
    specs = [
        spec("accounts", "companies", "hs_object_id"),
        spec("opportunities", "deals", "hs_object_id", "@primary_company"),
        spec("line_items", "line_items", "hs_object_id", "@deal", "@product.family"),
        spec("contacts", "contacts", "hs_object_id", "@primary_company"),
        spec("purchases", "orders", "hs_object_id", "@primary_company"),
        spec("owners", "owners", "id"),
    ]
    assert {one.stream for one in specs} == set(STREAMS)
    fields = [LabelField(BY_NAME["Profile"], "kare_profile")]
    found = [*areas(client, specs, "KARE", writes=bool(fields), exports=True), definitions_area(client, "companies")]
    needed = {one.scope for one in found} | {one.also for one in found if one.also}
    assert [scope for scope in needed if f"`{scope}`" not in TEXT] == []


def test_every_login_is_one_of_the_settings() -> None:
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    names = set(re.findall(r"HUBSPOT_\w+", TEXT))
    assert names
    assert [name for name in names if f"`{name}`" not in settings] == []


def test_every_command_exists() -> None:
    verbs = set(re.findall(r"(?:`|^ {4})crm-kare ([a-z]+)", TEXT, re.MULTILINE))
    group: Any = typer.main.get_command(app)
    assert verbs - set(group.commands) == set()


def test_what_the_page_points_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (DOCS / target).exists(), target
