"""The HubSpot project under the tools of its own world: HubSpot's testing utilities, lint, types, the CLI's checks."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients.node_tools import environment, need, node
from deploy.judged import assert_read

from crm_kare_hubspot.source import source_files, write

pytestmark = pytest.mark.timeout(600)

PROJECT = Path(__file__).parents[2] / "deploy" / "hubspot"
PACKAGES = PROJECT / "node_modules"
READ = """
import { readFileSync } from 'node:fs';
import { computedReason, readReasons } from './judgement.mjs';
const told = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(told.map((one) => ({ ...readReasons(one), reason: computedReason(one) }))));
"""


def run(
    script: Path, *arguments: str, home: Path, at: Path = PROJECT, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), str(script), *arguments],
        cwd=at,
        env=environment(home, CI="true"),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def package(*parts: str) -> Path:
    return need(PACKAGES.joinpath(*parts))


def checked(project: Path, home: Path) -> subprocess.CompletedProcess[str]:
    package("@hubspot", "project-parsing-lib")
    return run(PROJECT / "scripts" / "validate.mjs", str(project), home=home)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The project without its packages, to be spoilt."""
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("node_modules")))


@pytest.mark.slow
def test_the_card_passes_its_own_tests(tmp_path: Path) -> None:
    done = run(package("vitest", "vitest.mjs"), "run", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_card_passes_hubspots_lint(tmp_path: Path) -> None:
    done = run(package("eslint", "bin", "eslint.js"), "--max-warnings", "0", ".", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_card_fits_the_types_of_hubspots_components(tmp_path: Path) -> None:
    done = run(package("typescript", "bin", "tsc"), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_project_passes_what_the_cli_checks_without_an_account(copied: Path, tmp_path: Path) -> None:
    done = checked(copied, tmp_path)
    assert (done.returncode, done.stdout.split("\n")) == (0, ["APPLICATION crm-kare", "CARD kare-profile", ""])


@pytest.mark.slow
def test_so_does_the_project_with_webhooks(copied: Path, tmp_path: Path) -> None:
    write(copied, source_files(webhooks="https://kare.example/webhooks/sales"))
    done = checked(copied, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "WEBHOOKS crm-kare-webhooks" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        ("hsproject.json", '"2026.09"', '"2026.08"', "2026.08"),
        ("hsproject.json", '"srcDir"', '"sourceDir"', "srcDir"),
        ("src/app/cards/kare-profile-hsmeta.json", "kare-profile", "kare profile", "'uid' should use only"),
        ("src/app/cards/kare-profile-hsmeta.json", '"type": "card",', "", "Missing required field: 'type'"),
        ("src/app/cards/kare-profile-hsmeta.json", '"type": "card"', '"type": "webhooks"', "webhooks"),
        ("src/app/cards/kare-profile-hsmeta.json", '"location"', '"place"', "'config.location'"),
        ("src/app/app-hsmeta.json", "{", "", "Invalid JSON"),
    ],
)
def test_the_check_finds_what_is_wrong(
    copied: Path, tmp_path: Path, file: str, right: str, wrong: str, said: str
) -> None:
    path = copied / file
    path.write_text(path.read_text(encoding="utf-8").replace(right, wrong, 1), encoding="utf-8")
    done = checked(copied, tmp_path)
    assert done.returncode == 1
    assert said in done.stdout


@pytest.mark.slow
def test_the_card_reads_every_answer_and_loses_no_reason(tmp_path: Path) -> None:
    def read(fields: list[dict[str, str]]) -> list[dict[str, Any]]:
        """What the card makes of each company's properties."""
        module = tmp_path / "judgement.mjs"
        bundled = run(
            package("esbuild", "bin", "esbuild"),
            str(PROJECT / "src/app/cards/judgement.ts"),
            "--bundle",
            "--format=esm",
            f"--outfile={module}",
            home=tmp_path,
        )
        assert bundled.returncode == 0, bundled.stderr
        script = tmp_path / "read.mjs"
        script.write_text(READ, encoding="utf-8")
        done = run(script, home=tmp_path, at=tmp_path, given=json.dumps(fields))
        assert done.returncode == 0, done.stderr
        told: list[dict[str, Any]] = json.loads(done.stdout)
        return told

    assert_read(read)
