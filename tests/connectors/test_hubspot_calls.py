"""HubSpot's quirks in calling: tokens, limits, who may be asked, answers of odd shapes."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError, KareError, QuotaError, RetryError, StopError
from crm_kare.http import USER_AGENT
from crm_kare.model import Kind
from crm_kare.ports import Connector, Context, SourceField, StreamSpec
from crm_kare.sandbox.hubspot import Limits
from crm_kare.testing import steps
from crm_kare.testing.clock import MORNING, FakeClock
from crm_kare_hubspot import connector
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.records import fetched_links, read_batch

on_sandbox = pytest.mark.parametrize("rig", ["hubspot"], indirect=True)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`made` keeps its state in the working directory."""
    monkeypatch.chdir(tmp_path)


@on_sandbox
def test_a_refreshed_token_is_shared_and_renewed_ahead_of_its_end(rig: Any) -> None:
    made = rig.connector()
    for _ in range(3):
        made.schema("companies")
        made.organisation()
        rig.clock.advance(steps.MINUTE)
    assert len(rig.running.faults.calls("/oauth/*")) == 1
    rig.clock.advance(23 * steps.MINUTE)
    made.schema("deals")
    assert len(rig.running.faults.calls("/oauth/*")) == 2
    assert [one.status for one in rig.running.faults.calls("/crm/*")] == [200] * 2


@on_sandbox
def test_a_wrong_refresh_token_is_an_access_error_that_names_the_setting(rig: Any) -> None:
    with pytest.raises(AccessError) as caught:
        rig.stranger().schema("companies")
    assert caught.value.where == "HUBSPOT_REFRESH_TOKEN"
    assert "wrong-refresh-token" not in str(caught.value)


@on_sandbox
def test_many_calls_earn_no_429_when_alone(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, limits=Limits())
    made = rig.static(burst_share=1.0)
    ids = steps.seeded(rig, 1)
    for _ in range(250):
        made.read("companies", ids, rig.setting.fields)
    assert {one.status for one in rig.running.faults.calls()} == {200}
    assert 5 <= rig.clock.monotonic() - steps.DAY <= 20


@on_sandbox
def test_searches_have_a_limit_of_their_own(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, limits=Limits())
    made, spec = rig.static(), steps.accounts(rig)
    cursor = steps.pull(made, spec).cursor
    for _ in range(12):
        steps.pull(made, spec, cursor)
    assert {one.status for one in rig.running.faults.calls("*/search")} == {200}


@on_sandbox
def test_another_app_that_searches_makes_us_wait_a_second(rig: Any) -> None:
    rig.portal.settings = replace(rig.portal.settings, limits=Limits())
    made, spec = rig.static(), steps.accounts(rig)
    cursor = steps.pull(made, spec).cursor
    for _ in range(5):
        rig.portal.meter.admit_search(Limits(), "UTC")
    slept = len(rig.clock.slept)
    steps.pull(made, spec, cursor)
    assert rig.clock.slept[slept:] == [1.0]


@dataclass
class Script:
    """Answers in order, the last one again and again; requests as they came."""

    answers: Sequence[tuple[int, Mapping[str, str], bytes]]
    asked: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def served(*answers: tuple[int, Mapping[str, str], bytes]) -> Iterator[Script]:
    script = Script(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = script.answers[min(len(script.asked), len(script.answers) - 1)]
            script.asked.append((self.command, self.path, dict(self.headers), sent))
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815  http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def made(script: Script, clock: FakeClock | None = None, **secrets: str) -> Connector:
    given = {"HUBSPOT_API_URL": script.url, "HUBSPOT_ACCESS_TOKEN": "pat-eu1-made-up-token"} | secrets
    credentials = {name: SecretStr(value) for name, value in given.items() if value}
    return connector(Context("acme", credentials, clock or FakeClock(), Path(), Path()))


def ok(told: object, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    return 200, headers, json.dumps(told).encode()


DETAILS = ok({"portalId": 7, "timeZone": "UTC", "companyCurrency": "EUR", "uiDomain": "app-eu1.hubspot.com"})


def test_every_request_bears_our_name_and_the_token() -> None:
    with served(DETAILS) as script:
        one = made(script)
        one.organisation()
        one.close()
    headers = script.asked[0][2]
    assert (headers["User-Agent"], headers["Authorization"]) == (USER_AGENT, "Bearer pat-eu1-made-up-token")


def test_every_call_has_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    with served(DETAILS) as script:
        one = made(script)
        import urllib3  # noqa: PLC0415  to look at what reaches the pool

        usual = urllib3.PoolManager.request

        def request(self: urllib3.PoolManager, *args: Any, **more: Any) -> Any:
            seen.append(more["timeout"])
            return usual(self, *args, **more)

        monkeypatch.setattr(urllib3.PoolManager, "request", request)
        one.organisation()
        one.close()
    assert [(timeout.connect_timeout, timeout.read_timeout) for timeout in seen] == [(10.0, 120.0)]


@pytest.mark.parametrize(
    ("status", "headers", "body", "wanted", "waits"),
    [
        (429, {}, {"message": "You have reached your ten_secondly_rolling limit."}, RetryError, [*[10.0] * 4, 16.0]),
        (429, {}, {"message": "You have reached your secondly limit."}, RetryError, [1.0, 2.0, 4.0, 8.0, 16.0]),
        (
            429,
            {"Retry-After": "3"},
            {"message": "You have reached your secondly limit."},
            RetryError,
            [3.0, 3.0, 4.0, 8.0, 16.0],
        ),
        (429, {}, {"policyName": "DAILY", "message": "You have reached your daily limit."}, QuotaError, []),
        (429, {"Retry-After": "86400"}, {"message": "You have reached your secondly limit."}, RetryError, [60.0] * 5),
        (503, {"Retry-After": "nan"}, {}, RetryError, [1.0, 2.0, 4.0, 8.0, 16.0]),
        (503, {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}, {}, RetryError, [1.0, 2.0, 4.0, 8.0, 16.0]),
        (423, {}, {"message": "locked"}, RetryError, [2.0] * 5),
        (477, {"Retry-After": "20"}, {"message": "migration"}, RetryError, [20.0] * 5),
        (502, {}, {}, RetryError, [1.0, 2.0, 4.0, 8.0, 16.0]),
        (414, {}, {}, ConfigError, []),
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}, {}, StopError, []),
        (401, {}, {"category": "INVALID_AUTHENTICATION"}, AccessError, []),
        (400, {}, {"category": "VALIDATION_ERROR", "message": "Unable to infer object type"}, ConfigError, []),
    ],
)
def test_what_each_answer_means(
    status: int, headers: Mapping[str, str], body: object, wanted: type[KareError], waits: list[float]
) -> None:
    clock = FakeClock()
    with served((status, headers, json.dumps(body).encode())) as script:
        one = made(script, clock)
        with pytest.raises(wanted) as caught:
            one.schema("companies")
        one.close()
    assert type(caught.value) is wanted
    assert caught.value.where == "companies"
    assert clock.slept == waits
    assert len(script.asked) == len(waits) + 1


@pytest.mark.parametrize("body", [b"null", b"[]", b"<html>", b'{"results": [', b"\xff\xfe\x00"])
def test_an_answer_of_the_wrong_shape_stops_and_shows_only_its_size(body: bytes) -> None:
    with served((200, {}, body)) as script:
        one = made(script)
        with pytest.raises(StopError) as caught:
            one.schema("companies")
        one.close()
    assert f"{len(body)} bytes" in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"results": null}', b'{"results": [7]}', b'{"results": [{"idd": "1"}]}']
)
def test_an_answer_without_results_is_not_an_empty_portal(body: bytes) -> None:
    with served(PROPERTIES, (200, {}, body)) as script:
        one = made(script)
        with pytest.raises(StopError, match="no list of results") as caught:
            list(one.pull(SPEC, None))
        one.close()
    assert caught.value.fix


def test_nobody_there_is_a_retry_error_after_growing_waits() -> None:
    with served(DETAILS) as script:
        pass
    clock = FakeClock()
    with pytest.raises(RetryError):
        made(script, clock).organisation()
    assert clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize("url", ["http://api.hubapi.com", "ftp://127.0.0.1", "api.hubapi.com"])
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(Script((), url=url)).organisation()
    assert caught.value.where == "HUBSPOT_API_URL"


def test_without_any_login_the_settings_are_named() -> None:
    one = made(Script((), url="http://127.0.0.1:1"), HUBSPOT_ACCESS_TOKEN="", HUBSPOT_CLIENT_ID="x")
    with pytest.raises(ConfigError, match="HUBSPOT_CLIENT_SECRET, HUBSPOT_REFRESH_TOKEN"):
        one.organisation()
    assert [problem.code for problem in one.check((), ())] == ["config", "scopes-needed"]


PROPERTIES = ok(
    {
        "results": [
            {"name": "hs_object_id", "type": "number", "fieldType": "number"},
            {"name": "when", "type": "datetime", "fieldType": "date"},
            {"name": "day", "type": "date", "fieldType": "date"},
            {"name": "flag", "type": "bool", "fieldType": "booleancheckbox"},
            {"name": "text", "type": "string", "fieldType": "text"},
            {"name": "size", "type": "number", "fieldType": "number"},
        ]
    }
)
NAMES = ("hs_object_id", "when", "day", "flag", "text", "size")
SPEC = StreamSpec("accounts", "companies", tuple(SourceField(name, name, Kind.TEXT) for name in NAMES))


def record(number: int, **properties: str | None) -> dict[str, Any]:
    return {"id": str(number), "properties": {"hs_object_id": str(number), **properties}}


def test_values_come_in_canonical_form_whatever_form_hubspot_chose() -> None:
    page = {
        "results": [
            record(1, when="1767225600000", day="1767225600000", flag="true", text="", size="62.50"),
            record(2, when="2026-01-01T00:00:00Z", day="2026-01-01", flag="FALSE", text=" kept ", size="1.0E7"),
            record(3, when="2026-01-01T00:00:00.120Z", day="2026-01-01T00:00:00Z", flag=None, text="a\ud800b"),
        ]
    }
    with served(PROPERTIES, ok(page)) as script:
        one = made(script)
        (got,) = one.pull(SPEC, None)
        one.close()
    assert [tuple(row.values()) for row in got.records.to_pylist()] == [
        ("1", "2026-01-01T00:00:00Z", "2026-01-01", "true", None, "62.50"),
        ("2", "2026-01-01T00:00:00Z", "2026-01-01", "false", " kept ", "1.0E7"),
        ("3", "2026-01-01T00:00:00.120Z", "2026-01-01", None, "a?b", None),
    ]


def told_207(script: Script, call: Callable[[Client], object]) -> object:
    given = {"HUBSPOT_API_URL": script.url, "HUBSPOT_ACCESS_TOKEN": "pat-eu1-made-up-token"}
    secrets = {name: SecretStr(value) for name, value in given.items()}
    client = Client(Context("acme", secrets, FakeClock(), Path(), Path()))
    try:
        return call(client)
    finally:
        client.close()


NO_COMPANY = "No company is associated with deal 1."
GONE = "Could not get some COMPANY objects, they may be deleted or not exist. Check that ids are valid."


@pytest.mark.parametrize(
    "error",
    [
        {"category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"},
        {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"},
        {"status": "error", "category": "NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"},
        {"message": NO_COMPANY},
    ],
)
def test_no_association_is_no_failure_whichever_of_its_fields_hubspot_sends(error: Mapping[str, str]) -> None:
    with served((207, {}, json.dumps({"results": [], "numErrors": 1, "errors": [error]}).encode())) as script:
        assert told_207(script, lambda client: fetched_links(client, "deals", "companies", ["1"])) == {"1": []}


@pytest.mark.parametrize("error", [{"category": "OBJECT_NOT_FOUND"}, {"message": GONE, "context": {"ids": ["1"]}}])
def test_a_record_that_is_gone_is_no_failure_whichever_of_its_fields_hubspot_sends(error: Mapping[str, Any]) -> None:
    with served((207, {}, json.dumps({"results": [], "numErrors": 1, "errors": [error]}).encode())) as script:
        assert told_207(script, lambda client: read_batch(client, "companies", ["1"], ["name"])) == []
    asked = json.loads(script.asked[0][3])
    assert asked.keys() == {"inputs", "properties", "propertiesWithHistory"}  # the OpenAPI document requires all three


@pytest.mark.parametrize("error", [{}, {"category": "INTERNAL_ERROR", "message": "x"}, {"message": "Try later"}])
def test_another_failure_of_a_part_is_never_taken_for_no_association(error: Mapping[str, str]) -> None:
    with (
        served((207, {}, json.dumps({"results": [], "numErrors": 1, "errors": [error]}).encode())) as script,
        pytest.raises(StopError) as caught,
    ):
        told_207(script, lambda client: fetched_links(client, "deals", "companies", ["1"]))
    assert caught.value.fix


def test_a_list_that_goes_round_is_stopped() -> None:
    page = {"results": [record(1)], "paging": {"next": {"after": "1"}}}
    with served(PROPERTIES, ok(page)) as script:
        one = made(script)
        with pytest.raises(StopError, match="goes round"):
            list(one.pull(SPEC, None))
        one.close()
    assert len(script.asked) == 3


def test_a_search_that_goes_round_is_stopped() -> None:
    searched = {"total": 900, "results": [record(number) for number in range(1, 201)]}
    with served(PROPERTIES, ok({"results": []}), ok(searched)) as script:
        one = made(script)
        (page,) = one.pull(SPEC, None)
        with pytest.raises(StopError, match="goes round"):
            list(one.pull(SPEC, page.cursor))
        one.close()


def test_the_burst_follows_the_headers() -> None:
    clock = FakeClock()
    told = {"X-HubSpot-RateLimit-Max": "10", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    with served((200, told, b'{"results": []}')) as script:
        one = made(script, clock)
        for number in range(19):
            one.read("companies", [str(number)], ())
        one.close()
    assert clock.slept == [pytest.approx(one) for one in (10.0, *[0.5] * 9, 5.5)]


def test_a_clock_that_runs_ahead_of_hubspots_loses_nothing() -> None:
    clock = FakeClock()
    behind = format_datetime(clock.now() - timedelta(minutes=20), usegmt=True)
    empty = (200, {"Date": behind}, b'{"results": [], "total": 0}')
    with served((200, {"Date": behind}, PROPERTIES[2]), empty) as script:
        one = made(script, clock)
        (page,) = one.pull(SPEC, None)
        clock.advance(3600)
        list(one.pull(SPEC, page.cursor))
        one.close()
    (asked,) = (json.loads(body) for _, path, _, body in script.asked if path.endswith("/search"))
    since = int(asked["filterGroups"][0]["filters"][0]["value"]) / 1000
    assert since == MORNING.timestamp() - 20 * 60 - 5


def test_the_pools_own_log_tells_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with served(DETAILS) as script:
        one = made(script)
        one.organisation()
        one.close()
    assert "made-up-token" not in caplog.text
