"""The image's recipe and the compose file, as far as no engine is needed: linters, schemas, and what must hold."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from deploy.deploy_tools import DEPLOY, ROOT, run, said
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
