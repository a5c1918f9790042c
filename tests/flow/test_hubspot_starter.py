"""The starter mapping of HubSpot with every optional line taken: it fits a portal that has those things, and pulls."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.config.mapping import Mapping, load_mapping, stream_specs
from crm_kare.config.mapping.suggest import suggestions
from crm_kare.model import Kind
from crm_kare.sandbox.hubspot import Portal, portal_of
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, Property
from crm_kare.sandbox.hubspot.links import tie
from crm_kare.sync.flow import pull_only, score_only
from crm_kare.sync.setup import examine, live_schema, provision

_OPTIONAL = re.compile(r"^( *)# ( *(?:# )?\w+:.*)$")
_HEAD = 6
_LEFT = ("rates_file:", "expansion: [upsell]", "fields: {Profile: sales_profile}")
"""Lines that go against another one."""

_TYPES = {
    Kind.TEXT: ("string", "text"),
    Kind.NUMBER: ("number", "number"),
    Kind.MONEY: ("number", "number"),
    Kind.DATE: ("date", "date"),
    Kind.BOOL: ("bool", "booleancheckbox"),
}


def all_taken(text: str) -> str:
    """The mapping with the `#` off every optional line; blocks within blocks have two."""
    for _ in range(2):
        lines = text.splitlines()
        told = [
            _OPTIONAL.sub(r"\1\2", line) if not any(one in line for one in _LEFT) else line for line in lines[_HEAD:]
        ]
        text = "\n".join([*lines[:_HEAD], *told]) + "\n"
    return text


def make_properties(portal: Portal, mapping: Mapping) -> None:
    """The properties that the lines give as examples."""
    for spec in stream_specs(mapping):
        for one in spec.fields:
            source, name = spec.source, one.source
            if name.startswith("@product."):
                source, name = "products", name.removeprefix("@product.")
            if source in BY_ADDRESS and not name.startswith("@") and name not in portal.org.fields(source):
                kind, field_type = _TYPES[one.kind]
                made = Property(name, name, kind, field_type, defined_by_hubspot=False)
                portal.org.add_field(source, made.as_field())


def make_orders(portal: Portal) -> None:
    """Two orders of one company."""
    company = str(portal.org.select("companies", limit=1)[0]["_id"])
    bought = {"hs_external_created_date": "2026-05-04T10:00:00Z", "hs_total_price": "1200", "hs_currency_code": "EUR"}
    made = [{"_id": portal.org.mint("orders"), **bought} for _ in range(2)]
    portal.org.load("orders", made)
    tie(portal, "orders", "companies", [(str(one["_id"]), company, "509") for one in made])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[SandboxProject]:
    with sandbox_project(tmp_path, crms=("hubspot",), accounts=20) as made:
        yield made


@pytest.mark.slow
def test_every_optional_line_fits_a_portal_that_has_the_thing(project: SandboxProject) -> None:
    path = project.folder / "mappings/hubspot.yaml"
    path.write_text(all_taken(path.read_text()))
    mapping = load_mapping(path, "hubspot")
    portal = portal_of(project.running.sandbox)
    make_properties(portal, mapping)
    make_orders(portal)
    project.reopen()
    steps = provision(project.runtime, "hubspot", dry_run=False)
    assert len([one for one in steps if one.what.startswith("list ") and one.action == "create"]) == 4
    assert [one for one in examine(project.runtime, "hubspot").problems if one.level == "error"] == []
    result = pull_only(project.runtime, "hubspot")
    assert (result.exit_code, [one for one in result.problems if one.code == "value-unreadable"]) == (0, [])
    mirrored = project.runtime.mirror("hubspot").counts()
    assert mirrored.keys() == {"accounts", "opportunities", "line_items", "contacts", "owners", "purchases"}
    assert min(mirrored.values()) > 0
    kept = [one for one in portal.org.select("companies") if one["industry"] not in (None, "GOVERNMENT_ADMINISTRATION")]
    assert len(score_only(project.runtime, "hubspot").labels) == len(kept) > 0  # by the line `where`


def test_suggest_offers_what_hubspot_itself_keeps_of_good_accounts(project: SandboxProject) -> None:
    portal = portal_of(project.running.sandbox)
    companies = [str(one["_id"]) for one in portal.org.select("companies")]
    for company in companies[:5]:
        values = {"hs_ideal_customer_profile": "tier_1", "hs_is_target_account": "true"}
        portal.org.update("companies", company, values, "user:61000000")
    found = suggestions(project.runtime.mapping("hubspot"), live_schema(project.runtime, "hubspot"))
    told = {one.field: one for one in found}
    tier, target = told["hs_ideal_customer_profile"], told["hs_is_target_account"]
    assert (tier.stream, tier.column, tier.values) == (
        "accounts",
        "extra.ideal_customer_profile",
        ("tier_1", "tier_2", "tier_3"),
    )
    assert tier.filled == pytest.approx(5 / len(companies))
    assert (target.stream, target.column) == ("accounts", "strategic_value")
    assert told["deal_currency_code"].column == "currency"
