"""The Salesforce source under deploy/: as generated, one with the labels and with what `provision` sends."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crm_kare.labels import BY_NAME, LABELS, Editor, FieldType, Label
from crm_kare.model import Profile
from crm_kare_salesforce.access import SETS
from crm_kare_salesforce.client import API_VERSION
from crm_kare_salesforce.names import field_name
from crm_kare_salesforce.provision import metadata
from crm_kare_salesforce.source import MARK, source_files, write
from crm_kare_salesforce.source.__main__ import main

PROJECT = Path(__file__).parents[2] / "deploy" / "salesforce"
SOURCE = PROJECT / "force-app" / "main" / "default"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
TYPES = {
    FieldType.PICKLIST: "Picklist",
    FieldType.TEXT: "Text",
    FieldType.LONG_TEXT: "LongTextArea",
    FieldType.NUMBER: "Number",
    FieldType.DATE: "Date",
    FieldType.CHECKBOX: "Checkbox",
}


def told(element: ET.Element) -> Any:
    """An element as plain data: repeated children become lists, so that order and number count."""
    found: dict[str, Any] = {}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        found.setdefault(child.tag.removeprefix(NAMESPACE), []).append(told(child))
    return found or (element.text or "")


def document(path: str, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    text = files[f"force-app/main/default/{path}"] if files else (SOURCE / path).read_text(encoding="utf-8")
    found: dict[str, Any] = told(ET.fromstring(text))  # noqa: S314  our own file
    return found


def field(label: Label) -> dict[str, Any]:
    return document(f"objects/Account/fields/{field_name(label, 'KARE_')}.field-meta.xml")


def one(found: Mapping[str, Any], name: str) -> Any:
    (value,) = found[name]
    return value


def test_the_source_is_what_the_generator_makes() -> None:
    made = source_files(PROJECT)
    held = {path: (PROJECT / path).read_text(encoding="utf-8") for path in made if (PROJECT / path).is_file()}
    assert held == made, "run `make salesforce-source`"


def test_every_generated_file_says_so_and_none_is_left_over() -> None:
    marked = {
        path.relative_to(PROJECT).as_posix()
        for path in SOURCE.rglob("*.*")
        if path.is_file() and MARK in path.read_text(encoding="utf-8")
    }
    assert marked == {path for path in source_files(PROJECT) if path.startswith("force-app")}


def test_the_command_writes_only_what_differs_and_takes_away_what_is_no_longer_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["source", "--to", str(tmp_path), "--prefix", "ACME_"])
    assert main() == 0
    assert set(capsys.readouterr().out.split()) == set(source_files(tmp_path, "ACME_"))
    assert main() == 0
    assert capsys.readouterr().out == ""
    by_hand = tmp_path / "force-app/main/default/objects/Account/fields/Own__c.field-meta.xml"
    by_hand.write_text("<CustomField/>", encoding="utf-8")
    changed = write(tmp_path, source_files(tmp_path))
    assert "force-app/main/default/objects/Account/fields/ACME_Profile__c.field-meta.xml" in changed
    assert not list(tmp_path.rglob("ACME_*"))
    assert by_hand.is_file()
    assert "ICP_Score__c.field-meta.xml" not in " ".join(changed), "the same under any prefix"


def test_another_prefix_reaches_every_reference() -> None:
    files = source_files(PROJECT, "ACME_")
    prefixed = [label for label in LABELS if label.prefixed]
    for text in files.values():
        assert not [label.name for label in prefixed if f"KARE_{label.name}__c" in text]
    assert "@salesforce/schema/Account.ACME_Profile__c" in files["force-app/main/default/lwc/kareFields/kareFields.js"]


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.name)
def test_fields_are_the_labels(label: Label) -> None:
    found = field(label)
    assert one(found, "fullName") == field_name(label, "KARE_")
    assert (one(found, "label"), one(found, "type")) == (label.title, TYPES[label.type])
    assert one(found, "inlineHelpText") == label.help
    if label.values:
        chosen = one(found, "valueSet")
        values = one(chosen, "valueSetDefinition")["value"]
        assert one(chosen, "restricted") == "true"
        assert [one(value, "fullName") for value in values] == list(label.values)
        assert {one(value, "default") for value in values} == {"false"}
    elif label.type is FieldType.NUMBER:
        assert (one(found, "precision"), one(found, "scale")) == (str(label.length), "0")
    elif label.length:
        assert one(found, "length") == str(label.length)


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.name)
def test_fields_are_those_that_provision_makes(label: Label) -> None:
    def plain(value: Any) -> Any:
        """The Tooling API's body in the words of the file."""
        if isinstance(value, Mapping):
            return {("fullName" if key == "valueName" else key): plain(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return str(value).lower() if isinstance(value, bool) else str(value)

    def single(value: Any) -> Any:
        """The file's element, lists of one as that one; `value` is always a list."""
        if not isinstance(value, dict):
            return value
        return {
            key: [single(inner) for inner in values] if key == "value" else single(values[0])
            for key, values in value.items()
        }

    assert single(field(label)) == {"fullName": field_name(label, "KARE_"), **plain(metadata(label))}


@pytest.mark.parametrize(("name", "editor"), [("KARE_Integration", Editor.OURS), ("KARE_Reps", Editor.PEOPLE)])
def test_permission_sets_let_each_side_edit_its_own_fields_only(name: str, editor: Editor) -> None:
    found = document(f"permissionsets/{name}.permissionset-meta.xml")
    granted = {one(right, "field"): right for right in found["fieldPermissions"]}
    assert set(granted) == {f"Account.{field_name(label, 'KARE_')}" for label in LABELS}
    assert {one(right, "readable") for right in granted.values()} == {"true"}
    editable = {path for path, right in granted.items() if one(right, "editable") == "true"}
    assert editable == {f"Account.{field_name(label, 'KARE_')}" for label in LABELS if label.editor is editor}


def test_permission_sets_are_those_that_provision_grants() -> None:
    files = {path.name.removesuffix(".permissionset-meta.xml") for path in (SOURCE / "permissionsets").iterdir()}
    assert files == {wanted.name for wanted in SETS}
    for wanted in SETS:
        found = document(f"permissionsets/{wanted.name}.permissionset-meta.xml")
        assert (one(found, "label"), one(found, "description")) == (wanted.label, wanted.description)
        objects = found.get("objectPermissions", [])
        assert [one(right, "object") for right in objects] == (["Account"] if wanted.object_too else [])
        for right in objects:
            assert {key for key, (value,) in right.items() if value == "true"} == {"allowRead", "allowEdit"}


def test_list_views_filter_by_values_that_the_fields_have() -> None:
    views = {path.name.split(".")[0]: document(f"objects/Account/listViews/{path.name}") for path in _views()}
    shown = {one(view, "label"): view for view in views.values()}
    assert {f"My {profile} accounts" for profile in Profile} <= set(shown)
    assert {"My Recapture this week", "KARE: overrides", "KARE: changed this week", "KARE: at risk"} <= set(shown)
    assert len(shown) == len(views)
    names = {field_name(label, "KARE_"): label for label in LABELS}
    for label, view in shown.items():
        assert len(label) <= 40, "Salesforce's limit for a list view's label"
        assert (one(view, "filterScope") == "Mine") is label.startswith("My ")
        assert set(view["columns"]) <= {"ACCOUNT.NAME", *names}
        for test in view["filters"]:
            values = names[one(test, "field")].values
            assert not values or "value" not in test or one(test, "value") in values


def _views() -> list[Path]:
    return sorted((SOURCE / "objects" / "Account" / "listViews").iterdir())


def test_reports_use_columns_of_their_report_type_and_group_by_none_that_they_list() -> None:
    columns = one(document("reportTypes/KARE_Accounts.reportType-meta.xml"), "sections")["columns"]
    offered = {f"Account${one(column, 'field')}" for column in columns}
    for path in sorted((SOURCE / "reports" / "KARE").iterdir()):
        report = document(f"reports/KARE/{path.name}")
        listed = {one(column, "field") for column in report["columns"]}
        grouped = {one(group, "field") for key in ("groupingsDown", "groupingsAcross") for group in report.get(key, [])}
        tested = {one(item, "column") for items in report.get("filter", []) for item in items["criteriaItems"]}
        assert listed | grouped | tested <= offered, path.name
        assert not listed & grouped, f"{path.name}: Salesforce refuses a column that is grouped by"
        assert one(report, "reportType") == "KARE_Accounts__c"
        assert len(one(report, "name")) <= 40


def test_the_dashboard_shows_reports_that_there_are() -> None:
    grid = one(document("dashboards/KARE/Profiles.dashboard-meta.xml"), "dashboardGridLayout")
    for placed in grid["dashboardGridComponents"]:
        part = one(placed, "dashboardComponent")
        report = document(f"reports/{one(part, 'report')}.report-meta.xml")
        grouped = [one(group, "field") for key in ("groupingsDown", "groupingsAcross") for group in report.get(key, [])]
        assert part["groupingColumn"] == grouped


def test_the_compact_layout_holds_at_most_ten_fields_and_no_long_text() -> None:
    fields = document("objects/Account/compactLayouts/KARE.compactLayout-meta.xml")["fields"]
    assert len(fields) <= 10
    assert field_name(BY_NAME["Reasons"], "KARE_") not in fields


def test_components_are_of_the_api_version_that_the_connector_speaks() -> None:
    for path in (SOURCE / "lwc").rglob("*.js-meta.xml"):
        assert f"<apiVersion>{API_VERSION}</apiVersion>" in path.read_text(encoding="utf-8"), path.name


def test_every_text_of_the_component_is_a_label_and_every_label_is_used() -> None:
    labels = document("labels/CustomLabels.labels-meta.xml")["labels"]
    names = [one(label, "fullName") for label in labels]
    module = (SOURCE / "lwc/kareTexts/kareTexts.js").read_text(encoding="utf-8")
    imported = dict(re.findall(r"import (\w+) from '@salesforce/label/c\.(\w+)';", module))
    assert sorted(imported.values()) == sorted(names)
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((SOURCE / "lwc").rglob("*.*"))
        if path.suffix in {".js", ".html"} and "__tests__" not in path.parts and path.name != "kareTexts.js"
    )
    unused = [name for name in imported if not re.search(rf"(TEXTS|texts)\.{name}\b", code)]
    assert unused == []
