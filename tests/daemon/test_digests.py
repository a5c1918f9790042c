"""Who sends the digest, when, and to whom."""

from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
import structlog
from daemon.message_services import Hook, hook, mail_server
from flow.worlds import RULES, World
from structlog.testing import CapturingLogger

from crm_kare.daemon.alerts import Alerter
from crm_kare.daemon.digests import collect_all, send_all
from crm_kare.errors import ConfigError
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.runtime import Runtime

EVIL = "<!channel> @everyone"


def _as_is(_logger: object, _method: str, event: Any) -> Any:
    return event


class Rig:
    """A project whose accounts belong to Ann and Bob, and that was run once; its digest goes out on Tuesdays at nine."""

    def __init__(self, folder: Path) -> None:
        (folder / "rulebook.yaml").write_text(RULES)
        self.world, self.log, self.opened = World(folder), CapturingLogger(), list[Runtime]()
        self.world.add("one")
        self.world.account("one", "a1", owner="Ann")
        self.world.account("one", "b1", owner="Bob")
        self.world.crms["one"].edit("accounts", "b1", {"name": EVIL})
        self.world.edit("one", "b1", Override="Expand", Override_Until="2026-11-05")
        file = folder / "crm-kare.yaml"
        file.write_text(
            file.read_text() + 'digest: {schedule: "0 9 * * 2", owners: {Ann: ann@example.com, Cid: c@example.com}}\n'
        )

    def url(self, **urls: str) -> None:
        """Set the addresses."""
        self.world.folder.joinpath(".env").write_text(
            "".join(f'CRM_KARE_{name}="{url}"\n' for name, url in urls.items())
        )

    def open(self) -> Runtime:
        """The project, opened anew."""
        self.opened.append(self.world.open())
        return self.opened[-1]

    @property
    def logger(self) -> Any:
        """What hands events to `log`."""
        return structlog.wrap_logger(self.log, processors=[_as_is])

    def alerter(self) -> Alerter:
        """A daemon's."""
        return Alerter(self.open(), self.logger, lambda _outcome: None)


@pytest.fixture
def service() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.world.judge_by_hand(monkeypatch)
    sync(made.open(), ["one"], Options(force=True))
    yield made
    for runtime in made.opened:
        runtime.close()


def test_one_of_two_daemons_sends_it_once_at_its_moment(rig: Rig, service: Hook) -> None:
    rig.url(DIGEST_URLS=service.url())
    first, second = rig.alerter(), rig.alerter()
    for alerter in (first, second):
        alerter.look()
    assert service.titles == []
    rig.world.clock.advance(3600)  # nine o'clock
    for alerter in (second, first, second):
        alerter.look()
    (told,) = service.came
    assert told["title"] == "crm-kare: what changed in one"
    assert "Ann" in told["message"]
    assert "First labelled: 1" in told["message"]
    rig.alerter().look()
    assert len(service.titles) == 1
    rig.world.clock.advance(7 * 86400)
    first.look()
    assert len(service.titles) == 1


def test_names_that_a_chat_would_take_for_a_command_are_made_harmless(rig: Rig, service: Hook) -> None:
    rig.url(ALERT_URLS=service.url())
    runtime = rig.open()
    assert send_all(runtime, collect_all(runtime, rig.logger)) == []
    (told,) = service.came
    assert "‹!channel›" in told["message"]
    assert "@everyone" not in told["message"]


def test_each_owner_gets_their_own_part_by_mail_and_nobody_elses(rig: Rig) -> None:
    with mail_server() as (port, letters):
        rig.url(DIGEST_URLS=f"mailto://127.0.0.1:{port}/?from=kare@example.com&to={{owner_email}}")
        runtime = rig.open()
        assert send_all(runtime, collect_all(runtime, rig.logger)) == []
    (letter,) = map(message_from_string, letters)
    assert letter["To"] is not None
    assert "ann@example.com" in letter["To"]
    pages = [part.get_payload(decode=True) for part in letter.walk() if part.get_content_type() == "text/html"]
    assert b"<h2>Ann</h2>" in b"".join(one for one in pages if isinstance(one, bytes))
    assert b"Bob" not in b"".join(one for one in pages if isinstance(one, bytes))


def test_an_address_that_fails_is_named_by_number_and_service(rig: Rig, service: Hook) -> None:
    rig.url(DIGEST_URLS=service.url("s3cr3t"))
    service.status = 500
    alerter = rig.alerter()
    rig.world.clock.advance(3600)
    alerter.look()
    (failed,) = [call.kwargs for call in rig.log.calls if call.kwargs["event"] == "digest not taken"]
    assert failed["addresses"] == ["1 (json://…)"]
    assert "s3cr3t" not in repr(rig.log.calls)


def test_without_an_address_it_cannot_be_sent(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="no address"):
        send_all(rig.open(), [])


def test_a_crm_whose_digest_cannot_be_made_keeps_no_others_back(rig: Rig) -> None:
    rig.world.add("two")
    rig.world.account("two", "a1", owner="Ann")
    sync(rig.open(), ["two"], Options(force=True))
    rig.world.folder.joinpath("one.yaml").write_text("version: 99\n")
    assert [one.crm for one in collect_all(rig.open(), rig.logger)] == ["two"]
    (left,) = [call.kwargs for call in rig.log.calls if call.kwargs["event"] == "digest left out"]
    assert left["crm"] == "one"
    assert "crm-kare digest one --send" in left["fix"]


def test_a_wrong_address_of_a_digest_on_a_schedule_is_told_at_the_start(rig: Rig, service: Hook) -> None:
    rig.url(ALERT_URLS=service.url(), DIGEST_URLS="dbus://")
    with pytest.raises(ConfigError, match="CRM_KARE_DIGEST_URLS"):
        rig.alerter()
