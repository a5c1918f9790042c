"""What the steps of a run share: the project with its settings, journal, rulebook and connectors."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from crm_kare.config import registry
from crm_kare.config.mapping import Mapping as CrmMapping
from crm_kare.config.mapping import stream_specs
from crm_kare.config.playbooks import load_playbooks, next_steps, playbook_texts
from crm_kare.config.project import Project, load_project
from crm_kare.config.rulebook import Rulebook, parse_rulebook
from crm_kare.config.settings import Settings, load_settings, name_among_many
from crm_kare.config.yaml_files import read_text
from crm_kare.errors import ConfigError
from crm_kare.journal import Journal, Pools, open_journal
from crm_kare.model import Kind
from crm_kare.ports import Clock, Connector, ConnectorFactory, Context
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.tracing import UNTRACED, Tracer

_PRIVATE: Final = 0o700


@dataclass(frozen=True)
class Runtime:
    """An open project. Mappings and connectors are opened one at a time, so that a fault in one CRM leaves the others.

    Attributes:
        folder: where the project file stands.
        project: the project file.
        settings: what the environment tells.
        rulebook: the rules.
        rulebook_text: the file they were read from.
        own_fields: fields that the mappings add for the rulebook, with their kinds.
        next_steps: the playbooks' next step by profile.
        journal: the state store.
        clock: time.
        find_connector: the factory of a connector by its name.
        mappings: mappings that are read already, by CRM; the others are read from their files when asked for.
    """

    folder: Path
    project: Project
    settings: Settings
    rulebook: Rulebook
    rulebook_text: str
    own_fields: Mapping[str, Kind]
    next_steps: Mapping[str, str]
    journal: Journal
    clock: Clock
    find_connector: Callable[[str], ConnectorFactory] = registry.load
    tracer: Tracer = UNTRACED
    mappings: Mapping[str, CrmMapping] = field(default_factory=dict)

    def mapping(self, crm: str) -> CrmMapping:
        """A CRM's mapping; `ConfigError` where it is wrong."""
        return self.mappings.get(crm) or self.project.mapping(crm)

    def pinned(self, crms: Iterable[str]) -> "Runtime":
        """The project with the mappings of some CRMs as they are now, whatever becomes of their files; `ConfigError` where one is wrong."""
        return replace(self, mappings={crm: self.project.mapping(crm) for crm in crms})

    def mirror(self, crm: str) -> Mirror:
        """A CRM's mirror."""
        return Mirror(self.settings.mirror, self.journal, crm)

    def connector(self, crm: str) -> Connector:
        """A CRM's connector, not yet logged in; the caller closes it."""
        one = self.project.crm(crm)
        state = self.settings.state / "connectors" / crm
        state.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        mapping = self.mapping(crm)
        zone = {"timezone": mapping.timezone} if mapping.timezone else {}
        options: dict[str, Any] = {**zone, **mapping.options}
        credentials = self.settings.credentials(one.connector, one.env_prefix)
        quota = self.project.quota
        return self.find_connector(one.connector)(
            Context(
                crm,
                credentials,
                self.clock,
                self.folder,
                state,
                options,
                quota.daily_share,
                quota.burst_share,
                stream_specs(mapping),
                self.project.webhooks(crm),
            )
        )

    def keep_rulebook(self) -> None:
        """A run has judged by the rules: keep their text, for a return to them."""
        playbooks = playbook_texts(self.folder / self.project.playbooks)
        self.journal.rulebooks.use(self.rulebook.stamp, self.rulebook_text, playbooks, self.clock.now())

    def close(self) -> None:
        """Give back the journal's connections."""
        self.journal.close()


def open_project(
    folder: Path,
    environment: Mapping[str, str],
    clock: Clock,
    find_connector: Callable[[str], ConnectorFactory] = registry.load,
    pools: Pools | None = None,
) -> Runtime:
    """Open the project in a folder; close the runtime afterwards.

    Args:
        folder: where the project file stands.
        environment: what the process was told.
        clock: time.
        find_connector: the factory of a connector by its name.
        pools: connections to PostgreSQL that it shares with other projects.

    Raises:
        ConfigError: the project file, the rulebook or a setting is wrong.
        StopError: the journal refuses, or is of a newer program.
        BusyError: another program holds the journal.
    """
    project = load_project(folder, name_among_many(folder, environment))
    settings = load_settings(folder, environment)
    own_fields = own_fields_of(project)
    text = read_text(project.rulebook_path)
    rulebook = parse_rulebook(text, project.rulebook_path, own_fields)
    steps = next_steps(load_playbooks(folder / project.playbooks))
    settings.state.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    journal = open_journal(settings.database_url.get_secret_value(), settings.schema, pools)
    return Runtime(folder, project, settings, rulebook, text, own_fields, steps, journal, clock, find_connector)


def reread(runtime: Runtime, environment: Mapping[str, str]) -> Runtime:
    """An open project by its files and the environment as they are now, on the journal that is open already.

    Raises:
        ConfigError: a file or a setting is wrong, or names another database or mirror, which wants a restart.
    """
    folder = runtime.folder
    project = load_project(folder, name_among_many(folder, environment))
    settings = load_settings(folder, environment)
    if settings.places() != runtime.settings.places():
        raise ConfigError(
            "another database or mirror is set than at the start.",
            where=str(runtime.folder),
            fix="Restart `crm-kare serve`.",
        )
    own_fields = own_fields_of(project)
    text = read_text(project.rulebook_path)
    return replace(
        runtime,
        project=project,
        settings=settings,
        rulebook=parse_rulebook(text, project.rulebook_path, own_fields),
        rulebook_text=text,
        own_fields=own_fields,
        next_steps=next_steps(load_playbooks(runtime.folder / project.playbooks)),
        mappings={},
    )


def own_fields_of(project: Project) -> dict[str, Kind]:
    """Fields that the mappings add; a mapping that is wrong stops its own CRM only, when that one is run."""
    found: dict[str, Kind] = {}
    for name in project.crms:
        with suppress(ConfigError):
            own = project.mapping(name).streams.accounts.fields_of_own()
            found |= {field: one.type for field, one in own.items()}
    return found
