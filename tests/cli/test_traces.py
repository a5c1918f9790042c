"""Traces, as a collector on loopback gets them from a command; and the log's lines of a run's steps."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog
from cli.doors import Door
from flow.worlds import RULES, World
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import CapturingLogger

from crm_kare.daemon import Service

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Collector:
    """What came in, span by span."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.spans: list[Any] = []
        self.resource: dict[str, str] = {}

    def take(self, path: str, body: bytes) -> None:
        """A request of the exporter."""
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.resource |= {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def named(self, name: str) -> Any:
        """The one span of that name."""
        (found,) = [one for one in self.spans if one.name == name]
        return found


def facts(span: Any) -> dict[str, Any]:
    """A span's attributes."""
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made: list[Collector] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made[0].take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.append(Collector(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    monkeypatch.setenv(ENDPOINT, made[0].url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield made[0]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("profiles")
def test_a_run_is_one_trace_with_a_span_for_each_step(shop: Door, collector: Collector) -> None:
    assert shop("sync", "--force").code == 0
    run = collector.named("crm-kare sync")
    assert not run.parent_span_id
    told = facts(run)
    assert (told["crm_kare.crm"], told["crm_kare.verb"], told["crm_kare.status"]) == ("shop", "sync", "done")
    assert "-shop-001" in told["crm_kare.run_id"]
    for name, counts in {
        "pull": {"accounts": 4, "opportunities": 10, "deleted": 0},
        "score": {"accounts": 4},
        "plan": {"accounts": 4},
        "apply": {"changed": 4, "rejected": 0},
    }.items():
        step = collector.named(name)
        assert (step.trace_id, step.parent_span_id) == (run.trace_id, run.span_id)
        assert counts.items() <= {key.removeprefix("crm_kare."): value for key, value in facts(step).items()}.items()
    assert collector.resource["service.name"] == "crm-kare"
    assert "Firm" not in repr(collector.spans)


@pytest.mark.usefixtures("profiles")
def test_a_run_that_ends_badly_has_its_code_and_no_words(shop: Door, collector: Collector) -> None:
    assert shop("sync").code == 6
    run = collector.named("crm-kare sync")
    assert (facts(run)["crm_kare.status"], run.status.code, run.status.message) == ("refused", 2, "first-run")
    shop.file("accounts.csv").unlink()
    collector.spans.clear()
    assert shop("pull", "shop").code == 3
    pull = collector.named("pull")
    assert pull.status.code == 2
    assert " " not in pull.status.message
    assert not pull.events


@pytest.mark.usefixtures("profiles")
def test_a_collector_that_is_away_changes_no_runs_end(shop: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    assert shop("sync", "--force", "--json").document["runs"][0]["status"] == "done"


@pytest.mark.parametrize(("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")])
def test_traces_can_be_switched_off(
    shop: Door, collector: Collector, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert shop("pull", "shop").code == 0
    assert collector.spans == []


def test_without_the_extra_the_command_says_so_and_goes_on(shop: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    ended = shop("pull", "shop")
    assert ended.code == 0
    assert "pip install 'crm-kare[tracing]'" in ended.err


def _as_is(_logger: object, _method: str, event: Any) -> Any:
    return event


def test_the_daemon_logs_each_step_under_the_runs_id(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rulebook.yaml").write_text(RULES)
    world, log = World(tmp_path), CapturingLogger()
    world.add("one")
    world.account("one", "a1", owner="Ann Secret")
    world.judge_by_hand(monkeypatch)
    runtime = world.open()
    service = Service(runtime, lambda: False, structlog.wrap_logger(log, processors=[_as_is]))
    service.run("one")
    runtime.close()
    told = {call.kwargs["event"]: call.kwargs for call in log.calls}
    run_id = told["run ended"]["run_id"]
    assert told["pulled"] == {"event": "pulled", "crm": "one", "run_id": run_id, "accounts": 1, "opportunities": 0, "deleted": 0}  # fmt: skip
    assert (told["scored"]["accounts"], told["planned"]["accounts"], told["planned"]["run_id"]) == (1, 1, run_id)
    assert "applied" not in told
    assert "Secret" not in repr(log.calls) + capfd.readouterr().out
