"""The Salesforce source under the tools of its own world: Jest, ESLint, the metadata schema, the Salesforce CLI."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from clients.node_tools import HERE as CLIENTS
from clients.node_tools import environment, need, node

from crm_kare.labels import LABELS
from crm_kare_salesforce.names import field_name

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parents[2] / "deploy" / "salesforce"
PACKAGES = PROJECT / "node_modules"
ACCOUNT = "force-app/main/default/objects/Account"
NAMESPACE = {"m": "http://soap.sforce.com/2006/04/metadata"}


def run(script: Path, *arguments: str, home: Path, at: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    quiet = {"SF_DISABLE_TELEMETRY": "true", "SF_AUTOUPDATE_DISABLE": "true", "CI": "true"}
    return subprocess.run(
        [node(), str(need(script)), *arguments],
        cwd=at,
        env=environment(home, **quiet),
        capture_output=True,
        text=True,
        check=False,
    )


def convert(at: Path, home: Path) -> subprocess.CompletedProcess[str]:
    cli = CLIENTS / "sfcli" / "node_modules" / "@salesforce" / "cli" / "bin" / "run.js"
    return run(cli, "project", "convert", "source", "--root-dir", "force-app", "--output-dir", "out", home=home, at=at)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The project without its packages, to be spoilt or converted."""
    left_out = shutil.ignore_patterns("node_modules", "coverage", ".sf*")
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=left_out))


def named_in(manifest: Path) -> dict[str, set[str | None]]:
    """Members of a package by type."""
    types = ET.parse(manifest).findall("m:types", NAMESPACE)  # noqa: S314  the CLI's file or ours
    return {
        kind.findtext("m:name", "", NAMESPACE): {one.text for one in kind.findall("m:members", NAMESPACE)}
        for kind in types
    }


def validated(source: Path, home: Path) -> subprocess.CompletedProcess[str]:
    need(PACKAGES / "@jsforce" / "jsforce-node")
    return run(PROJECT / "scripts" / "validate.mjs", str(source), home=home)


def test_the_components_pass_their_own_tests(tmp_path: Path) -> None:
    jest = PACKAGES / "@salesforce" / "sfdx-lwc-jest" / "bin" / "sfdx-lwc-jest"
    done = run(jest, "--", "--coverage", f"--coverageDirectory={tmp_path / 'coverage'}", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_components_pass_salesforces_lint(tmp_path: Path) -> None:
    done = run(PACKAGES / "eslint" / "bin" / "eslint.js", "--max-warnings", "0", ".", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metadata_file_fits_salesforces_schema(tmp_path: Path) -> None:
    done = validated(PROJECT / "force-app", tmp_path)
    assert done.returncode == 0, done.stdout
    files = len(list((PROJECT / "force-app").rglob("*-meta.xml")))
    assert f"{files} metadata files, 0 problems" in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("<type>", "<tpye>", "7: Expected closing tag"),
        ("label>", "lable>", "CustomField knows no <lable>"),
        ("<restricted>true", "<restricted>yes", "<restricted> is no boolean: yes"),
        ("<default>false</default>", "", "CustomValue lacks <default>"),
    ],
)
def test_the_schema_check_finds_what_is_wrong(copied: Path, tmp_path: Path, right: str, wrong: str, said: str) -> None:
    path = copied / ACCOUNT / "fields" / "KARE_Badge__c.field-meta.xml"
    path.write_text(path.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    done = validated(copied / "force-app", tmp_path)
    assert done.returncode == 1
    assert said in done.stdout


def test_the_salesforce_cli_converts_the_source(copied: Path, tmp_path: Path) -> None:
    done = convert(copied, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    members = named_in(copied / "out" / "package.xml")
    assert members["CustomField"] == {f"Account.{field_name(label, 'KARE_')}" for label in LABELS}
    assert members["PermissionSet"] == {"KARE_Integration", "KARE_Reps"}
    assert {"kareProfile", "kareOverride", "kareFields"} <= members["LightningComponentBundle"]
    assert members["ReportType"] == {"KARE_Accounts"}
    assert members["Dashboard"] == {"KARE/", "KARE/Profiles"}
    assert {"ListView", "CompactLayout", "CustomLabel", "Report"} <= set(members)
    assert members.pop("CustomLabels") == {"CustomLabels"}, "would take all labels of the org"
    assert named_in(PROJECT / "uninstall" / "destructiveChangesPost.xml") == members, "what is installed is removed"
    assert named_in(PROJECT / "uninstall" / "package.xml") == {}
    assert not list((copied / "out").rglob("__tests__")), "tests are not deployed"
