"""The starter mapping of Salesforce with every optional line taken: it fits an org that has those features, and pulls."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow.sandbox_project import SandboxProject, sandbox_project

from crm_kare.config.mapping import Mapping, load_mapping, stream_specs
from crm_kare.config.mapping.suggest import suggestions
from crm_kare.model import Kind
from crm_kare.sandbox.salesforce import SalesforceOrg, money, org_of, persons
from crm_kare.sandbox.store import Access, FieldDef
from crm_kare.sync.flow import pull_only, score_only
from crm_kare.sync.setup import examine, live_schema, provision

_OPTIONAL = re.compile(r"^( *)# ( *(?:# )?\w+:.*)$")
_HEAD = 6
_LEFT = ("rates_file:", "fields: {Profile: Sales_Profile__c}", "where: pipeline <> 'Service'")
"""Lines that go against another one, or would leave nothing to look at."""

_TYPES = {
    Kind.TEXT: ("string", {"length": 80}),
    Kind.NUMBER: ("double", {"precision": 18, "scale": 2}),
    Kind.MONEY: ("currency", {"precision": 18, "scale": 2}),
    Kind.DATE: ("date", {}),
    Kind.BOOL: ("boolean", {}),
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


def make_fields(org: SalesforceOrg, mapping: Mapping) -> None:
    """The fields that the lines give as examples, readable by us."""
    for spec in stream_specs(mapping):
        for one in spec.fields:
            name = one.source.rpartition(".")[2]
            source = "Contact" if one.source.startswith("Contact.") else spec.source
            if name.endswith("__c") and name not in org.records.fields(source):
                kind, size = _TYPES[one.kind]
                org.records.add_field(source, FieldDef(name, name, kind, custom=True, **size))  # type: ignore[arg-type]
                org.records.set_access(org.integration_user, source, name, Access())


@pytest.fixture
def project(tmp_path: Path) -> Iterator[SandboxProject]:
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=20) as made:
        org = org_of(made.running.sandbox)
        money.activate(org)
        persons.activate(org)
        persons.add(org, "Ann", "Example")
        yield made


@pytest.mark.slow
def test_every_optional_line_fits_an_org_that_has_the_feature(project: SandboxProject) -> None:
    path = project.folder / "mappings/salesforce.yaml"
    path.write_text(all_taken(path.read_text()))
    mapping = load_mapping(path, "salesforce")
    org = org_of(project.running.sandbox)
    make_fields(org, mapping)
    project.reopen()
    provision(project.runtime, "salesforce", dry_run=False)
    about = [one for one in examine(project.runtime, "salesforce").problems if one.level == "error"]
    assert about == []
    result = pull_only(project.runtime, "salesforce")
    assert (result.exit_code, [one for one in result.problems if one.code == "value-unreadable"]) == (0, [])
    mirrored = project.runtime.mirror("salesforce").counts()
    assert mirrored.keys() == {"accounts", "opportunities", "line_items", "contacts", "owners", "purchases"}
    assert min(mirrored.values()) > 0
    names = {row["name"] for row in score_only(project.runtime, "salesforce").labels.to_pylist()}
    assert len(names) == 20
    assert "Ann Example" not in names  # `where: person = false`


def test_suggest_proposes_the_currency_of_several(project: SandboxProject) -> None:
    schema = live_schema(project.runtime, "salesforce")
    found = suggestions(project.runtime.mapping("salesforce"), schema)
    told = {(one.stream, one.field) for one in found if one.column == "currency"}
    assert told == {("accounts", "CurrencyIsoCode"), ("opportunities", "CurrencyIsoCode")}
