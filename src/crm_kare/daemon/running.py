"""A project that runs: opened, with its service and all that listens to it, until it is closed."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from crm_kare.config import registry
from crm_kare.daemon.alerts import Alerter
from crm_kare.daemon.inbox import Log
from crm_kare.daemon.motor import Motor
from crm_kare.daemon.service import Service
from crm_kare.daemon.webhooks import Receiver
from crm_kare.journal import Pools
from crm_kare.ports import Clock, ConnectorFactory
from crm_kare.sync.runtime import open_project, reread
from crm_kare.sync.tracing import UNTRACED, Tracer


@dataclass(frozen=True)
class Surroundings:
    """What a project is run in; projects of one installation share it.

    Attributes:
        environment: what the process was told; each project takes of it what its settings let it.
        clock: time.
        stopping: whether the process is asked to stop.
        log: where events go.
        pools: connections to PostgreSQL that projects share; None = each has its own.
        find_connector: the factory of a connector by its name.
        tracer: told of runs and their steps, beside the log.
    """

    environment: Mapping[str, str]
    clock: Clock
    stopping: Callable[[], bool]
    log: Log
    pools: Pools | None = None
    find_connector: Callable[[str], ConnectorFactory] = registry.load
    tracer: Tracer = UNTRACED


class RunningProject:
    """An open project with its service and its door for webhooks. `start` it; when its service has stopped, `release` it.

    Args:
        folder: the project's.
        around: what it is run in.
        motor: what makes its steps happen; None = threads of its own.

    Raises:
        KareError: what is wrong with it; nothing is left open.
    """

    def __init__(self, folder: Path, around: Surroundings, motor: Motor | None = None) -> None:
        with ExitStack() as held:
            runtime = open_project(folder, around.environment, around.clock, around.find_connector, around.pools)
            held.callback(runtime.close)
            runtime = replace(runtime, tracer=around.tracer)
            again = partial(reread, environment=around.environment)
            self.service: Final = Service(runtime, around.stopping, around.log, motor=motor, reread=again)
            self.receiver: Final = held.enter_context(
                closing(Receiver(runtime, self.service.told, around.stopping, around.log))
            )
            self._alerter = Alerter(runtime, around.log, self.service.metrics.alerted)
            held.callback(self._alerter.close)
            self.service.listeners += [self.receiver, self._alerter]
            self._held = held.pop_all()

    def start(self) -> None:
        """Begin to run.

        Raises:
            ConfigError: as of `Service.start`.
        """
        self.service.start()
        self._alerter.start()

    def release(self) -> None:
        """Give back what is held, once the service has stopped or was never started."""
        self._held.close()
