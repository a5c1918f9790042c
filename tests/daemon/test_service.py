"""The daemon over CRMs in memory: runs by direct call, nothing waits."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests
from daemon.service_rig import Rig
from flow.worlds import RULES

from crm_kare.daemon.health import HealthServer, create_app
from crm_kare.daemon.service import Service
from crm_kare.daemon.webhooks import Receiver
from crm_kare.errors import ConfigError
from crm_kare.ports import Connector
from crm_kare.sync.flow import Options, sync


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.world.judge_by_hand(monkeypatch)
    yield made
    made.close()


@pytest.mark.slow
def test_a_first_run_waits_for_approval_and_says_how_while_the_other_goes_on(rig: Rig) -> None:
    sync(rig.runtime, ["two"], Options(force=True))
    rig.service.run("one")
    rig.service.run("two")
    first, second = rig.events("run ended")
    assert (first["crm"], first["status"], first["code"], first["level"]) == ("one", "refused", "first-run", "warning")
    assert "apply the saved plan" in first["fix"]
    assert (second["crm"], second["status"], second["level"]) == ("two", "done", "info")
    assert rig.world.labels("one", "a1")["Profile"] is None
    told = rig.service.health()["crms"]
    assert (told["one"]["last"]["exit_code"], told["two"]["last"]["exit_code"]) == (6, 0)


@pytest.mark.slow
def test_logs_hold_no_customers_data(rig: Rig) -> None:
    sync(rig.runtime, (), Options(force=True))
    rig.service.run("one")
    assert "Ann Secret" not in repr(rig.log.calls)
    assert "Firm" not in repr(rig.log.calls)


def test_a_run_that_another_holds_is_left_to_it(rig: Rig) -> None:
    rig.runtime.journal.leases.acquire("one", "4@elsewhere#1", rig.world.clock.now(), timedelta(seconds=90))
    rig.service.run("one")
    (ended,) = rig.events("run ended")
    assert (ended["status"], ended["level"]) == ("busy", "info")


def test_one_runs_accident_ends_neither_the_daemon_nor_tells_values(rig: Rig) -> None:
    def broken(_connector: Connector) -> Connector:
        raise RuntimeError("Ann Secret")

    rig.world.wrap = broken
    rig.service.run("one")
    (failed,) = rig.events("run failed")
    assert (failed["code"], failed["level"]) == ("RuntimeError", "error")
    assert "Ann Secret" not in repr(rig.log.calls)
    rig.world.wrap = lambda connector: connector
    rig.service.run("one")
    assert rig.service.health()["crms"]["one"]["last"]["status"] == "refused"


def test_a_stop_ends_a_run_at_a_border_and_begins_no_other(rig: Rig) -> None:
    reached, go_on = Event(), Event()

    class Slow:
        def __init__(self, inner: Connector) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            if name == "pull":
                reached.set()
                go_on.wait(60)
            return getattr(self._inner, name)

    rig.world.wrap = Slow
    worker = Thread(target=rig.service.run, args=["one"])
    worker.start()
    assert reached.wait(60)
    assert rig.service.health()["crms"]["one"]["running"]
    rig.asked.set()
    assert not rig.service.stop(0)
    go_on.set()
    worker.join()
    assert rig.service.stop(0)
    assert rig.events("run ended")[0]["status"] == "interrupted"
    rig.service.run("one")
    assert len(rig.events("run begins")) == 1


def test_only_crms_with_a_schedule_are_run(rig: Rig) -> None:
    rig.service.start()
    (started,) = rig.events("started")
    assert (started["crms"], started["left_out"]) == (["one"], ["two"])
    told = rig.service.health()["crms"]
    assert told["one"]["next"] is not None
    assert told["two"]["next"] is None


def test_a_wrong_mapping_or_no_schedule_at_all_is_told_at_the_start(rig: Rig) -> None:
    (rig.world.folder / "one.yaml").write_text("version: 7\n")
    with pytest.raises(ConfigError, match=r"one\.yaml"):
        rig.service.start()
    text = (rig.world.folder / "crm-kare.yaml").read_text()
    (rig.world.folder / "crm-kare.yaml").write_text(text.replace('schedule: "*/15 * * * *", ', ""))
    runtime = rig.world.open()
    with pytest.raises(ConfigError, match="no CRM has a schedule"):
        Service(runtime, rig.asked.is_set, rig.logger).start()
    runtime.close()


def test_health_is_answered_over_http(rig: Rig) -> None:
    receiver = Receiver(rig.runtime, rig.service.told, rig.asked.is_set, rig.logger)
    health = HealthServer(create_app(rig.service, receiver), "127.0.0.1", 0)
    health.start()
    try:
        assert requests.get(f"{health.url}/readyz", timeout=60).status_code == 503
        rig.service.start()
        assert requests.get(f"{health.url}/readyz", timeout=60).json() == {"ready": True}
        assert set(requests.get(f"{health.url}/healthz", timeout=60).json()["crms"]) == {"one", "two"}
    finally:
        health.close()


def test_sigterm_ends_the_process_with_0_and_its_log_is_json(tmp_path: Path) -> None:
    (tmp_path / "rulebook.yaml").write_text(RULES)
    (tmp_path / "m.yaml").write_text(
        "version: 1\nconnector: files\nstreams:\n  accounts: {from: a.csv, fields: {account_id: Id, name: Name}}\n"
        "  opportunities: {from: o.csv, fields: {opportunity_id: Id, account_id: Account, closed_on: Day, amount: Sum, outcome: {field: Stage, map: {Won: won}}}}\n"
    )
    (tmp_path / "crm-kare.yaml").write_text(
        'version: 1\ncrms:\n  shop: {connector: files, mapping: m.yaml, schedule: "0 0 1 1 *"}\nserve: {port: 0}\n'
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from crm_kare.cli import main; main()",
            "serve",
            "--project",
            str(tmp_path),
            "--host",
            "127.0.0.2",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["event"] == "health":
            assert lines[-1]["url"].startswith("http://127.0.0.2:")
            assert requests.get(f"{lines[-1]['url']}/readyz", timeout=60).ok
            process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert [one["event"] for one in lines] == ["started", "health", "stopped"]
