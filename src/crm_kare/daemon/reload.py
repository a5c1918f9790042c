"""A changed configuration without a restart: found by what the files hold, checked whole, and only then in force."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from crm_kare.config.project import PROJECT_FILE
from crm_kare.errors import ConfigError, KareError
from crm_kare.model import Problem
from crm_kare.sync.runtime import Runtime

Reread = Callable[[Runtime], Runtime]
"""Reads the configuration of an open project anew."""


def checked(runtime: Runtime) -> Runtime:
    """The project with all that its scheduled CRMs need read and in order, so that no later change of a file reaches it by half.

    Raises:
        ConfigError: a mapping or a login's file is wrong, a connector is not installed, or no CRM has a schedule.
    """
    crms = runtime.project.crms
    if not any(crm.schedule for crm in crms.values()):
        raise ConfigError("no CRM has a schedule.", where=PROJECT_FILE, fix='Add one, like "*/15 * * * *".')
    for crm in crms.values():
        if crm.schedule or crm.webhooks:
            runtime.find_connector(crm.connector)
            runtime.settings.credentials(crm.connector, crm.env_prefix)
    return runtime.pinned([name for name, crm in crms.items() if crm.schedule or crm.webhooks])


class Reload:
    """Watches the files of an open project.

    Args:
        runtime: the project as it was opened.
        reread: reads it anew; None = it is never read anew.

    Attributes:
        problem: what is wrong with the files as they are now; None = they are in force, or will be in a moment.
        loaded_at: when the configuration in force was read.
    """

    def __init__(self, runtime: Runtime, reread: Reread | None) -> None:
        self._reread, self._clock = reread, runtime.clock
        self.loaded_at: datetime = runtime.clock.now()
        self.problem: Problem | None = None
        self._asked = False
        self._held = self._last = fingerprint(runtime) if reread else ""

    def ask(self) -> None:
        """Read it anew at the next look, changed or not."""
        self._asked = True

    def look(self, runtime: Runtime) -> Runtime | None:
        """The project by its changed files, checked; None where nothing changed, or what changed is wrong.

        Files that are being changed are left alone until they are as they were at the look before.
        """
        if self._reread is None:
            return None
        found = fingerprint(runtime)
        rests, self._last = found == self._last, found
        if not self._asked and (found == self._held or not rests):
            return None
        self._asked, self._held = False, found
        try:
            new = checked(self._reread(runtime))
        except KareError as error:
            self.problem = Problem(error.code, error.message, error.fix, where=error.where)
            return None
        except OSError as error:
            told = f"a file of the configuration cannot be read ({error.strerror})."
            self.problem = Problem("unreadable", told, "Check its permissions.")
            return None
        self.problem, self.loaded_at = None, self._clock.now()
        self._held = self._last = fingerprint(new)
        return new


def fingerprint(runtime: Runtime) -> str:
    """A hash over the content of every file that the configuration is read from."""
    digest = hashlib.sha256()
    try:
        paths = sorted(set(_files(runtime)))
    except OSError as error:  # a folder that may not be entered: `Reload.look` meets it again, and tells
        return type(error).__name__
    for path in paths:
        digest.update(f"{path}\0".encode())
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            digest.update(type(error).__name__.encode())
    return digest.hexdigest()


def _files(runtime: Runtime) -> Iterator[Path]:
    project, folder = runtime.project, runtime.folder
    yield folder / PROJECT_FILE
    yield project.rulebook_path
    yield from (folder / crm.mapping for crm in project.crms.values())
    yield from (one for one in (folder / project.playbooks).glob("*") if one.is_file())
    if project.identity:
        yield folder / project.identity.decisions
    yield from runtime.settings.files()
