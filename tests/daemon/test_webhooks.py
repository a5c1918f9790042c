"""Webhooks at the daemon's door, from a CRM in memory: by direct call, and once over HTTP."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog
from daemon.service_rig import Rig
from fastapi import FastAPI
from flow.worlds import RULES

from crm_kare.daemon.health import HealthServer, create_app
from crm_kare.daemon.webhooks import LARGEST, Receiver
from crm_kare.errors import ConfigError
from crm_kare.ports import Connector, Notice, Page, StreamSpec
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.runtime import open_project, reread
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.memory.notices import notice, sealed

SERVE = "serve: {public_url: https://kare.example.com}\n"


class Door(Rig):
    """The first of the CRMs sends webhooks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, words="webhooks: true, ", more=SERVE)
        self.receiver = Receiver(self.runtime, self.service.told, self.asked.is_set, self.logger)
        self.app = create_app(self.service, self.receiver)

    def send(self, notice: Notice, crm: str = "one") -> int:
        """The status that a notice is answered with."""
        return ask(self.app, f"/webhooks/{crm}", notice)[0]

    def notice(self, *accounts: str, organisation: str = "memory-1") -> Notice:
        """A genuine one, of this moment."""
        return notice({"accounts": accounts}, self.world.crms["one"].token, self.world.clock.now(), organisation)


def ask(app: FastAPI, path: str, sent: Notice, *, method: str = "POST", gone: bool = False) -> tuple[int, bytes]:
    """Status and body of an answer; the request's body comes in two pieces, or the sender is gone after the first."""
    half = len(sent.body) // 2
    pieces: list[dict[str, Any]] = [
        {"type": "http.request", "body": sent.body[:half], "more_body": True},
        {"type": "http.disconnect"} if gone else {"type": "http.request", "body": sent.body[half:], "more_body": False},
    ]
    answer: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return pieces.pop(0)

    async def send(message: Any) -> None:
        answer.append(message)

    headers = [(name.encode(), value.encode()) for name, value in sent.headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": sent.query.encode(), "headers": headers}
    asyncio.run(app(scope, receive, send))
    return answer[0]["status"], b"".join(one.get("body", b"") for one in answer[1:])


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    made = Door(tmp_path)
    made.world.judge_by_hand(monkeypatch)
    yield made
    made.receiver.close()
    made.close()


@pytest.fixture
def synced(door: Door) -> Door:
    sync(door.runtime, ["one"], Options(force=True))
    return door


def test_a_notice_becomes_a_run_that_takes_its_records_in(synced: Door) -> None:
    synced.world.verdict["a2"] = "Recapture"
    synced.world.edit("one", "a1", Override="Expand")
    assert synced.send(synced.notice("a1")) == 204
    assert synced.events("run begins") == []
    synced.service.take_in("one")
    (ended,) = synced.events("run ended")
    assert (ended["status"], ended["records"]) == ("done", 1)
    assert synced.world.labels("one", "a1")["Profile"] == "Expand"
    assert synced.world.labels("one", "a2")["Profile"] == "Recapture"
    assert "Ann Secret" not in repr(synced.log.calls)


def test_a_wrong_sum_an_old_one_and_a_replay_are_refused_alike(door: Door) -> None:
    forged = notice({"accounts": ["a1"]}, "another token", door.world.clock.now())
    good, old = door.notice("a1"), door.notice("a2")
    assert [door.send(one) for one in (forged, good, good)] == [401, 204, 401]
    door.world.clock.advance(301)
    assert door.send(old) == 401
    assert door.send(door.notice("a1")) == 204
    told = {one["message"] for one in door.events("webhook refused")}
    assert told == {"It is not genuine, or too old.", "It is a replay."}


def test_what_it_refused_leaves_no_trace_in_the_answer(door: Door) -> None:
    forged = notice({}, "another token", door.world.clock.now())
    answers = [ask(door.app, "/webhooks/one", one) for one in (forged, door.notice())]
    assert answers == [(401, b""), (204, b"")]


def test_answers_are_counted_by_crm_and_what_anybody_types_is_no_label(door: Door) -> None:
    forged, good = notice({"accounts": ["a1"]}, "another token", door.world.clock.now()), door.notice("a1")
    assert [door.send(one) for one in (forged, good)] == [401, 204]
    assert [door.send(good, crm) for crm in ("two", "three")] == [404, 404]
    told = door.service.metrics.page()[0].decode()
    lines = [line for line in told.splitlines() if line.startswith("crm_kare_webhook_requests_total")]
    assert 'crm_kare_webhook_requests_total{code="401",crm="one"} 1.0' in lines
    assert 'crm_kare_webhook_requests_total{code="204",crm="one"} 1.0' in lines
    assert 'crm_kare_webhook_requests_total{code="503",crm="one"} 0.0' in lines
    assert all('crm="one"' in line and 'code="404"' not in line for line in lines)


def test_what_cannot_be_read_is_400(door: Door) -> None:
    assert door.send(sealed(b"{not json", door.world.crms["one"].token)) == 400


def test_only_crms_whose_webhooks_are_on_have_an_address(door: Door) -> None:
    assert [door.send(door.notice("a1"), crm) for crm in ("two", "three", "../one")] == [404, 404, 404]
    assert door.receiver.addresses == {"one": "https://kare.example.com/webhooks/one"}
    assert ask(door.app, "/webhooks/one", door.notice(), method="GET")[0] == 405


def test_a_body_that_is_too_large_is_not_read(door: Door) -> None:
    big = sealed(b" " * (LARGEST + 1), door.world.crms["one"].token)
    assert door.send(big) == 413


def test_a_sender_that_goes_away_does_no_harm(door: Door) -> None:
    assert ask(door.app, "/webhooks/one", door.notice("a1"), gone=True)[0] == 408
    door.service.take_in("one")
    assert door.events("run begins") == []


def test_too_many_in_a_second_are_sent_away(door: Door) -> None:
    assert [door.receiver.admit("one") for _ in range(201)] == [0] * 200 + [429]
    door.world.clock.advance(1)
    assert door.receiver.admit("one") == 0


def test_another_organisations_records_are_nothing_to_us(door: Door) -> None:
    assert door.send(door.notice("a1", organisation="memory-2")) == 204
    door.service.take_in("one")
    assert door.events("run begins") == []


def test_before_the_first_pull_there_is_nothing_to_bring_up_to_date(door: Door) -> None:
    assert door.send(door.notice("a1")) == 204
    door.service.take_in("one")
    assert door.events("run begins") == []


def test_while_another_run_has_the_crm_they_wait(synced: Door) -> None:
    clock = synced.world.clock
    synced.runtime.journal.leases.acquire("one", "4@elsewhere#1", clock.now(), timedelta(seconds=90))
    synced.world.edit("one", "a1", Override="Expand")
    synced.send(synced.notice("a1"))
    synced.service.take_in("one")
    assert synced.events("run ended")[0]["status"] == "busy"
    synced.runtime.journal.leases.release("one", "4@elsewhere#1")
    synced.send(synced.notice("a2"))
    synced.service.take_in("one")
    assert [one["records"] for one in synced.events("run ended")] == [1, 2]
    assert synced.world.labels("one", "a1")["Profile"] == "Expand"


def test_while_the_crm_is_synced_they_wait_and_the_sync_is_not_left_out(synced: Door) -> None:
    waited: list[bool] = []

    class Pulling:
        """Looks, in the middle of a run, what becomes of a webhook."""

        def __init__(self, inner: Connector) -> None:
            self._inner = inner

        def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
            if not waited:
                synced.send(synced.notice("a1"))
                synced.service.take_in("one")
                waited.append(len(synced.events("run begins")) == 1)
            yield from self._inner.pull(spec, cursor)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    synced.world.wrap = Pulling
    synced.service.run("one")
    synced.service.take_in("one")
    assert waited == [True]
    assert [(one["status"], one.get("records")) for one in synced.events("run ended")] == [("done", None), ("done", 1)]


def test_nothing_is_taken_while_the_daemon_stops(door: Door) -> None:
    door.asked.set()
    assert door.send(door.notice("a1")) == 503


def test_a_crm_that_sends_no_webhooks_cannot_be_set_to(tmp_path: Path) -> None:
    (tmp_path / "rulebook.yaml").write_text(RULES)
    (tmp_path / "m.yaml").write_text(
        "version: 1\nconnector: files\nstreams:\n  accounts: {from: a.csv, fields: {account_id: Id, name: Name}}\n"
        "  opportunities: {from: o.csv, fields: {opportunity_id: Id, account_id: Account, closed_on: Day, amount: Sum, outcome: {field: Stage, map: {Won: won}}}}\n"
    )
    (tmp_path / "crm-kare.yaml").write_text(
        "version: 1\ncrms:\n  shop: {connector: files, mapping: m.yaml, webhooks: true}\n" + SERVE
    )
    runtime = open_project(tmp_path, {}, FakeClock())
    with pytest.raises(ConfigError, match="shop has no webhooks"):
        Receiver(runtime, lambda _crm, _records: None, lambda: False, structlog.get_logger())
    runtime.close()


def test_a_changed_configuration_opens_an_address_and_what_came_once_stays_known(door: Door) -> None:
    good = door.notice("a1")
    assert [door.send(good), door.send(good, "two")] == [204, 404]
    door.change(lambda text: text.replace("two: {", "two: {webhooks: true, "))
    door.receiver.configured(reread(door.runtime, door.world.environment()))
    assert set(door.receiver.addresses) == {"one", "two"}
    assert door.send(good) == 401, "it is a replay still"
    assert door.send(door.notice(), "two") != 404


def test_it_is_served_beside_the_health_checks(door: Door) -> None:
    server = HealthServer(door.app, "127.0.0.1", 0)
    server.start()
    try:
        sent = door.notice("a1")
        answers = [
            requests.post(
                f"{server.url}/webhooks/one",
                data=sent.body,
                headers={**sent.headers, "Connection": "close"},
                timeout=60,
            ).status_code
            for _ in range(2)
        ]
        assert answers == [204, 401]
    finally:
        server.close()
