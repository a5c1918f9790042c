"""Killed with SIGKILL at twenty random moments: the next run converges, no write is lost, none takes effect twice."""

from pathlib import Path

import pytest
from flow.killed_runs import kill_again_and_again
from flow.sandbox_project import sandbox_project

from crm_kare.clock import SystemClock

CALLS = 12
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("path", ["collections", "ingest"])
def test_killed_twenty_times(tmp_path: Path, path: str) -> None:
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=40, clock=SystemClock()) as project:
        if path == "ingest":
            project.configure("streams:  ", "options: {bulk_write_from: 1}\nstreams:  ", "mappings/salesforce.yaml")
        kill_again_and_again(project, CALLS, seed=len(path))
