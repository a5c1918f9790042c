"""Many projects over CRMs in memory, run by fleets that tests drive: nothing happens by itself, and all that was begun can be waited for."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from flow.worlds import RULES, World
from structlog.testing import CapturingLogger

from crm_kare.daemon.fleet import Fleet, connections
from crm_kare.daemon.motor import Work
from crm_kare.daemon.running import RunningProject, Surroundings
from crm_kare.daemon.workers import Workers
from crm_kare.journal import Pools
from crm_kare.ports import Connector, ConnectorFactory, Context
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.memory import MemoryCrm

PATIENCE = 300.0
WORKERS = 4


class Driven:
    """A motor that does what it is told at once in the shared workers, and looks when the test says so."""

    def __init__(self, begin: Callable[[Work], None]) -> None:
        self._begin = begin
        self.looks: list[Work] = []
        self.running = False

    def start(self) -> None:
        self.running = True

    def begin(self, work: Work) -> None:
        self._begin(work)

    def later(self, _seconds: float, _work: Work) -> None:
        """What webhooks wait for: tests take it in by themselves."""

    def every(self, _seconds: float, look: Work) -> None:
        self.looks.append(look)

    def stop(self) -> None:
        self.running = False


@dataclass
class Many:
    """A folder of projects, each with its own CRMs in memory, and the clock of the CRMs."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    worlds: dict[str, World] = field(default_factory=dict)
    wrap: dict[str, Callable[[Connector], Connector]] = field(default_factory=dict)

    def add(self, name: str, *crms: str, schedule: str = "*/15 * * * *", more: str = "") -> World:
        """One more project, provisioned, with an account in each CRM, and its tokens in its `.env`."""
        place = self.folder / name
        place.mkdir(parents=True)
        (place / "rulebook.yaml").write_text(RULES)
        world = self.worlds[name] = World(place, self.clock)
        for crm in crms or ("one",):
            world.add(crm)
            world.crms[crm].token = f"token of {name}'s {crm}"
            world.account(crm, f"{name}-{crm}")
        file = place / "crm-kare.yaml"
        text = file.read_text().replace("{connector", f'{{schedule: "{schedule}", connector')
        file.write_text(text + more)
        tokens = "".join(f"{crm.upper()}_MEMORY_TOKEN={one.token}\n" for crm, one in world.crms.items())
        (place / ".env").write_text(tokens)
        return world

    def crm(self, project: str, name: str = "one") -> MemoryCrm:
        """A project's CRM."""
        return self.worlds[project].crms[name]

    def connector(self, name: str) -> ConnectorFactory:
        """Makes a connector to the CRM of the project that asks."""
        del name
        return self._make

    def _make(self, context: Context) -> Connector:
        project = context.folder.name
        made = self.worlds[project].connect(context)
        return self.wrap[project](made) if project in self.wrap else made


class Drive:
    """A daemon over many projects, as `serve --projects` would be.

    Args:
        many: the projects.
        environment: what the process was told beside the projects' folder.
        clock: the daemon's own; None = that of the CRMs.
        find_connector: None = CRMs in memory.
    """

    def __init__(
        self,
        many: Many,
        environment: Mapping[str, str] | None = None,
        clock: FakeClock | None = None,
        find_connector: Callable[[str], ConnectorFactory] | None = None,
    ) -> None:
        self.asked, self.log = Event(), CapturingLogger()
        logger = structlog.wrap_logger(self.log, processors=[lambda _logger, _method, event: event])
        told = {"CRM_KARE_PROJECTS": str(many.folder), **(environment or {})}
        self.workers = Workers(WORKERS, logger)
        self.pools = Pools(connections(WORKERS))
        self.clock = clock or many.clock
        self.motors: dict[str, Driven] = {}
        around = Surroundings(told, self.clock, self.asked.is_set, logger, self.pools, find_connector or many.connector)
        self.fleet = Fleet(many.folder, around, self.workers, self._motor)

    def _motor(self, name: str) -> Driven:
        self.motors[name] = Driven(lambda work: self.workers.submit(name, work))
        return self.motors[name]

    def look(self) -> dict[str, Any]:
        """Look for projects, wait until they are open or out of order; what `/healthz` then tells of each."""
        self.fleet.look()
        assert self.fleet.settled(PATIENCE)
        found: dict[str, Any] = self.fleet.health()["projects"]
        return found

    def begin(self) -> None:
        """Each open project looks at what is due."""
        for name, motor in self.motors.items():
            if self.fleet.project(name):
                for look in motor.looks:
                    look()

    def turn(self) -> None:
        """As `begin`, and wait until all that was begun has ended."""
        self.begin()
        assert self.workers.settled(PATIENCE)

    def project(self, name: str) -> RunningProject:
        """An open project."""
        found = self.fleet.project(name)
        assert found is not None
        return found

    def events(self, name: str, project: str | None = None) -> list[dict[str, Any]]:
        """What was logged under a name, by a project or all."""
        told = [{**call.kwargs, "level": call.method_name} for call in self.log.calls]
        return [one for one in told if one["event"] == name and project in {None, one.get("project")}]

    def close(self) -> None:
        """End it, as SIGTERM would."""
        self.asked.set()
        assert self.fleet.stop(PATIENCE)
        self.pools.close()


def said(drive: Drive) -> str:
    """All that was logged, to look for what must not be in it."""
    return json.dumps([call.kwargs for call in drive.log.calls], default=str)
