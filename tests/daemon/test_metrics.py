"""What Prometheus is answered: read by its own client's parser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from daemon.service_rig import Rig
from prometheus_client.parser import text_string_to_metric_families

from crm_kare import __version__
from crm_kare.daemon.health import HealthServer, create_app
from crm_kare.daemon.service import Service
from crm_kare.daemon.webhooks import Receiver
from crm_kare.errors import StopError
from crm_kare.ports import Connector, Quota
from crm_kare.sync.flow import Options, sync

LABELS = {"crm", "code", "kind", "status", "stream", "outcome", "direction", "profile", "version", "le"}


class Read(Rig):
    """What its services answer Prometheus."""

    def read(self, service: Service | None = None) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of ours by name and labels."""
        page, _ = (service or self.service).metrics.page()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page.decode())
            for sample in family.samples
            if sample.name.startswith("crm_kare_")
        }

    def value(self, name: str, service: Service | None = None, /, **labels: str) -> float | None:
        """One of them; None where there is none."""
        return self.read(service).get((f"crm_kare_{name}", frozenset(labels.items())))


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    made = Read(tmp_path)
    made.world.judge_by_hand(monkeypatch)
    yield made
    made.close()


def test_a_run_is_counted_with_what_it_did(rig: Read) -> None:
    sync(rig.runtime, ["one"], Options(force=True))
    rig.world.verdict["a1"] = "Expand"
    before = rig.world.clock.now()
    rig.service.run("one")
    assert rig.value("runs_total", crm="one", kind="sync", status="done") == 1
    assert rig.value("run_duration_seconds_count", crm="one", kind="sync") == 1
    assert rig.value("records_total", crm="one", outcome="changed") == 1
    assert rig.value("records_total", crm="one", outcome="rejected") == 0
    assert rig.value("records_read_total", crm="one", stream="accounts") is not None
    assert (rig.value("api_calls_total", crm="one", direction="write") or 0) >= 1
    assert rig.value("runs_in_progress", crm="one") == 0
    assert (rig.value("last_success_timestamp_seconds", crm="one") or 0) >= before.timestamp()
    assert rig.value("accounts", crm="one", profile="Expand") == 1
    assert rig.value("accounts", crm="one", profile="Keep") == 1
    assert rig.value("unknown_ratio", crm="one") == 0
    assert rig.value("build_info", version=__version__) == 1


def test_counters_begin_at_zero_so_that_the_first_event_has_a_rate(rig: Read) -> None:
    for crm in ("one", "two"):
        for kind in ("sync", "webhook"):
            for status in ("done", "partial", "refused", "failed", "unavailable", "busy", "interrupted"):
                assert rig.value("runs_total", crm=crm, kind=kind, status=status) == 0
    assert rig.value("runs_total", crm="one", kind="sync", status="running") is None


def test_runs_that_are_refused_or_break_are_counted_as_such(rig: Read) -> None:
    rig.service.run("one")
    assert rig.value("runs_total", crm="one", kind="sync", status="refused") == 1

    def broken(_connector: Connector) -> Connector:
        raise RuntimeError("Ann Secret")

    rig.world.wrap = broken
    rig.service.run("one")
    assert rig.value("runs_total", crm="one", kind="sync", status="failed") == 1
    assert rig.value("runs_in_progress", crm="one") == 0
    assert rig.value("last_success_timestamp_seconds", crm="one") is None


def test_a_run_under_way_is_told(rig: Read) -> None:
    seen: list[float | None] = []

    def looked(connector: Connector) -> Connector:
        seen.append(rig.value("runs_in_progress", crm="one"))
        return connector

    rig.world.wrap = looked
    rig.service.run("one")
    assert seen[-1] == 1


def test_what_is_kept_is_told_after_a_restart_and_whoever_ran_the_crm(rig: Read) -> None:
    sync(rig.runtime, ["one"], Options(force=True))
    fresh = rig.another()
    assert rig.value("last_success_timestamp_seconds", fresh, crm="one") == rig.world.clock.now().timestamp()
    assert rig.value("accounts", fresh, crm="one", profile="Keep") == 2
    assert rig.value("runs_total", fresh, crm="one", kind="sync", status="done") == 0


@pytest.mark.slow
def test_the_profiles_told_are_those_of_the_last_run_that_wrote_labels(rig: Read) -> None:
    sync(rig.runtime, ["one"], Options(force=True))
    rig.world.verdict["a1"] = "unknown"
    sync(rig.runtime, ["one"], Options(dry_run=True))
    assert rig.value("accounts", crm="one", profile="Keep") == 2
    sync(rig.runtime, ["one"], Options(force=True))
    assert rig.value("accounts", crm="one", profile="unknown") == 1
    assert rig.value("unknown_ratio", crm="one") == 0.5


def test_starts_without_a_success_are_counted_by_the_schedule(rig: Read) -> None:
    assert rig.value("starts_since_success", crm="one") == 0
    rig.world.clock.advance(3600)
    assert rig.value("starts_since_success", crm="one") == 4
    sync(rig.runtime, ["one"], Options(force=True))
    assert rig.value("starts_since_success", crm="one") == 0
    assert rig.value("starts_since_success", crm="two") is None


def test_the_quota_is_told_where_the_crm_tells_it(rig: Read) -> None:
    class Telling:
        def __init__(self, inner: Connector) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return (lambda: Quota(40, 100)) if name == "quota" else getattr(self._inner, name)

    rig.world.wrap = Telling
    rig.service.run("one")
    assert rig.value("quota_used", crm="one") == 40
    assert rig.value("quota_limit", crm="one") == 100
    assert rig.value("quota_used", crm="two") is None


def test_refused_accounts_stay_open_and_a_run_with_some_still_came_to_its_end(rig: Read) -> None:
    sync(rig.runtime, ["one"], Options(force=True))
    rig.world.crms["one"].refuse("accounts", "a1")
    rig.world.verdict["a1"] = "Expand"
    rig.world.clock.advance(3600)
    rig.service.run("one")
    assert rig.value("open_rejections", crm="one") == 1
    assert rig.value("records_total", crm="one", outcome="rejected") == 1
    assert rig.value("runs_total", crm="one", kind="sync", status="partial") == 1
    assert rig.value("last_success_timestamp_seconds", crm="one") == rig.world.clock.now().timestamp()
    assert rig.value("open_rejections", crm="two") == 0


@pytest.mark.slow
def test_two_services_share_no_count_and_no_label_holds_customers_data(rig: Read) -> None:
    sync(rig.runtime, (), Options(force=True))
    rig.service.run("one")
    other = rig.another()
    assert rig.value("runs_total", other, crm="one", kind="sync", status="done") == 0
    page, _ = rig.service.metrics.page()
    assert b"Secret" not in page
    assert b"a1" not in page
    assert {name for _, labels in rig.read() for name, _ in labels} <= LABELS


def test_a_database_that_does_not_answer_is_told_and_ends_nothing(rig: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.service.start()
    assert rig.service.ready()

    def refuse(*_words: object) -> None:
        raise StopError("the database refused", where="here", fix="Look.")

    monkeypatch.setattr(type(rig.runtime.journal.store), "reading", refuse)
    assert not rig.service.ready()
    assert rig.value("database_up") == 0
    assert rig.value("open_rejections", crm="one") is None
    assert rig.value("webhook_records_waiting", crm="one") == 0
    assert rig.value("next_start_timestamp_seconds", crm="one") is not None


def test_metrics_are_answered_over_http_in_both_forms(rig: Read) -> None:
    receiver = Receiver(rig.runtime, rig.service.told, rig.asked.is_set, rig.logger)
    server = HealthServer(create_app(rig.service, receiver), "127.0.0.1", 0)
    server.start()
    try:
        with requests.Session() as session:
            session.headers["Connection"] = "close"
            plain = session.get(f"{server.url}/metrics", timeout=60)
            assert plain.headers["content-type"].startswith("text/plain; version=")
            assert "crm_kare_database_up 1.0" in plain.text
            wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
            other = session.get(f"{server.url}/metrics", headers=wanted, timeout=60)
            assert other.headers["content-type"].startswith("application/openmetrics-text")
            assert other.text.endswith("# EOF\n")
    finally:
        server.close()
