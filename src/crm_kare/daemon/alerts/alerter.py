"""The daemon's alerts: notes what is wrong, and tells people, in a thread of its own. Nothing here holds up or harms a run."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from queue import Empty, Full, Queue
from typing import Final

from crm_kare.config.alerting import ALERT_URLS, DIGEST_URLS, Kind
from crm_kare.daemon import digests
from crm_kare.daemon.alerts import conditions, watch
from crm_kare.daemon.alerts.post import Address, addresses, reached
from crm_kare.daemon.alerts.watch import Looker
from crm_kare.daemon.alerts.words import Message, message
from crm_kare.daemon.inbox import Log
from crm_kare.daemon.listeners import Listener
from crm_kare.daemon.metrics import DROPPED, FAILED, SENT
from crm_kare.errors import ConfigError, KareError
from crm_kare.journal import Alert, Standing
from crm_kare.model import Problem
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

PAUSES: Final = (2.0, 10.0)
"""Seconds before an address that did not take a message is tried again."""

_LATER: Final = timedelta(minutes=5)
"""Where no address took it: when it is tried anew."""

_CLAIM: Final = timedelta(minutes=15)
"""A sender that says nothing for so long is dead."""

_LOOK_S: Final = 60.0
_MOST: Final = 1000
_GOODBYE_S: Final = 10.0

Count = Callable[[str], None]
"""Told of what became of a message for one address, or of an event that found no room: sent, failed, dropped."""


def alert_addresses(runtime: Runtime) -> tuple[Address, ...]:
    """Where a project's alerts go; `ConfigError` where an address is wrong."""
    return addresses(runtime.settings.secret(ALERT_URLS), ALERT_URLS)


def _check_digest(runtime: Runtime) -> None:
    """`ConfigError` where an address of a digest on a schedule is wrong: known now, and not when it is to be sent."""
    if runtime.project.digest.schedule:
        addresses(runtime.settings.secret(DIGEST_URLS), DIGEST_URLS)


class Teller:
    """Tells people what they do not know yet. The journal says what that is, and who tells it."""

    def __init__(self, runtime: Runtime, where: Sequence[Address], log: Log, count: Count) -> None:
        self._runtime, self._where, self._log, self._count = runtime, where, log, count

    def deliver(self, pauses: Sequence[float] = PAUSES) -> None:
        """Send what is due; what nobody took is due again later. Raises `KareError` where the journal refuses."""
        alerts, clock = self._runtime.journal.alerts, self._runtime.clock
        for alert in alerts.due():
            if alert.kind in set(Kind) and alerts.claim(alert, clock.now(), _CLAIM):
                name = self._runtime.project.alerts.name
                if self._send(alert, message(alert, name), pauses):
                    alerts.told(alert)
                else:
                    alerts.put_off(alert, clock.now() + _LATER)

    def _send(self, alert: Alert, told: Message, pauses: Sequence[float]) -> bool:
        """Whether anybody took it."""
        took, left = reached(self._where, told)
        for seconds in pauses:
            if left:
                self._runtime.clock.sleep(seconds)
                more, left = reached(left, told)
                took += more
        for outcome in (*[SENT] * len(took), *[FAILED] * len(left)):
            self._count(outcome)
        about = {"crm": alert.crm, "kind": alert.kind, "recovered": alert.recovered}
        if left:
            self._log.warning(
                "alert not taken", addresses=[one.shown for one in left], **about, fix="Try `crm-kare alerts test`."
            )
        if took:
            self._log.info("alert sent", addresses=[one.shown for one in took], **about)
        return bool(took)


class Alerter(Listener):
    """Hears of runs, looks around every minute, and tells. `start` it; `close` tells what is due once more. Where no address is
    set, it rests.

    Args:
        runtime: the open project.
        log: where events go; no address among them.
        count: told what became of messages.

    Raises:
        ConfigError: an address is wrong.
    """

    def __init__(self, runtime: Runtime, log: Log, count: Count) -> None:
        self._runtime, self._log, self._count = runtime, log, count
        self._where = alert_addresses(runtime)
        _check_digest(runtime)
        self._looked = runtime.clock.monotonic()
        self._rested: dict[str, datetime] = {}
        self._looker = Looker(runtime.clock.now(), self._rested)
        self._overrides_of: dict[str, date] = {}
        self._events: Queue[Callable[[], None] | None] = Queue(_MOST)
        self._started = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._started = True
        runtime = self._runtime
        self._put(lambda: watch.note(runtime, "", conditions.configuration(None)))  # it was read just now
        if self._on:
            self._thread.start()

    def ended(self, crm: str, kind: str, result: RunResult) -> None:
        """A run ended."""
        del crm  # the result names it
        self._put(lambda: watch.note_run(self._runtime, kind, result, self._looker))

    def paused(self, crm: str, standing: Standing) -> None:
        """A CRM is paused: no start is missed."""
        del standing
        self._put(lambda: self._look_at(crm))

    def resumed(self, crm: str) -> None:
        """A CRM is paused no longer: starts count from now on."""
        now = self._runtime.clock.now()
        self._put(lambda: self._rested.update({crm: now}))

    def configured(self, runtime: Runtime) -> None:
        """A changed configuration is in force: its addresses and limits count from now on."""
        try:
            self._where = alert_addresses(runtime)
            _check_digest(runtime)
        except ConfigError as error:
            self._log.error("alerts as before", message=str(error))
        self._runtime = runtime
        self._put(lambda: watch.note(runtime, "", conditions.configuration(None)))
        if self._started and self._on and not self._thread.is_alive() and not self._closing.is_set():
            self._thread.start()

    def misconfigured(self, problem: Problem) -> None:
        """A changed configuration is wrong, and the one before stays in force."""
        self._put(lambda: watch.note(self._runtime, "", conditions.configuration(problem.code)))

    def look(self) -> None:
        """Look at every CRM, at its overrides once a day. Of one that is wrong the other ones' looks know nothing."""
        self._looked = self._runtime.clock.monotonic()
        today = self._runtime.clock.now().date()
        for crm in self._runtime.project.crms:
            try:
                self._look_at(crm)
                if self._overrides_of.get(crm) != today:
                    self._overrides_of[crm] = today
                    watch.look_at_overrides(self._runtime, crm)
            except KareError as error:
                self._log.debug("nothing to tell", crm=crm, code=error.code)
        self._safely(self.digest)

    def digest(self) -> None:
        """Send the owners' digest, where its schedule says so and no other daemon does."""
        if not digests.due(self._runtime, self._looker.began):
            return
        found, again = digests.collect_all(self._runtime, self._log), "`crm-kare digest --send` sends it again."
        if not found:
            return
        try:
            failed = digests.send_all(self._runtime, found)
        except KareError as error:
            self._log.error("digest not sent", message=error.message, fix=f"{error.fix} {again}")
            return
        if failed:
            self._log.warning("digest not taken", addresses=failed, fix=again)
        else:
            self._log.info("digest sent", crms=[one.crm for one in found])

    def deliver(self, pauses: Sequence[float] = PAUSES) -> None:
        """Tell what is due."""
        if self._where:
            teller = Teller(self._runtime, self._where, self._log, self._count)
            teller.deliver(() if self._closing.is_set() else pauses)

    def close(self) -> None:
        """Take in what was heard, tell what is due once, and end; a service that hangs is not waited for."""
        self._closing.set()
        if self._thread.is_alive():
            self._put(None)
            self._thread.join(_GOODBYE_S)

    @property
    def _on(self) -> bool:
        """Whether there is anything to do: alerts have an address, or the digest a schedule."""
        return bool(self._where) or self._runtime.project.digest.schedule is not None

    def _look_at(self, crm: str) -> None:
        if watch.rests(self._runtime, crm):
            self._rested[crm] = self._runtime.clock.now()
        watch.look(self._runtime, crm, self._looker)

    def waiting(self) -> bool:
        """Whether something was heard that is not taken in yet."""
        return not self._events.empty()

    def take_in(self) -> bool:
        """Take in one thing heard, and look around where that was a minute ago, whether or not anything was heard; whether to go on."""
        monotonic = self._runtime.clock.monotonic
        event: Callable[[], None] | None = _nothing
        with suppress(Empty):
            event = self._events.get(timeout=max(0.0, self._looked + _LOOK_S - monotonic()))
        if event is not None:
            self._safely(event)
            if monotonic() >= self._looked + _LOOK_S:
                self._safely(self.look)
        if not self.waiting():
            self._safely(self.deliver)
        return event is not None

    def _work(self) -> None:
        self._safely(self.look)
        self._safely(self.deliver)
        while self.take_in():
            pass

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except KareError as error:
            self._log.warning("alerts wait", code=error.code, fix=error.fix)
        except Exception as error:  # noqa: BLE001  the door: no alert may end the alerts, and none the daemon
            self._log.error("alerts failed", code=type(error).__name__)  # no traceback: it may hold addresses

    def _put(self, event: Callable[[], None] | None) -> None:
        if not self._where and event is not None:
            return
        try:
            self._events.put_nowait(event)
        except Full:
            self._count(DROPPED)  # the next run, or the next look, tells the same


def _nothing() -> None:
    """Nothing was heard."""
