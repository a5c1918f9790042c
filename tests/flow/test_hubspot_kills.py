"""Killed with SIGKILL at twenty random moments: the next run converges, no write is lost, none takes effect twice."""

from dataclasses import replace
from pathlib import Path

import pytest
from flow.killed_runs import kill_again_and_again
from flow.sandbox_project import sandbox_project

from crm_kare.clock import SystemClock
from crm_kare.sandbox.hubspot import portal_of

CALLS = 12
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_killed_twenty_times(tmp_path: Path) -> None:
    """Search is behind all the time: no run sees what the one before it wrote."""
    with sandbox_project(tmp_path, crms=("hubspot",), accounts=25, clock=SystemClock()) as project:
        portal = portal_of(project.running.sandbox)
        portal.settings = replace(portal.settings, index_lag=30.0)
        kill_again_and_again(project, CALLS, seed=20)
