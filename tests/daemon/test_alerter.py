"""Alerts from the run to the service that takes them: Apprise's own code over loopback, the daemon's thread left out."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from daemon.message_services import Hook, hook, mail_server
from flow.worlds import RULES, World
from pydantic import SecretStr
from structlog.testing import CapturingLogger

from crm_kare.daemon.alerts import Alerter, watch
from crm_kare.daemon.alerts.post import SERVICES, _apprise, addresses, send
from crm_kare.daemon.alerts.words import trial_message
from crm_kare.errors import ConfigError
from crm_kare.model import Problem, RunStatus
from crm_kare.ports import Calls, Quota
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

SECRET = "s3cr3t-token"


@pytest.fixture
def service() -> Iterator[Hook]:
    with hook() as found:
        yield found


class Rig:
    """A project of one CRM with two customers, run every quarter of an hour, whose alerts go to a webhook."""

    def __init__(self, folder: Path, urls: str) -> None:
        (folder / "rulebook.yaml").write_text(RULES)
        self.world = World(folder)
        self.world.add("one")
        self.world.account("one", "a1", owner="Ann Secret")
        self.world.regular("one", "a2")
        self.project = folder / "crm-kare.yaml"
        self.project.write_text(
            self.project.read_text().replace("one: {", 'one: {schedule: "*/15 * * * *", ', 1)
            + "alerts: {name: north}\n"
        )
        (folder / ".env").write_text(f'CRM_KARE_ALERT_URLS="{urls}"\n')
        self.log = CapturingLogger()
        self.counts: list[str] = []
        self.opened: list[Runtime] = []

    def alerter(self) -> tuple[Runtime, Alerter]:
        """A daemon's, over the project opened anew."""
        runtime = self.world.open()
        self.opened.append(runtime)
        log = structlog.wrap_logger(self.log, processors=[_as_is])
        return runtime, Alerter(runtime, log, self.counts.append)


def _as_is(_logger: object, _method: str, event: Any) -> Any:
    return event


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Hook) -> Iterator[Rig]:
    made = Rig(tmp_path, service.url(SECRET))
    made.world.judge_by_hand(monkeypatch)
    yield made
    for runtime in made.opened:
        runtime.close()


def step(alerter: Alerter) -> None:
    """What the thread does: take in all that was heard, and tell."""
    while alerter.waiting():
        alerter.take_in()
    alerter.deliver()


def ended(status: RunStatus, code: str = "X", exit_code: int = 1) -> RunResult:
    problems = () if status is RunStatus.DONE else (Problem(code, "Firm Secret said no."),)
    return RunResult("run-1", "one", status, problems=problems, exit_code=exit_code, calls=Calls(), quota=Quota())


def test_a_first_run_waits_is_told_once_and_its_approval_is_told_too(rig: Rig, service: Hook) -> None:
    runtime, alerter = rig.alerter()
    for _ in range(2):
        alerter.ended("one", "sync", sync(runtime, ["one"])[0])
        step(alerter)
    (told,) = service.came
    assert told["title"] == "crm-kare: north: one: a run waits for approval"
    assert "2 accounts" in told["message"]
    assert told["message"].endswith(
        "Next: crm-kare plan one -o look.plan, then crm-kare apply one look.plan if it is right"
    )
    assert told["type"] == "warning"
    service.came.clear()
    done = sync(runtime, ["one"], Options(force=True))[0]
    for _ in range(2):
        alerter.ended("one", "sync", done)
        step(alerter)
    (told,) = service.came
    assert (told["title"], told["type"]) == ("crm-kare: north: one: runs need no approval any more", "success")
    assert rig.counts == ["sent", "sent"]


def test_a_restart_and_a_second_daemon_repeat_nothing(rig: Rig, service: Hook) -> None:
    (_, first), (_, second) = rig.alerter(), rig.alerter()
    for alerter in (first, second):
        alerter.ended("one", "sync", ended(RunStatus.FAILED))
    step(first)
    step(second)
    assert service.titles == ["crm-kare: north: one: a run failed"]
    step(rig.alerter()[1])
    assert service.titles == []


def test_a_dead_service_is_tried_again_later_and_told_then_even_after_a_restart(rig: Rig, service: Hook) -> None:
    _, alerter = rig.alerter()
    service.status = 500
    alerter.ended("one", "sync", ended(RunStatus.FAILED))
    step(alerter)
    assert len(service.titles) == 3  # with pauses between
    assert rig.world.clock.slept == [2.0, 10.0]
    assert rig.counts == ["failed"]
    service.status = 200
    step(alerter)
    assert service.titles == []
    rig.world.clock.advance(300)
    step(rig.alerter()[1])
    assert service.titles == ["crm-kare: north: one: a run failed"]


def test_what_was_over_before_anybody_could_be_told_is_not_told(rig: Rig, service: Hook) -> None:
    _, alerter = rig.alerter()
    service.status = 500
    alerter.ended("one", "sync", ended(RunStatus.FAILED))
    step(alerter)
    service.status = 200
    service.came.clear()
    alerter.ended("one", "sync", ended(RunStatus.DONE, exit_code=0))
    rig.world.clock.advance(300)
    step(alerter)
    assert service.titles == []


def test_one_address_that_is_dead_keeps_the_message_from_no_other(tmp_path: Path, service: Hook) -> None:
    with hook() as other:
        other.status = 500
        rig = Rig(tmp_path, f"{other.url()},{service.url()}")
        _, alerter = rig.alerter()
        alerter.ended("one", "sync", ended(RunStatus.FAILED))
        step(alerter)
        step(alerter)
        assert service.titles == ["crm-kare: north: one: a run failed"]
        assert len(other.titles) == 3
    assert sorted(rig.counts) == ["failed", "sent"]
    rig.opened[0].close()


def test_no_success_is_told_while_nothing_runs_and_not_after_a_rest(rig: Rig, service: Hook) -> None:
    runtime, alerter = rig.alerter()
    for _ in range(5):
        rig.world.clock.advance(900)
        alerter.look()
        step(alerter)
    assert service.titles == ["crm-kare: north: one: no run comes to its end"]
    runtime.journal.alerts.observe("one", "no-success", "", {}, rig.world.clock.now())
    step(alerter)
    assert service.titles == ["crm-kare: north: one: a run came to its end"]
    alerter.resumed("one")
    step(alerter)
    rig.world.clock.advance(2700)
    alerter.look()
    step(alerter)
    assert service.titles == []
    rig.world.clock.advance(900)
    alerter.look()
    step(alerter)
    assert service.titles == ["crm-kare: north: one: no run comes to its end"]


def test_starts_that_fell_into_quiet_are_not_missed_after_a_restart(rig: Rig, service: Hook) -> None:
    rig.project.write_text(rig.project.read_text().replace("one: {", 'one: {quiet: ["08:05-20:00"], ', 1))
    sync(rig.alerter()[0], ["one"], Options(force=True))
    rig.world.clock.advance(12 * 3600 + 600)  # from eight to ten past eight
    _, alerter = rig.alerter()
    alerter.look()
    step(alerter)
    assert service.titles == []


def test_a_broken_configuration_and_its_mending_are_told(rig: Rig, service: Hook) -> None:
    runtime, alerter = rig.alerter()
    alerter.misconfigured(Problem("ConfigError", "no such key", where="crm-kare.yaml:3"))
    step(alerter)
    assert service.titles == ["crm-kare: north: the changed configuration is wrong"]
    alerter.configured(runtime)
    step(alerter)
    assert service.titles == ["crm-kare: north: the configuration is read again"]


def test_a_restart_by_a_good_configuration_ends_the_alert_of_a_broken_one(rig: Rig, service: Hook) -> None:
    _, before = rig.alerter()
    before.misconfigured(Problem("ConfigError", "no such key", where="crm-kare.yaml:3"))
    step(before)
    service.came.clear()
    _, after = rig.alerter()
    after.start()
    after.close()
    assert service.titles == ["crm-kare: north: the configuration is read again"]


def test_the_minutes_look_comes_while_runs_end_all_the_time(rig: Rig, service: Hook) -> None:
    _, alerter = rig.alerter()
    for _ in range(5):
        rig.world.clock.advance(900)
        alerter.ended("one", "webhook", ended(RunStatus.DONE))
        step(alerter)
    assert service.titles == ["crm-kare: north: one: no run comes to its end"]


def test_an_override_that_expires_is_told_and_the_next_one_too(rig: Rig, service: Hook) -> None:
    runtime, alerter = rig.alerter()
    alerter.look()
    step(alerter)
    for account, until in (("a1", "2026-11-04"), ("a2", "2026-11-06")):
        rig.world.edit("one", account, Override="Expand", Override_Until=until)
    sync(runtime, ["one"], Options(force=True))
    for _ in range(3):
        alerter.look()
        step(alerter)
        rig.world.clock.advance(2 * 86400)
    told = [one["message"].splitlines()[0] for one in service.came if "overrides" in one["title"]]
    assert [line.partition(";")[0] for line in told] == [
        "1 overrides have expired, the last on 2026-11-04",
        "2 overrides have expired, the last on 2026-11-06",
    ]


def pem(ends: datetime) -> str:
    """A key with its certificate, as one file often holds them."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, ends - timedelta(days=365), ends)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    told = key.private_bytes(*form) + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return told.decode()


def test_a_certificate_beside_the_key_is_told_of_before_it_ends(rig: Rig, service: Hook) -> None:
    ends = datetime(2026, 11, 20, tzinfo=UTC)
    rig.world.folder.joinpath("key.pem").write_text(pem(ends))
    with rig.world.folder.joinpath(".env").open("a") as file:
        file.write("ONE_MEMORY_PRIVATE_KEY_FILE=key.pem\n")
    runtime, alerter = rig.alerter()
    assert watch.certificate_end(runtime, "one") == ends
    alerter.look()
    step(alerter)
    (told,) = service.came
    assert told["title"] == "crm-kare: north: one: the login's certificate ends"
    assert "2026-11-20" in told["message"]


def test_addresses_and_customers_are_in_no_log_and_no_message(
    rig: Rig, service: Hook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "apprise")
    _, alerter = rig.alerter()
    service.status = 500
    for result in (
        ended(RunStatus.FAILED),
        ended(RunStatus.FAILED, exit_code=4),
        ended(RunStatus.REFUSED, exit_code=6),
    ):
        alerter.ended("one", "sync", result)
        step(alerter)
    shown = capfd.readouterr()
    heard = repr(rig.log.calls) + caplog.text + shown.out + shown.err
    assert SECRET not in heard
    assert "Secret" not in repr(service.came)
    assert "1 (json://…)" in heard


def test_the_thread_tells_and_close_takes_in_what_is_left(rig: Rig, service: Hook) -> None:
    _, alerter = rig.alerter()
    alerter.start()
    alerter.ended("one", "sync", ended(RunStatus.FAILED))
    alerter.close()
    assert service.titles == ["crm-kare: north: one: a run failed"]


def test_without_an_address_nothing_is_heard_until_a_changed_configuration_has_one(rig: Rig, service: Hook) -> None:
    told = rig.world.folder.joinpath(".env").read_text()
    rig.world.folder.joinpath(".env").write_text("")
    runtime, alerter = rig.alerter()
    alerter.start()
    alerter.ended("one", "sync", ended(RunStatus.FAILED))
    assert not alerter.waiting()
    rig.world.folder.joinpath(".env").write_text(told)
    alerter.configured(rig.alerter()[0])
    alerter.ended("one", "sync", ended(RunStatus.FAILED))
    alerter.close()
    assert service.titles == ["crm-kare: north: one: a run failed"]
    assert [one.kind for one in runtime.journal.alerts.active()] == ["run-failed"]


def test_a_changed_address_that_is_wrong_leaves_the_ones_before(rig: Rig, service: Hook) -> None:
    _, alerter = rig.alerter()
    rig.world.folder.joinpath(".env").write_text(f"CRM_KARE_ALERT_URLS=dbus://{SECRET}\n")
    alerter.configured(rig.opened[0])
    changed = rig.world.open()
    rig.opened.append(changed)
    alerter.configured(changed)
    alerter.ended("one", "sync", ended(RunStatus.FAILED))
    step(alerter)
    assert service.titles == ["crm-kare: north: one: a run failed"]
    (refused,) = [call.kwargs for call in rig.log.calls if call.method_name == "error"]
    assert "address 1 (dbus://…)" in refused["message"]
    assert SECRET not in repr(rig.log.calls)


def test_mail_is_sent_by_smtp() -> None:
    with mail_server() as (port, letters):
        url = f"mailto://127.0.0.1:{port}/?from=kare@example.com&to=ops@example.com"
        (address,) = addresses(SecretStr(url), "X")
        assert send(address, trial_message("north"))
    (letter,) = letters
    assert "ops@example.com" in letter
    assert "crm-kare: north: a test" in letter


def test_addresses_are_parted_by_commas_and_lines_that_stand_before_a_scheme() -> None:
    text = "json://localhost/a?to=b,c,\n  mailto://127.0.0.1:25/?to=a@x.de,b@x.de&from=c@x.de\n\n"
    assert [one.shown for one in addresses(SecretStr(text), "X")] == ["1 (json://…)", "2 (mailto://…)"]
    assert addresses(None, "X") == ()


@pytest.mark.parametrize(
    "url",
    [
        "dbus://", "gnome://", "macosx://", "windows://", "glib://", "syslog://localhost", "rsyslog://localhost", "blink1://",
        "mqtt://localhost/x", "file:///etc/passwd", "config://x", SECRET, f"{SECRET}://x", "json://example.com/hook",
        "ntfy://topic", "slack://x", "workflows://h.example.com/a/b/c?template=/etc/passwd",
        "workflows://h.example.com/a/b/?a=b;template=/etc/passwd", "workflows://h.example.com/a/b/?%20template=/etc/passwd",
        "workflows://h.example.com/a/b/#x?template=/etc/passwd", "workflows://h.example.com/a/b/?%09template+=/etc/passwd",
        "workflows://h.example.com/a/b/?a=b&amp;template=/etc/passwd", "mailtos://me:p[ss@h.example.com",
    ],
)  # fmt: skip
def test_what_runs_programs_reads_files_or_is_not_encrypted_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(ConfigError, match="address 2 ") as refused:
        addresses(SecretStr(f"json://localhost/a\n{url}"), "CRM_KARE_ALERT_URLS")
    assert "example" not in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "CRM_KARE_ALERT_URLS" in str(refused.value)


def test_every_service_that_is_let_in_is_one_of_apprise() -> None:
    apprise: Any = _apprise()
    told = apprise.Apprise().details()["schemas"]
    known = {scheme for one in told for kind in ("protocols", "secure_protocols") for scheme in one[kind] or ()}
    assert not {scheme for group in SERVICES.values() for scheme in group} - known
