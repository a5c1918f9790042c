"""`crm-kare serve --projects` as a process: its own threads, its door over HTTP, its end by SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from flow.worlds import RULES

MAPPING = """
version: 1
connector: files
streams:
  accounts: {from: a.csv, fields: {account_id: Id, name: Name}}
  opportunities:
    from: o.csv
    fields: {opportunity_id: Id, account_id: Account, closed_on: Day, amount: Sum, outcome: {field: Stage, map: {Won: won}}}
"""
COMMAND = "from crm_kare.cli import main; main()"
PATIENCE = 120.0


def _project(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "rulebook.yaml").write_text(RULES)
    (folder / "m.yaml").write_text(MAPPING)
    (folder / "crm-kare.yaml").write_text(
        'version: 1\ncrms:\n  shop: {connector: files, mapping: m.yaml, schedule: "0 0 1 1 *"}\n'
    )


def _told(url: str) -> dict[str, Any]:
    """The projects, once each of them is open or out of order."""
    ends = time.monotonic() + PATIENCE
    while True:
        answer = requests.get(f"{url}/healthz", timeout=60, headers={"Connection": "close"}).json()
        projects: dict[str, Any] = answer["projects"]
        if len(projects) == 3 and not any("opening" in one for one in projects.values()):
            return projects
        assert time.monotonic() < ends, projects
        time.sleep(0.1)


@pytest.mark.slow
def test_many_projects_are_served_by_one_process_until_sigterm(tmp_path: Path) -> None:
    for name in ("acme", "broken", "other"):
        _project(tmp_path / name)
    (tmp_path / "broken" / "crm-kare.yaml").write_text("version: 7\n")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "CRM_KARE_PROJECTS": str(tmp_path)},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["event"] == "health":
            url = lines[-1]["url"]
            told = _told(url)
            assert {name for name, one in told.items() if "problem" in one} == {"broken"}
            assert set(told["acme"]["crms"]) == {"shop"}
            assert requests.get(f"{url}/readyz", timeout=60, headers={"Connection": "close"}).json() == {"ready": True}
            page = requests.get(f"{url}/metrics", timeout=60, headers={"Connection": "close"}).text
            assert 'crm_kare_project_up{project="broken"} 0.0' in page
            assert "crm_kare_workers 2.0" in page
            process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    events = [(one["event"], one.get("project")) for one in lines]
    assert {("project out of order", "broken"), ("stopped", "acme"), ("stopped", "other")} <= set(events)
    assert (tmp_path / "acme" / ".crm-kare" / "state.db").is_file()
