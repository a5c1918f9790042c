"""The project file, `crm-kare.yaml`: which CRMs there are, and the limits that hold for all of them."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr

from crm_kare.config.alerting import Alerts, Digest
from crm_kare.config.findings import Finding, Place, RefusedError, did_you_mean, sentence
from crm_kare.config.identity import Decided, Identity, load_decisions
from crm_kare.config.mapping import Mapping, load_mapping
from crm_kare.config.quiet import check_windows
from crm_kare.config.strict import Strict
from crm_kare.config.times import check_schedule, check_timezone
from crm_kare.config.yaml_files import load_yaml
from crm_kare.errors import UsageError

PROJECT_FILE: Final = "crm-kare.yaml"
"""Name of the project file."""

_BY_ENVIRONMENT: Final = frozenset({"salesforce", "hubspot"})
"""Connectors that log in with what the environment holds."""

CRM_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def _env_prefix(prefix: str) -> str:
    if not re.fullmatch(r"([A-Z0-9_]+_)?", prefix):
        raise RefusedError(f"`{prefix}` is no prefix", "use capitals, digits and _, and end it with _, like ACME_")
    return prefix


def _public_url(url: str) -> str:
    """The address as given, without a slash at its end."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"})
    if not secure or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise RefusedError(f"`{url}` is no public address", "write it like https://kare.example.com")
    return url.rstrip("/")


_Share = Annotated[float, Field(ge=0, le=1)]
_UsedShare = Annotated[float, Field(gt=0, le=1)]


class Crm(Strict):
    """One CRM of the project."""

    connector: Annotated[str, Field(min_length=1)]
    mapping: Annotated[str, Field(min_length=1)]
    schedule: Annotated[str, AfterValidator(check_schedule)] | None = None
    timezone: Annotated[str, AfterValidator(check_timezone)] = "UTC"
    env_prefix: Annotated[str, AfterValidator(_env_prefix)] = ""
    quiet: Annotated[
        list[str],
        AfterValidator(check_windows),
        Field(description="Times in which no run starts, like `Mon-Fri 08:00-18:00`."),
    ] = []  # noqa: RUF012  pydantic copies it
    full_pull_days: Annotated[int, Field(ge=0, description="Days after which a run pulls in full; 0 = never.")] = 7
    webhooks: Annotated[
        bool, Field(description="Whether the CRM tells `crm-kare serve` of changes as they happen.")
    ] = False


class Brakes(Strict):
    """What stops a run before its first write (the numbers are shares, 0.05 = 5 %)."""

    transition_share: _Share = 0.05
    transition_floor: Annotated[int, Field(ge=0)] = 20
    mirror_shrink: _Share = 0.1
    unknown_jump: _Share = 0.1
    new_values: Annotated[
        int, Field(ge=0, description="Records with values that appeared and that the mapping does not know; 0 = never.")
    ] = 1


class Quota(Strict):
    """How much of the CRM's allowance we may use."""

    daily_share: _UsedShare = 0.8
    burst_share: _UsedShare = 0.9


class Serve(Strict):
    """Where the daemon answers."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8731
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None


class Overrides(Strict):
    """Who may override a profile; without a list everybody who may edit the field."""

    allowed: Annotated[
        tuple[str, ...], Field(description="User ids, e-mail addresses or user names; none = everybody.")
    ] = ()
    unknown: Annotated[
        Literal["ignore", "follow"],
        Field(description="What becomes of an override whose author the CRM does not tell, where there is a list."),
    ] = "ignore"

    def follows(self, names: Iterable[str] | None) -> bool:
        """Whether an override counts, by the names of who set it; None = the CRM does not tell."""
        if names is None:
            return not self.allowed or self.unknown == "follow"
        return not self.allowed or bool({one.lower() for one in names} & {one.lower() for one in self.allowed})


class Retention(Strict):
    """How long the journal keeps what it need not."""

    runs_days: Annotated[int, Field(ge=30, description="Days after which a run and its changes are forgotten.")] = 400
    labels_days: Annotated[
        int | None, Field(ge=30, description="Days after which labels held before are forgotten; none = never.")
    ] = None


class Project(Strict):
    """The project file, checked."""

    version: Literal[1]
    crms: dict[str, Crm] = Field(min_length=1)
    rulebook: Annotated[str, Field(min_length=1)] = "rulebook.yaml"
    playbooks: Annotated[str, Field(min_length=1)] = "playbooks"
    brakes: Brakes = Brakes()
    quota: Quota = Quota()
    serve: Serve = Serve()
    retention: Retention = Retention()
    overrides: Overrides = Overrides()
    alerts: Alerts = Alerts()
    digest: Digest = Digest()
    identity: Identity | None = Field(default=None, description="One label for a company in several CRMs.")
    _folder: Path = PrivateAttr(default=Path())
    _among: str = PrivateAttr(default="")

    @property
    def folder(self) -> Path:
        """Where the project file stands; its paths start there."""
        return self._folder

    @property
    def rulebook_path(self) -> Path:
        """The rulebook's file."""
        return self.folder / self.rulebook

    def crm(self, name: str) -> Crm:
        """The CRM of that name; `UsageError` where there is none."""
        if name not in self.crms:
            known = did_you_mean(name, self.crms)
            raise UsageError(f"no CRM is called `{name}`.", fix=sentence(known), where=PROJECT_FILE)
        return self.crms[name]

    def webhooks(self, name: str) -> str:
        """The public address for a CRM's webhooks; empty where they are off."""
        path = f"{self._among}/{name}" if self._among else name
        return f"{self.serve.public_url}/webhooks/{path}" if self.crm(name).webhooks else ""

    def decisions(self) -> tuple[Decided, ...]:
        """What people decided about accounts of two CRMs; none where there is no `identity:` section."""
        if self.identity is None:
            return ()
        return load_decisions(self.folder / self.identity.decisions, self.identity.crms)

    def mapping(self, name: str) -> Mapping:
        """The mapping of a CRM, read from its file."""
        crm = self.crm(name)
        return load_mapping(self.folder / crm.mapping, crm.connector)


def _check(project: Project) -> list[Finding]:
    """Names that are no safe names, and CRMs that would use each other's credentials."""
    found = [
        Finding(("crms", name), f"`{name}` is no name for a CRM", "use lower-case letters, digits, - and _")
        for name in project.crms
        if not CRM_NAME.fullmatch(name)
    ]
    return found + _shared_credentials(project.crms) + _unreachable(project) + _unknown_crms(project)


def _unknown_crms(project: Project) -> list[Finding]:
    """CRMs of the `identity:` section that the project does not have."""
    named = project.identity.crms if project.identity else ()
    return [
        Finding(("identity", "crms", number), f"no CRM is called `{name}`", did_you_mean(name, project.crms))
        for number, name in enumerate(named)
        if name not in project.crms
    ]


def _unreachable(project: Project) -> list[Finding]:
    """Webhooks without the address that they are sent to, which their signatures hold."""
    wanting = [name for name, crm in project.crms.items() if crm.webhooks]
    if not wanting or project.serve.public_url:
        return []
    told = f"`{wanting[0]}` wants webhooks, and there is no public address that they are sent to"
    return [Finding(("serve",), told, "set `public_url`, like https://kare.example.com")]


def _shared_credentials(crms: dict[str, Crm]) -> list[Finding]:
    seen: dict[tuple[str, str], str] = {}
    found = []
    for name, crm in crms.items():
        first = seen.setdefault((crm.connector, crm.env_prefix), name)
        if first != name and crm.connector in _BY_ENVIRONMENT:
            place: Place = ("crms", name)
            told = f"`{name}` and `{first}` would use the same credentials"
            found.append(Finding(place, told, f"give one of them an `env_prefix`, like {name.upper()}_"))
    return found


def load_project(folder: Path, among: str = "") -> Project:
    """The project in a folder; `among` is its name where it is one of many.

    Raises:
        ConfigError: no project file there, or a wrong one, with every problem.
    """
    project = load_yaml(folder / PROJECT_FILE, Project, _check)
    project._folder = folder  # noqa: SLF001  no key of the file, so no field; set once, here
    project._among = among  # noqa: SLF001  the same
    return project
