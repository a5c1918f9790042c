"""Many projects in one process, one service each: opened as their folders appear, closed as they go, each alone in its troubles."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Condition, Event
from typing import Any, Final

from fastapi import FastAPI

from crm_kare.config.project import CRM_NAME, PROJECT_FILE
from crm_kare.config.settings import load_settings
from crm_kare.daemon.faults import Fault, fault, print_of
from crm_kare.daemon.health import answering_app
from crm_kare.daemon.motor import ApMotor, Motor, Ticker, Work
from crm_kare.daemon.project_metrics import ProjectMetrics
from crm_kare.daemon.running import RunningProject, Surroundings
from crm_kare.daemon.service import PATIENCE
from crm_kare.daemon.webhooks import Receiver, add_project_webhooks
from crm_kare.daemon.workers import Workers
from crm_kare.errors import ConfigError, KareError, StopError

LOOK: Final = 10.0
"""Seconds between looks at the folder of the projects."""

LOOKERS: Final = 8
"""Projects that look at their databases, or are opened, at a time: as many may hang without the others' noticing."""

_PER_RUN: Final = 3
"""Connections that a run has in use at the same time: one that reads a plan, one that journals, the heart of its lease."""

MakeMotor = Callable[[str], Motor]


class ProjectMotor(ApMotor):
    """A project's motor among many. Its looks, too, are made by shared workers: a database that hangs holds up its own project alone."""

    def __init__(self, name: str, around: Surroundings, ticker: Ticker, runs: Workers, looks: Workers) -> None:
        super().__init__(around.clock, ticker, partial(runs.submit, name))
        self._name, self._looks = name, looks

    def every(self, seconds: float, look: Work) -> None:
        """Take a short look now and every so many seconds; left out while the one before waits or takes long."""
        super().every(seconds, partial(self._look, look))

    def _look(self, look: Work) -> None:
        if not self._looks.waiting(self._name) and not self._looks.busy(self._name):
            self._looks.submit(self._name, look)


class Fleet:
    """The projects in a folder. `start` it, wait, `stop` it.

    Args:
        projects: the folder; each subfolder with a project file is a project, by the folder's name.
        around: what the projects share.
        workers: where their runs take place.
        make_motor: a motor for a project by its name; None = threads that all share.
    """

    def __init__(
        self, projects: Path, around: Surroundings, workers: Workers, make_motor: MakeMotor | None = None
    ) -> None:
        self._projects, self._around, self._workers = projects, around, workers
        self._looks = Workers(LOOKERS, around.log, share=1)
        self._ticker = Ticker(around.clock)
        self._make_motor = make_motor or self._motor
        self._open: dict[str, RunningProject] = {}
        self._faults: dict[str, Fault] = {}
        self._leaving: dict[str, Event] = {}
        self._places: dict[str, set[str]] = {}
        self._under_way: set[str] = set()
        self._changed = Condition()
        self._blind = self._stopped = False
        self._metrics = ProjectMetrics(self._collectors, workers)

    def start(self) -> None:
        """Begin to open the projects and run them; returns at once.

        Raises:
            ConfigError: there is no such folder.
        """
        found = folders_of(self._projects)
        self._ticker.scheduler.start()
        self._ticker.every(LOOK, self.look)
        self._around.log.info("started", projects=len(found), workers=self._workers.count)

    def look(self) -> None:
        """Open the projects that came, close those that went, try again those that are out of order and it is time for."""
        if self._stopped or self._around.stopping():
            return
        try:
            found = folders_of(self._projects)
        except ConfigError as error:  # a disk that is away for a moment must not end all projects
            if not self._blind:
                self._around.log.error("projects lost", message=error.message, fix=error.fix)  # noqa: TRY400  the words are ours
            self._blind = True
            return
        self._blind = False
        with self._changed:
            for name in [one for one in self._faults if one not in found]:
                del self._faults[name]
            gone = [one for one in self._open if one not in found]
            shut = [one for one in found if one not in self._open]
        for name in gone:
            self._begin(name, partial(self._close, name))
        for name in shut:
            if self._to_be_tried(name, found[name]):
                self._begin(name, partial(self._try, name, found[name]))

    def settled(self, patience: float) -> bool:
        """Wait until every project that was found is open or out of order; whether that came about in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, patience)

    def reload(self) -> None:
        """Read every project's configuration anew, and try those that are out of order."""
        with self._changed:
            opened = list(self._open.values())
            self._faults = {name: replace(one, files="") for name, one in self._faults.items()}
        for one in opened:
            one.service.reload()

    def stop(self, patience: float = PATIENCE) -> bool:
        """Begin no more runs, and wait for those under way, which end at their next batch border; whether all did in time."""
        clock = self._around.clock
        ends = clock.monotonic() + patience
        self._stopped = True
        self._ticker.stop()
        self._looks.close(patience)
        with self._changed:
            left = list(self._open.values())
            self._open.clear()
        ended = [one.service.stop(max(0.0, ends - clock.monotonic())) for one in left]
        for one in left:  # an address that hangs holds up no other project's runs
            one.release()
        self._workers.close(0)
        return all(ended)

    def project(self, name: str) -> RunningProject | None:
        """An open project."""
        with self._changed:
            return self._open.get(name)

    def door(self, name: str) -> tuple[Receiver, Callable[[str, int], None]] | None:
        """Who takes a project's webhooks, and who counts them."""
        found = self.project(name)
        return (found.receiver, found.service.metrics.answered) if found else None

    def health(self) -> dict[str, Any]:
        """What `/healthz` tells: each project's service, or what is wrong with it. Asks no database."""
        with self._changed:
            opened, faults, under_way = dict(self._open), dict(self._faults), set(self._under_way)
        told: dict[str, Any] = {name: {"problem": one.told()} for name, one in faults.items()}
        told |= {name: one.service.health() for name, one in opened.items()}
        told |= {name: {"opening": True} for name in under_way - told.keys()}
        workers = {"count": self._workers.count, "busy": self._workers.busy()}
        return {"workers": workers, "projects": dict(sorted(told.items()))}

    def ready(self) -> bool:
        """Whether projects are looked for, and one at least can run: a broken one must not take the others' door away."""
        with self._changed:
            opened, none = list(self._open.values()), not (self._open or self._faults or self._under_way)
        one_each = {one.service.runtime.settings.database_url: one for one in opened}
        return self._ticker.running and (none or any(one.service.ready() for one in one_each.values()))

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """What Prometheus is answered, and its content type."""
        return self._metrics.page(accept)

    def _motor(self, name: str) -> Motor:
        return ProjectMotor(name, self._around, self._ticker, self._workers, self._looks)

    def _to_be_tried(self, name: str, folder: Path) -> bool:
        with self._changed:
            known = self._faults.get(name)
        return known is None or self._around.clock.now() >= known.next_try or print_of(folder) != known.files

    def _begin(self, name: str, step: Work) -> None:
        """Open or close a project, once at a time."""
        with self._changed:
            if name in self._under_way:
                return
            self._under_way.add(name)
        self._looks.submit(name, partial(self._step, name, step))

    def _step(self, name: str, step: Work) -> None:
        try:
            step()
        finally:
            with self._changed:
                self._under_way.discard(name)
                self._changed.notify_all()

    def _try(self, name: str, folder: Path) -> None:
        """Open a project; where that fails, it is out of order, and nothing else."""
        files, leaving, around = print_of(folder), Event(), self._around
        own = replace(around, log=around.log.bind(project=name), stopping=lambda: around.stopping() or leaving.is_set())
        try:
            self._claim(name, folder)
            project = _running(folder, own, self._make_motor(name))
        except KareError as error:
            self._failed(name, error, files)
        except Exception as error:  # noqa: BLE001  the door: one project's accident must not touch another
            self._failed(name, StopError("It broke by an accident.", code=type(error).__name__), files)
        else:
            with self._changed:
                self._faults.pop(name, None)
                self._leaving[name] = leaving
                self._open[name] = project

    def _failed(self, name: str, error: KareError, files: str) -> None:
        with self._changed:
            self._places.pop(name, None)
            before = self._faults.get(name)
            self._faults[name] = fault(error, files, before, self._around.clock.now())
        if before is None or str(before.error) != str(error):
            self._around.log.error(
                "project out of order", project=name, code=error.code, message=str(error), fix=error.fix
            )

    def _claim(self, name: str, folder: Path) -> None:
        """Its name can be one, and no two projects keep anything in one place."""
        if not CRM_NAME.fullmatch(name):
            raise ConfigError(
                "that is no name for a project.", where=name, fix="Use lower-case letters, digits, - and _."
            )
        url, schema, mirror = load_settings(folder, self._around.environment).places()
        own = {f"{url} {schema}", str(mirror.resolve())}
        with self._changed:
            for other, places in self._places.items():
                if other != name and own & places:
                    raise ConfigError(
                        f"it would use the database or the mirror of `{other}`.",
                        where=name,
                        fix="Give it a CRM_KARE_DATABASE_SCHEMA, CRM_KARE_DATABASE_URL and CRM_KARE_MIRROR of its own.",
                    )
            self._places[name] = own

    def _close(self, name: str) -> None:
        with self._changed:
            project, leaving = self._open.pop(name), self._leaving.pop(name)
        leaving.set()
        self._workers.forget(name)
        project.service.stop(PATIENCE)
        project.release()
        with self._changed:
            self._places.pop(name, None)
        self._around.log.info("project gone", project=name)

    def _collectors(self) -> dict[str, Any]:
        with self._changed:
            opened, names = dict(self._open), sorted({*self._open, *self._faults})
        return {name: opened[name].service.metrics.collect if name in opened else None for name in names}


def _running(folder: Path, around: Surroundings, motor: Motor) -> RunningProject:
    """A project that was started; where that cannot be, nothing is left open."""
    with ExitStack() as held:
        project = RunningProject(folder, around, motor)
        held.callback(project.release)
        project.start()
        held.pop_all()
    return project


def connections(workers: int) -> int:
    """How many connections to one PostgreSQL so many workers need at most, and those who look, beside each other."""
    return _PER_RUN * workers + LOOKERS


def create_app(fleet: Fleet) -> FastAPI:
    """What one project answers, for all of them; webhooks at `/webhooks/PROJECT/NAME`."""
    app = answering_app(fleet)
    add_project_webhooks(app, fleet.door)
    return app


def folders_of(projects: Path) -> dict[str, Path]:
    """The projects' folders by name: those in which a project file stands.

    Raises:
        ConfigError: there is no such folder.
    """
    try:
        return {one.name: one for one in sorted(projects.iterdir()) if _is_project(one)}
    except OSError as error:
        raise ConfigError(
            f"the folder of the projects cannot be read: {error.strerror}.",
            where=str(projects),
            fix="Correct the path.",
        ) from None


def _is_project(folder: Path) -> bool:
    try:
        return (folder / PROJECT_FILE).is_file()
    except OSError:  # it may not be entered: opening it tells what is wrong. A disk's `lost+found` is nobody's
        return CRM_NAME.fullmatch(folder.name) is not None
