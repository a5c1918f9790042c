"""The image's recipe and the compose file, as far as no engine is needed: linters, schemas, and what must hold."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from deploy.deploy_tools import DEPLOY, ROOT, run, said
from flow.worlds import RULES
from ruamel.yaml import YAML

DOCKER = DEPLOY / "docker"
RECIPE = (DOCKER / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = YAML(typ="safe").load(DOCKER / "compose.yaml")


def copied() -> list[str]:
    """What the recipe copies from the repository."""
    found = []
    for line in re.findall(r"^COPY (?!--from)(.+)$", RECIPE, re.MULTILINE):
        found += line.split()[:-1]
    return found


def test_hadolint_finds_nothing_and_would() -> None:
    done = run("hadolint", DOCKER / "Dockerfile")
    assert (done.returncode, said(done)) == (0, "")
    assert run("hadolint", "-", given="FROM debian\nRUN cd /x && apt-get install curl\n").returncode == 1


@pytest.mark.slow
def test_the_compose_file_is_one_by_the_specification(tmp_path: Path) -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = run("check-jsonschema", *schema, DOCKER / "compose.yaml")
    assert done.returncode == 0, said(done)
    (tmp_path / "wrong.yaml").write_text("services: {a: {image: b, read_onlyy: true}}\n")
    assert run("check-jsonschema", *schema, tmp_path / "wrong.yaml").returncode == 1


def test_what_is_copied_is_sent_to_the_builder_and_nothing_else() -> None:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert sent == set(copied())


def test_what_is_copied_is_enough_to_build_the_program(tmp_path: Path) -> None:
    for name in copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert {"crm_kare/cli/app.py", "crm_kare_salesforce/connector.py"} <= set(names)


def test_the_image_runs_as_nobody_and_only_what_the_lock_says_is_in_it() -> None:
    assert re.findall(r"^USER (.+)$", RECIPE, re.MULTILINE) == ["10001:10001"]
    assert len(re.findall(r"^RUN uv sync --frozen --no-dev --extra postgresql ", RECIPE, re.MULTILINE)) == 2
    assert RECIPE.count("\nFROM ") == 2
    assert "HEALTHCHECK" in RECIPE
    assert not re.search(r"^(ARG|ENV).*(TOKEN|SECRET|PASSWORD)", RECIPE, re.MULTILINE)


def test_services_have_a_read_only_root_and_no_privileges() -> None:
    for service in COMPOSE["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in COMPOSE["services"]["crm-kare"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert COMPOSE["services"]["database"]["networks"] == ["inside"]
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"]["crm-kare"]["ports"])


def test_secrets_are_files_named_as_the_settings() -> None:
    ours = COMPOSE["services"]["crm-kare"]["secrets"]
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert all(f"`{name}`" in settings for name in ours)
    assert COMPOSE["services"]["crm-kare"]["environment"] == {"CRM_KARE_SECRETS": "/run/secrets"}
    assert {name: f"./secrets/{name}" for name in COMPOSE["secrets"]} == {
        name: one["file"] for name, one in COMPOSE["secrets"].items()
    }
    assert set(COMPOSE["services"]["database"]["secrets"]) | set(ours) == set(COMPOSE["secrets"])


@pytest.mark.parametrize("text", [RECIPE, (DOCKER / "compose.yaml").read_text()])
def test_the_version_is_the_programs(text: str) -> None:
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    assert f"crm-kare:{found[1]}" in text


MAPPING = """
version: 1
connector: files
streams:
  accounts: {from: a.csv, fields: {account_id: Id, name: Name}}
  opportunities:
    from: o.csv
    fields: {opportunity_id: Id, account_id: Account, closed_on: Day, amount: Sum, outcome: {field: Stage, map: {Won: won}}}
"""
READ_ONLY = """
mount --bind "$1" "$1" && mount --bind "$1/.crm-kare" "$1/.crm-kare" && mount --bind "$2" "$2" || exit 77
mount -o remount,bind,ro / && mount -o remount,bind,ro "$1" || exit 77
touch "$1/written" 2>/dev/null && exit 78
shift 2; exec "$@"
"""


@pytest.mark.slow
def test_the_program_needs_to_write_to_its_state_and_its_temporary_folder_only(tmp_path: Path) -> None:
    unshare = shutil.which("unshare") or pytest.skip("there is no unshare")
    project, temporary = tmp_path / "project", tmp_path / "tmp"
    (project / ".crm-kare").mkdir(parents=True)
    temporary.mkdir()
    (project / "rulebook.yaml").write_text(RULES)
    (project / "m.yaml").write_text(MAPPING)
    (project / "a.csv").write_text("Id,Name\n1,One\n")
    (project / "o.csv").write_text("Id,Account,Day,Sum,Stage\n1,1,2026-01-01,5,Won\n")
    (project / "crm-kare.yaml").write_text("version: 1\ncrms:\n  shop: {connector: files, mapping: m.yaml}\n")
    program = [sys.executable, "-c", "from crm_kare.cli import main; main()", "plan", "shop", "--json"]
    places = {"CRM_KARE_PROJECT": str(project), "TMPDIR": str(temporary), "HOME": "/nonexistent"}
    done = subprocess.run(
        [unshare, "--mount", "sh", "-c", READ_ONLY, "sh", project, temporary, *program],
        env={**os.environ, **places, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert done.returncode == 0, done.stderr
    assert '"accounts": 1' in done.stdout
    assert (project / ".crm-kare" / "state.db").exists()
