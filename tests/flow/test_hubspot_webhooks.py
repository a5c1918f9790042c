"""HubSpot tells of changes, and labels are right without a scheduled sync: whole runs over the sandbox, webhooks posted by it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import structlog
from flow.sandbox_project import HubSpotSide, SandboxProject, sandbox_project
from structlog.testing import CapturingLogger

from crm_kare.daemon.service import Service
from crm_kare.daemon.webhooks import Receiver
from crm_kare.ports import Notice
from crm_kare.sandbox.hubspot.links import tie, untie
from crm_kare.sandbox.hubspot.webhooks.settings import Subscription, Webhooks
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.judge import engine
from crm_kare.sync.setup import examine
from crm_kare.testing.clock import FakeClock

SUBSCRIBED = (
    *(
        Subscription(f"{kind}.{what}")
        for kind in ("company", "deal")
        for what in ("creation", "deletion", "associationChange")
    ),
    Subscription("company.merge"),
    *(Subscription("object.propertyChange", name, "deal") for name in ("amount", "closedate", "dealstage")),
    *(
        Subscription("company.propertyChange", name)
        for name in ("name", "kare_override", "kare_profile", "kare_reason")
    ),
)


class Doorstep(BaseHTTPRequestHandler):
    """Hands what is posted to a receiver, as the daemon's door does."""

    receiver: Receiver

    def do_POST(self) -> None:
        crm = self.path.rpartition("/")[2]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.receiver.admit(crm) or self.receiver.answer(crm, Notice("POST", "", headers, body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's word
        """Say nothing."""


@dataclass
class Listening:
    """A portal that sends webhooks, a project that has them on, and its daemon, whose turns the test calls."""

    project: SandboxProject
    service: Service
    log: CapturingLogger
    url: str

    @property
    def side(self) -> HubSpotSide:
        side = self.project.crms["hubspot"]
        assert isinstance(side, HubSpotSide)
        return side

    def deliver(self) -> list[int]:
        """Let the portal post what waits; the answers. What was not answered in time is posted again."""
        answers: list[int] = []
        for _ in range(5):
            made = [one.status for one in self.side.portal.webhooks.deliver()]
            answers += [one for one in made if one]
            if all(made):
                break
        return answers

    def take_in(self) -> None:
        self.service.take_in("hubspot")

    def runs(self) -> list[str]:
        """What ran so far, the newest first."""
        return [one.verb for one in self.project.runtime.journal.runs.newest("hubspot")]

    def profile(self, account_id: str) -> str | None:
        return self.project.labels("hubspot")[account_id]["Profile"]

    def mirrored(self, stream: str) -> dict[str, dict[str, Any]]:
        """The mirror's rows by id."""
        with engine() as con:
            table = self.project.runtime.mirror("hubspot").tables(con)[stream]
            return {next(iter(row.values())): row for row in con.to_pyarrow(table).to_pylist()}


def _as_is(_logger: object, _method: str, event: Any) -> Any:
    return event


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    with (
        HTTPServer(("127.0.0.1", 0), Doorstep) as server,
        sandbox_project(tmp_path, crms=("hubspot",), accounts=12) as project,
    ):
        url = f"http://127.0.0.1:{server.server_port}"
        project.environment = {**project.environment, "HUBSPOT_CLIENT_SECRET": "sandbox-secret"}
        project.configure("\nserve:", f"\nserve:\n  public_url: {url}")
        project.configure("    connector: hubspot", "    webhooks: true\n    connector: hubspot")
        assert [one.exit_code for one in sync(project.runtime, (), Options(force=True))] == [0]
        log = CapturingLogger()
        service = Service(project.runtime, lambda: False, structlog.wrap_logger(log, processors=[_as_is]))
        receiver = Receiver(
            project.runtime, service.told, lambda: False, structlog.wrap_logger(log, processors=[_as_is])
        )
        made = Listening(project, service, log, url)
        Doorstep.receiver = receiver
        listens = Webhooks(f"{url}/webhooks/hubspot", SUBSCRIBED, by_itself=False)
        made.side.portal.settings = replace(made.side.portal.settings, webhooks=listens, links_move_dates=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
            receiver.close()


def a_prospect(listening: Listening) -> str:
    """A company that the rules call Attain."""
    return next(key for key, one in sorted(listening.project.labels("hubspot").items()) if one["Profile"] == "Attain")


def test_a_deal_is_won_and_its_companys_label_is_right_without_a_sync(listening: Listening) -> None:
    prospect, clock = a_prospect(listening), listening.project.clock
    assert isinstance(clock, FakeClock)
    clock.advance(600)
    listening.side.win(prospect, clock.now().date() - timedelta(days=1), 40_000)
    assert listening.deliver() == [204]
    listening.project.running.faults.forget_calls()
    listening.take_in()
    assert (listening.profile(prospect), listening.runs()) == ("Keep", ["webhook", "sync"])
    calls = listening.project.running.faults.calls("/crm/*")
    assert len(calls) <= 10
    assert len(listening.project.written("hubspot")) == 1
    clock.advance(5)
    assert listening.deliver() == [204], "our own write is told of too"
    listening.take_in()
    assert listening.runs() == ["webhook", "sync"], "and starts no run"


@pytest.mark.slow
def test_a_deal_that_moves_to_another_company_without_any_date_is_seen_at_once(listening: Listening) -> None:
    portal = listening.side.portal
    deal, old = next(
        (key, row["account_id"])
        for key, row in sorted(listening.mirrored("opportunities").items())
        if row["account_id"]
    )
    new = next(key for key in listening.project.ids("hubspot") if key != old)
    untie(portal, "deals", "companies", [(deal, old, "5"), (deal, old, "341")])
    tie(portal, "deals", "companies", [(deal, new, "5"), (deal, new, "341")])
    assert set(listening.deliver()) == {204}
    listening.take_in()
    assert listening.mirrored("opportunities")[deal]["account_id"] == new
    assert listening.runs() == ["webhook", "sync"]


@pytest.mark.slow
def test_after_a_merge_and_a_deletion_the_mirror_is_what_a_full_pull_brings(listening: Listening) -> None:
    owned = [row["account_id"] for row in listening.mirrored("opportunities").values() if row["account_id"]]
    winner, loser, deleted = sorted(set(owned))[:3]
    merged = listening.side.merge(winner, loser)
    listening.side.delete(deleted)
    assert set(listening.deliver()) == {204}
    listening.take_in()
    kept = {stream: listening.mirrored(stream) for stream in ("accounts", "opportunities")}
    assert merged in kept["accounts"]
    assert not {winner, loser, deleted} & set(kept["accounts"])
    listening.project.clock.sleep(60)
    assert sync(listening.project.runtime, (), Options(full=True, dry_run=True))[0].exit_code == 0
    for stream, rows in kept.items():
        pulled = listening.mirrored(stream)
        assert _without_labels(rows) == _without_labels(pulled)


def _without_labels(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A run that writes knows its labels as they were before."""
    return {
        key: {name: value for name, value in row.items() if not name.startswith("crm_")} for key, row in rows.items()
    }


@pytest.mark.slow
def test_a_persons_override_shows_at_once_and_repeated_batches_are_refused(listening: Listening) -> None:
    prospect = a_prospect(listening)
    listening.project.running.faults.order_inside("repeat_webhook")
    listening.side.edit(prospect, Override="Expand")
    assert listening.deliver() == [204, 401]
    listening.take_in()
    assert listening.profile(prospect) == "Expand"


@pytest.mark.slow
def test_requests_of_strangers_and_old_ones_change_nothing(listening: Listening) -> None:
    prospect, target = a_prospect(listening), f"{listening.url}/webhooks/hubspot"
    listening.side.edit(prospect, Override="Expand")
    portal = listening.side.portal
    settings, portal.settings = portal.settings, replace(portal.settings, client_secret="another")
    assert listening.deliver() == [401]
    unsigned = requests.post(target, data=b"[]", headers={"Connection": "close"}, timeout=60)
    assert unsigned.status_code == 401
    portal.settings = settings
    listening.take_in()
    assert (listening.runs(), listening.profile(prospect)) == (["sync"], "Attain")


@pytest.mark.slow
def test_doctor_tells_that_the_secret_is_missing(listening: Listening) -> None:
    project = listening.project
    assert "webhooks-secret" not in [one.code for one in examine(project.runtime, "hubspot").problems]
    project.environment = {key: value for key, value in project.environment.items() if key != "HUBSPOT_CLIENT_SECRET"}
    project.reopen()
    (told,) = [one for one in examine(project.runtime, "hubspot").problems if one.code == "webhooks-secret"]
    assert (told.level, "HUBSPOT_CLIENT_SECRET" in told.fix) == ("warning", True)


@pytest.mark.slow
def test_a_sync_right_after_our_own_write_takes_it_for_no_persons_edit(listening: Listening) -> None:
    """HubSpot's search shows a write only seconds later."""
    prospect, portal = a_prospect(listening), listening.side.portal
    listening.project.clock.sleep(600)
    sync(listening.project.runtime, ())
    listening.project.clock.sleep(600)
    portal.settings = replace(portal.settings, index_lag=30)
    listening.side.win(prospect, listening.project.clock.now().date() - timedelta(days=1), 40_000)
    listening.deliver()
    listening.take_in()
    listening.project.clock.sleep(5)
    (result,) = sync(listening.project.runtime, ())
    assert (result.applied.conflict, [one.code for one in result.problems if one.code == "conflict"]) == (0, [])
    assert (result.planned.accounts, listening.profile(prospect)) == (0, "Keep")
