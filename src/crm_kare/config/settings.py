"""Secrets and places: from the environment, the project's `.env`, and a directory with one file per secret.

The environment is passed in. Of one name in several places, the environment counts before `.env`, and that before the
secrets directory. Everything is text as it stands; nothing is interpolated, and nothing guessed into a number.

A project that is one of many (`CRM_KARE_PROJECTS` names the folder they are in) has its own `.env` and secrets directory alone: of the
environment only the database's address, and the folders of mirrors and secrets that have a part for each, come last.
"""

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from crm_kare.errors import ConfigError

STATE_FOLDER: Final = ".crm-kare"
"""The project's folder for what the program keeps."""

PROJECTS: Final = "CRM_KARE_PROJECTS"
"""The folder whose subfolders are the projects of one installation."""

_SECRETS, _MIRROR = "CRM_KARE_SECRETS", "CRM_KARE_MIRROR"
_DATABASE: Final = "CRM_KARE_DATABASE_URL"
_SCHEMA_PREFIX: Final = "kare_"
_SCHEMA: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_MOST_BYTES: Final = 100_000


class _Source(PydanticBaseSettingsSource):
    """Names and values read already."""

    def __init__(self, settings: type[BaseSettings], values: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One field's value as it stands."""
        name = field.alias or field_name
        return self._values.get(name), name, False

    def __call__(self) -> dict[str, Any]:
        """Every name with its value: logins of any connector and prefix are among them."""
        return dict(self._values)


class _Told(BaseSettings):
    """What the sources say, the first one before the others. Names of no field are logins."""

    model_config = SettingsConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, SecretStr]

    database_url: SecretStr | None = Field(None, alias=_DATABASE)
    database_schema: str | None = Field(None, alias="CRM_KARE_DATABASE_SCHEMA")
    mirror: Path | None = Field(None, alias=_MIRROR)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Ours in place of pydantic's, which read the process, interpolate `$` in `.env`, and know no free names."""
        del env_settings, dotenv_settings, file_secret_settings
        return tuple(_Source(settings_cls, one) for one in init_settings()["sources"])


class Settings:
    """What is set for a project. `database_url` is secret, as it may hold a password; `schema` is the part of that database
    which is the project's (empty = all of it); `mirror` is the folder of the mirrors, `state` that of what connectors keep.
    """

    def __init__(self, folder: Path, told: _Told, schema: str = "", secrets: Path | None = None) -> None:
        self._folder, self._secrets = folder, secrets
        self._logins = told.__pydantic_extra__
        self.state: Final = folder / STATE_FOLDER
        self.mirror: Final = folder / told.mirror if told.mirror else self.state / "mirror"
        self.schema: Final = schema
        self.database_url: Final = told.database_url or SecretStr(f"sqlite:///{(self.state / 'state.db').resolve()}")

    def secret(self, name: str) -> SecretStr | None:
        """What is set under a name, beside the logins; None where nothing is."""
        return self._logins.get(name)

    def places(self) -> tuple[str, str, Path]:
        """Database, schema and mirror: what a program that is open cannot move away from."""
        return self.database_url.get_secret_value(), self.schema, self.mirror

    def files(self) -> Iterator[Path]:
        """Every file that a setting comes from, there or not."""
        yield self._folder / ".env"
        yield from _secret_files(self._secrets) if self._secrets else ()
        yield from (
            self._folder / path.get_secret_value() for name, path in self._logins.items() if name.endswith("_FILE")
        )

    def credentials(self, connector: str, prefix: str = "") -> dict[str, SecretStr]:
        """Everything set for one CRM, by its name in the Contract (`SALESFORCE_ACCESS_TOKEN`).

        With a prefix only names behind it count: a CRM never falls back to the credentials of another. `NAME_FILE` gives
        the content of that file as `NAME` (`SALESFORCE_PRIVATE_KEY_FILE`), where `NAME` itself is not set.

        Raises:
            ConfigError: a file that is named cannot be read.
        """
        start = f"{prefix}{connector.upper().replace('-', '_')}_"
        own = {name[len(prefix) :]: value for name, value in self._logins.items() if name.startswith(start)}
        named = {name.removesuffix("_FILE"): path for name, path in own.items() if name.endswith("_FILE")}
        read = {
            name: SecretStr(_readable(self._folder / path.get_secret_value()).strip())
            for name, path in named.items()
            if name not in own
        }
        return {**read, **{name: value for name, value in own.items() if not name.endswith("_FILE")}}


def load_settings(folder: Path, environment: Mapping[str, str]) -> Settings:
    """Settings of the project in `folder`; a path that is not absolute starts there.

    `CRM_KARE_SECRETS` names the secrets directory.

    Raises:
        ConfigError: a file that is named is missing, unreadable or not UTF-8; or the schema's name is none.
    """
    name = name_among_many(folder, environment)
    shared = _shared(name, _named(environment)) if name else {}
    own, dotenv = {} if name else _named(environment), _named(_dotenv(folder / ".env"))
    secrets = {**shared, **dotenv, **own}.get(_SECRETS)
    place = folder / secrets if secrets else None
    directory = _named(_directory(place)) if place else {}
    told = _Told(sources=(own, dotenv, directory, shared))
    return Settings(folder, told, _schema(told, name, shared.get(_DATABASE)), place)


def name_among_many(folder: Path, environment: Mapping[str, str]) -> str:
    """The name of a project that is one of many, which is its folder's; empty where it stands alone."""
    projects, place = environment.get(PROJECTS), folder.absolute()
    if not projects or place.parent.resolve() != Path(projects).resolve():
        return ""
    return place.name


def _named(values: Mapping[str, str | None]) -> dict[str, str]:
    """Names in capitals; empty values count as not set."""
    return {name.upper(): value for name, value in values.items() if value}


def _shared(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What a project among many is given of the installation's environment: the database, and its own folder in those of the
    mirrors and the secrets. No login is among it.
    """
    found = {}
    secrets = Path(environment[_SECRETS]) if _SECRETS in environment else None
    if secrets and (secrets / name).is_dir():
        found[_SECRETS] = str((secrets / name).absolute())
    if _MIRROR in environment:
        found[_MIRROR] = str((Path(environment[_MIRROR]) / name).absolute())
    database = environment.get(_DATABASE, "")
    if not database and secrets and (secrets / _DATABASE).is_file():
        database = _readable(secrets / _DATABASE).strip()
    if database:
        found[_DATABASE] = database
    return found


def _schema(told: _Told, name: str, shared: str | None) -> str:
    """The schema that is set; of the database that many share, each has one by its name."""
    url = told.database_url.get_secret_value() if told.database_url else ""
    among = bool(name and url and url == shared)
    if among and not url.startswith("postgresql"):
        raise ConfigError(
            "many projects cannot share one SQLite file.", where=_DATABASE, fix="Use PostgreSQL, or leave it unset."
        )
    schema = told.database_schema or (_SCHEMA_PREFIX + name if among else "")
    if schema and not _SCHEMA.fullmatch(schema):
        raise ConfigError(
            f"`{schema}` is no name for a schema.",
            where="CRM_KARE_DATABASE_SCHEMA",
            fix="Use lower-case letters, digits, _ and -.",
        )
    return schema


def _dotenv(path: Path) -> Mapping[str, str | None]:
    if not path.is_file():
        return {}
    return dotenv_values(stream=StringIO(_readable(path)), interpolate=False)  # a `$` in a password is a `$`


def _directory(path: Path) -> Mapping[str, str]:
    """One file per secret, as Docker and Kubernetes mount them; hidden files are theirs (`..data`)."""
    if not path.is_dir():
        raise ConfigError("the secrets directory is not there.", where=f"{_SECRETS}={path}", fix="Correct the path.")
    return {one.name: _readable(one).strip() for one in _secret_files(path)}


def _secret_files(path: Path) -> list[Path]:
    found = sorted(path.iterdir()) if path.is_dir() else []
    return [one for one in found if one.is_file() and not one.name.startswith(".")]


def _readable(path: Path) -> str:
    """A small text file's content; the error tells the path, never the content."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the file cannot be read ({error.strerror}).", where=str(path), fix="Check it.") from None
    if len(content) > _MOST_BYTES:
        raise ConfigError("the file is too large to be a secret.", where=str(path), fix="Check the path.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text.", where=str(path), fix="Save it as UTF-8.") from None
