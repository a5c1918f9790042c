"""Every exit code of the Contract, through the entry point."""

import os
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from cli.conftest import writes
from cli.doors import Door

from crm_kare.journal import open_journal
from crm_kare.sandbox import Fault, RunningSandbox
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sync.lease import TTL


def test_0_done_and_a_second_sync_writes_nothing(shop: Door) -> None:
    first, again = shop("sync", "--force", "--json"), shop("sync", "--json")
    assert (first.code, again.code) == (0, 0)
    assert first.document["runs"][0]["applied"]["changed"] == 4
    assert again.document["runs"][0]["planned"] == {"accounts": 0, "fields": 0, "by_transition": {}}


def test_1_unexpected_names_places_and_no_values(shop: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_words: Any) -> None:
        raise RuntimeError("Firm 1 owes us money")

    monkeypatch.setattr("crm_kare.sync.flow.judge", broken)
    ended = shop("score")
    assert ended.code != 0
    assert "Firm 1" not in ended.err
    monkeypatch.setattr("crm_kare.sync.crm_run.CrmRun.open", broken)
    ended = shop("sync")
    assert ended.code == 1
    assert "should not: RuntimeError" in ended.err
    assert "Firm 1" not in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["synk"], "Did you mean 'sync'?"),
        (["plan"], "Missing argument 'CRM'. See `crm-kare plan --help`."),
        (["sync", "--bogus"], "No such option: --bogus"),
        (["sync", "--as-of", "2026-02-30"], "--as-of: `2026-02-30` is no date. Write it as YYYY-MM-DD."),
        (["sync", "shp"], "no CRM is called `shp`. Did you mean `shop`?"),
        (["explain", "shp", "a1"], "Did you mean `shop`?"),
        (["show", "nope"], "there is no run of that id"),
        (["score", "--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'parquet'"),
        (["sync", "--limit", "0"], "--limit"),
    ],
)
def test_2_usage(shop: Door, arguments: list[str], told: str) -> None:
    ended = shop(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_3_a_folder_without_a_project(shop: Door) -> None:
    shop.file("crm-kare.yaml").unlink()
    ended = shop("sync", "--json")
    assert ended.code == 3
    assert "crm-kare init" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("arguments", [["score"], ["explain", "shop", "a1"]])
def test_3_reading_before_the_first_pull(shop: Door, arguments: list[str]) -> None:
    ended = shop(*arguments)
    assert (ended.code, ended.out) == (3, "")
    assert "Run `crm-kare pull shop`" in ended.err


def test_4_a_wrong_token(both: Door, running: RunningSandbox) -> None:
    both.replace(".env", "pat-eu1-sandbox-0000-0000", "pat-eu1-wrong")
    ended = both("sync", "hubspot", "--json")
    (run,) = ended.document["runs"]
    assert (ended.code, run["status"]) == (4, "failed")
    assert run["problems"][0]["fix"]
    assert "pat-eu1-wrong" not in ended.out + ended.err
    assert both("doctor", "hubspot").code == 4
    assert writes(running) == 0


def test_3_fields_that_are_not_there(both: Door, running: RunningSandbox) -> None:
    ended = both("sync", "salesforce", "--force", "--json")
    (run,) = ended.document["runs"]
    assert (ended.code, run["status"]) == (3, "failed")
    assert "crm-kare provision salesforce" in run["problems"][0]["fix"]
    assert writes(running) == 0


@pytest.mark.usefixtures("profiles")
def test_6_a_first_run_without_approval_then_5_with_a_locked_record_then_0_by_retry(
    both: Door, running: RunningSandbox
) -> None:
    assert both("provision", "salesforce").code == 0
    refused = both("sync", "salesforce", "--json")
    assert (refused.code, refused.document["runs"][0]["status"]) == (6, "refused")
    assert writes(running) == 0
    locked = min(one["_id"] for one in org_of(running.sandbox).records.select("Account"))
    running.faults.order_inside(f"lock_row:{locked}", 50)
    partial = both("sync", "salesforce", "--force", "--json")
    (run,) = partial.document["runs"]
    assert (partial.code, run["status"], run["applied"]["rejected"]) == (5, "partial", 1)
    assert [one["account_id"] for one in run["problems"] if one["code"] == "UNABLE_TO_LOCK_ROW"] == [locked]
    running.faults.clear()
    waits = both("sync", "salesforce", "--json")
    assert (waits.code, waits.document["runs"][0]["planned"]["accounts"]) == (0, 0)
    mended = both("retry", "salesforce", "--json")
    assert (mended.code, mended.document["runs"][0]["applied"]["changed"]) == (0, 1)


@pytest.mark.slow
def test_6_a_stale_plan(shop: Door) -> None:
    assert shop("plan", "shop", "-o", str(shop.file("plan"))).code == 0
    shop.replace("opportunities.csv", "o10,a1", "o10,a2")
    assert shop("sync", "--force").code == 0
    ended = shop("apply", "shop", str(shop.file("plan")), "--json")
    assert (ended.code, ended.document["runs"][0]["status"]) == (6, "refused")


def test_7_a_crm_that_is_down(both: Door, running: RunningSandbox) -> None:
    running.faults.order(Fault("*", status=503, times=0))
    ended = both("sync", "hubspot", "--json")
    (run,) = ended.document["runs"]
    assert (ended.code, run["status"]) == (7, "unavailable")
    assert set(run) >= {"run_id", "scored", "profiles", "planned", "applied", "api_calls", "duration_s"}


def test_7_a_run_that_another_holds(shop: Door) -> None:
    assert shop("history").code == 0
    journal = open_journal(f"sqlite:///{shop.file('.crm-kare')}/state.db")
    journal.leases.acquire("shop", "4@elsewhere#1", datetime.now(UTC), TTL)
    journal.close()
    ended = shop("sync", "--force", "--json")
    (run,) = ended.document["runs"]
    assert (ended.code, run["status"]) == (7, "busy")
    assert not list(shop.folder.glob("*results*"))


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_130_and_143_a_signal_ends_the_run_at_a_border(
    shop: Door, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    before = signal.getsignal(number)

    def told(_self: object, step: str, _done: int, _total: int | None) -> None:
        if step == "pull accounts":
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr("crm_kare.sync.crm_run.CrmRun.tell", told)
        ended = shop("sync", "--force", "--json")
    (run,) = ended.document["runs"]
    assert (ended.code, run["status"], run["applied"]["changed"]) == (code, "interrupted", 0)
    assert signal.getsignal(number) is before
    assert shop("sync", "--force").code == 0
