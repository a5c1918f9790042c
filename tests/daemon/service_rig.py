"""A service over CRMs in memory, on a motor that the test turns: nothing waits, and nothing happens by itself."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from flow.worlds import RULES, World
from structlog.testing import CapturingLogger

from crm_kare.daemon.listeners import Listener
from crm_kare.daemon.motor import Work
from crm_kare.daemon.service import Service
from crm_kare.journal import Standing
from crm_kare.model import Problem
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime, reread
from crm_kare.testing.clock import FakeClock


class HandMotor:
    """Work that was begun waits until `turn`; looks and later work come as `pass_time` moves the clock."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.running = False
        self.begun: list[Work] = []
        self._later: list[tuple[float, Work]] = []
        self._looks: list[tuple[float, Work]] = []

    def start(self) -> None:
        self.running = True

    def begin(self, work: Work) -> None:
        self.begun.append(work)

    def later(self, seconds: float, work: Work) -> None:
        self._later.append((self._clock.monotonic() + seconds, work))

    def every(self, seconds: float, look: Work) -> None:
        self._looks.append((max(seconds, 30), look))  # rarer than in real life, to save the tests' time

    def stop(self) -> None:
        self.running = False
        self.begun.clear()

    def turn(self) -> None:
        """Do all that was begun."""
        while self.begun:
            self.begun.pop(0)()

    def pass_time(self, seconds: float) -> None:
        """Move the clock from look to look, and do what is begun on the way."""
        end = self._clock.monotonic() + seconds
        while self._clock.monotonic() < end:
            self._clock.advance(min([end - self._clock.monotonic(), *(every for every, _ in self._looks)]))
            now = self._clock.monotonic()
            due, self._later = [w for at, w in self._later if at <= now], [one for one in self._later if one[0] > now]
            self.begun += due
            for _, look in self._looks:
                look()
            self.turn()


class Heard(Listener):
    """Writes down what a listener is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def ended(self, crm: str, kind: str, result: RunResult) -> None:
        self.told.append(("ended", crm, kind, result.status.value))

    def paused(self, crm: str, standing: Standing) -> None:
        self.told.append(("paused", crm, standing.paused_by))

    def resumed(self, crm: str) -> None:
        self.told.append(("resumed", crm))

    def configured(self, runtime: Runtime) -> None:
        self.told.append(("configured", tuple(runtime.project.crms)))

    def misconfigured(self, problem: Problem) -> None:
        self.told.append(("misconfigured", problem.code))


class Rig:
    """A service over two CRMs of two accounts each; the first has a schedule."""

    def __init__(self, folder: Path, *, words: str = 'schedule: "*/15 * * * *", ', more: str = "") -> None:
        (folder / "rulebook.yaml").write_text(RULES)
        self.world = World(folder)
        for name in ("one", "two"):
            self.world.add(name)
            self.world.account(name, "a1", owner="Ann Secret")
            self.world.regular(name, "a2")
        self.file = folder / "crm-kare.yaml"
        self.file.write_text(self.file.read_text().replace("one: {", f"one: {{{words}", 1) + more)
        self.asked = Event()
        self.log = CapturingLogger()
        self.runtime: Runtime = self.world.open()
        self.motors: list[HandMotor] = []
        self.service = self.another()
        self.motor = self.motors[0]

    @property
    def logger(self) -> Any:
        """What hands events to `events`."""
        return structlog.wrap_logger(self.log, processors=[_as_is])

    def another(self) -> Service:
        """A daemon over the same project: a second one, or as after a restart."""
        motor = HandMotor(self.world.clock)
        self.motors.append(motor)
        return Service(
            self.runtime,
            self.asked.is_set,
            self.logger,
            motor=motor,
            reread=lambda runtime: reread(runtime, self.world.environment()),
        )

    def change(self, edit: Callable[[str], str]) -> None:
        """Edit the project file."""
        self.file.write_text(edit(self.file.read_text()))

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under a name, each with its level."""
        told = [{**call.kwargs, "level": call.method_name} for call in self.log.calls]
        return [one for one in told if one["event"] == name]

    def close(self) -> None:
        """End the services, and give back the project."""
        self.service.stop(0)
        self.runtime.close()


def _as_is(_logger: object, _method: str, event: Any) -> Any:
    return event
