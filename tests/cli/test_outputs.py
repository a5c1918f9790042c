"""What the commands print: for people, and for other programs by `--json` and files."""

import csv
import io
import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
from cli.doors import Door, buy_until

from crm_kare.sandbox import Fault, RunningSandbox


def _words(text: str) -> list[str]:
    return text.split()


COLUMNS = _words(
    "crm account_id name owner profile computed_profile motion badge reason reasons runner_up unknown icp_score icp_tier"
    " icp_completeness icp plan_test plan_answers plan_warranted class class_warnings lapsed lapsed_since events last_event_on"
    " expected_gap_days overdue effective_orders revenue_window next_step rules_version currency"
)
RUN: dict[str, Any] = {
    "run_id": str, "crm": str, "status": str, "as_of": str, "pulled": {"accounts", "opportunities", "deleted"}, "scored": int,
    "profiles": {"Keep", "Attain", "Recapture", "Expand", "retire", "unknown"},
    "planned": {"accounts", "fields", "by_transition"}, "applied": {"changed", "same", "conflict", "rejected", "unknown"},
    "api_calls": {"read", "write"}, "duration_s": float, "problems": list,
}  # fmt: skip


@pytest.mark.usefixtures("judged_once")
def test_a_day_of_an_admin(shop: Door) -> None:
    """Plan, approve by applying the saved plan, look at the journal, ask why; every form of the labels has the same columns."""
    last = datetime.now(UTC).date() - timedelta(days=20)
    buy_until(shop, last)
    planned = shop("plan", "shop", "-o", str(shop.file("plan")))
    assert planned.code == 0
    assert "none │ Keep" in planned.out
    assert "crm-kare apply shop" in planned.out
    assert shop.file("plan").stat().st_mode & 0o777 == 0o600
    redacted = shop("plan", "shop", "--redact").out
    assert "Firm 1" not in redacted

    applied = shop("apply", "shop", str(shop.file("plan")))
    assert applied.code == 0
    assert "changed 4" in applied.out

    runs = shop("history", "--json").document["runs"]
    assert [one["verb"] for one in runs] == ["apply", "plan", "plan"]
    shown = shop("show", runs[0]["run_id"], "--json").document
    assert {one["outcome"] for one in shown["changes"]} == {"changed"}
    assert {"account_id", "label", "old", "new", "why"} <= set(shown["changes"][0])
    assert "changed" in shop("show", runs[0]["run_id"]).out

    for wanted in ("a1", "Firm 1", "firm 1"):
        why = shop("explain", "shop", wanted, "--json").document
        assert (why["account_id"], why["profile"], len(why["history"])) == ("a1", "Keep", 1)
    told = shop("explain", "shop", "a1").out
    assert "Firm 1 (a1): Keep" in told
    assert f"Today: orders 10, last {last}" in told

    listed = shop("score", "--json").document
    assert [list(one) for one in listed] == [COLUMNS] * 4
    assert isinstance(listed[0]["revenue_window"], str)
    assert shop("score", "--format", "json").document == listed
    assert shop("score", "--format", "csv", "-o", str(shop.file("l.csv"))).out == ""
    with shop.file("l.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert json.loads(rows[0]["reasons"]) == listed[0]["reasons"]
    assert shop("score", "--format", "parquet", "-o", str(shop.file("l.parquet"))).code == 0
    assert pq.read_table(shop.file("l.parquet")).column_names == COLUMNS
    assert shop.file("l.parquet").stat().st_mode & 0o777 == 0o600


def test_the_object_of_a_run(shop: Door) -> None:
    ended = shop("sync", "--dry-run", "--as-of", "2026-11-01", "--json")
    assert (ended.code, ended.err) == (0, "")
    (run,) = ended.document["runs"]
    assert list(run) == list(RUN)
    for name, kind in RUN.items():
        assert set(run[name]) == kind if isinstance(kind, set) else isinstance(run[name], kind), name
    assert run["as_of"] == "2026-11-01"
    assert run["planned"]["by_transition"]["none>Keep"] == 1
    assert "first-run" in [one["code"] for one in run["problems"]]
    assert all(set(one) - {"account_id"} == {"code", "message", "fix"} for one in run["problems"])


def test_formulas_are_neutralised(shop: Door) -> None:
    shop.replace("accounts.csv", "Firm 1", "=HYPERLINK(1)")
    assert shop("pull", "shop").code == 0
    assert "'=HYPERLINK(1)" in shop("score", "--format", "csv").out


def test_map_check_and_suggest(shop: Door) -> None:
    assert "The mapping fits." in shop("map", "check", "shop").out
    found = shop("map", "suggest", "shop", "--json").document["suggestions"]
    assert ("accounts", "country", "Billing Country") in [(one["stream"], one["column"], one["field"]) for one in found]
    shop.replace("mappings/files.yaml", "industry: Industry", "industry: Branche")
    ended = shop("map", "check", "shop")
    assert ended.code == 3
    assert "Branche" in ended.out


def test_init_never_writes_over_a_file(shop: Door) -> None:
    ended = shop("init", str(shop.folder))
    assert ended.code == 2
    assert "there already" in ended.err


def test_deprovision_asks_first_and_undoes_provision(both: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert both("provision", "hubspot").code == 0
    again = both("provision", "hubspot", "--json").document
    assert {one["action"] for one in again["steps"]} == {"none"}
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers
    ended = both("deprovision", "hubspot")
    assert ended.code == 130
    assert "kare_profile" in ended.out
    assert both("deprovision", "hubspot", "--yes").code == 0
    assert "kare_profile" in both("provision", "hubspot", "--dry-run").out


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from crm_kare.cli import main; main()", *arguments]


def test_the_reader_of_stdout_goes_away(shop: Door) -> None:
    assert shop("pull", "shop").code == 0
    with subprocess.Popen(
        command("history", "--project", str(shop.folder)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.slow
@pytest.mark.usefixtures("profiles")
def test_a_terminated_sync_stops_at_a_border_and_the_next_goes_on(both: Door, running: RunningSandbox) -> None:
    assert both("provision", "hubspot").code == 0
    running.faults.order(Fault("*/companies", kind="slow", seconds=600.0))
    process = subprocess.Popen(
        command("sync", "hubspot", "--force", "--json", "--project", str(both.folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    waiter = threading.Event()
    while not running.faults.held and process.poll() is None:
        waiter.wait(0.02)
    process.send_signal(signal.SIGTERM)
    running.faults.release()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert json.loads(out)["runs"][0]["status"] == "interrupted"
    running.faults.clear()
    ended = both("sync", "hubspot", "--force", "--json")
    assert (ended.code, ended.document["runs"][0]["applied"]["changed"]) == (0, 12)


def test_a_taken_port(running: RunningSandbox, shop: Door, capsys: pytest.CaptureFixture[str]) -> None:
    from crm_kare.cli import main  # noqa: PLC0415

    with pytest.raises(SystemExit) as end:
        main(["sandbox", "--accounts", "1", "--port", str(running.port)])
    assert end.value.code == 2
    assert f"port {running.port} cannot be used" in capsys.readouterr().err
    shop.put("crm-kare.yaml", shop.file("crm-kare.yaml").read_text() + f"serve: {{port: {running.port}}}\n")
    ended = shop("serve")
    assert ended.code == 3
    assert "Set another port" in ended.err
    assert requests.get(running.url, timeout=60).ok
    assert Path(shop.folder).is_dir()


def test_init_refuses_a_name_that_the_project_file_would_refuse(shop: Door) -> None:
    ended = shop("init", str(shop.folder / "inner"), "--crm", "Acme Corp=salesforce")
    assert ended.code == 2
    assert not (shop.folder / "inner").exists()


def test_init_takes_the_answer_to_how_one_sells(shop: Door) -> None:
    assert shop("init", str(shop.folder / "inner"), "--crm", "a=files", "--business", "projects").code == 0
    assert "business: projects" in (shop.folder / "inner" / "rulebook.yaml").read_text(encoding="utf-8")
