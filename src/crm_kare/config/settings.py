"""Secrets and places: from the environment, the project's `.env`, and a directory with one file per secret.

The environment is passed in. Of one name in several places, the environment counts before `.env`, and that before the
secrets directory. Everything is text as it stands; nothing is interpolated, and nothing guessed into a number.
"""

from collections.abc import Mapping
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

_SECRETS: Final = "CRM_KARE_SECRETS"
_MOST_BYTES: Final = 100_000


class _Source(PydanticBaseSettingsSource):
    """Names and values read already; empty ones count as not set."""

    def __init__(self, settings: type[BaseSettings], values: Mapping[str, str | None]) -> None:
        super().__init__(settings)
        self._values = {name.upper(): value for name, value in values.items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One field's value as it stands."""
        name = field.alias or field_name
        return self._values.get(name), name, False

    def __call__(self) -> dict[str, Any]:
        """Every name with its value: logins of any connector and prefix are among them."""
        return dict(self._values)


class _Told(BaseSettings):
    """What the environment, `.env` and the secrets directory say, in that order. Names of no field are logins."""

    model_config = SettingsConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, SecretStr]

    database_url: SecretStr | None = Field(None, alias="CRM_KARE_DATABASE_URL")
    mirror: Path | None = Field(None, alias="CRM_KARE_MIRROR")

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
        given = init_settings()
        folder: Path = given["folder"]
        environment = _Source(settings_cls, given["environment"])
        dotenv = _Source(settings_cls, _dotenv(folder / ".env"))
        secrets = {**dotenv(), **environment()}.get(_SECRETS)
        directory = _Source(settings_cls, _directory(folder / secrets) if secrets else {})
        return environment, dotenv, directory


class Settings:
    """What is set for a project. `database_url` is secret, as it may hold a password; `mirror` is the folder of the
    mirrors, `state` that of what connectors keep.
    """

    def __init__(self, folder: Path, told: _Told) -> None:
        self._folder = folder
        self._logins = told.__pydantic_extra__
        self.state: Final = folder / STATE_FOLDER
        self.mirror: Final = folder / told.mirror if told.mirror else self.state / "mirror"
        self.database_url: Final = told.database_url or SecretStr(f"sqlite:///{(self.state / 'state.db').resolve()}")

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
        ConfigError: a file that is named is missing, unreadable or not UTF-8.
    """
    return Settings(folder, _Told(folder=folder, environment=environment))


def _dotenv(path: Path) -> Mapping[str, str | None]:
    if not path.is_file():
        return {}
    return dotenv_values(stream=StringIO(_readable(path)), interpolate=False)  # a `$` in a password is a `$`


def _directory(path: Path) -> Mapping[str, str]:
    """One file per secret, as Docker and Kubernetes mount them; hidden files are theirs (`..data`)."""
    if not path.is_dir():
        raise ConfigError("the secrets directory is not there.", where=f"{_SECRETS}={path}", fix="Correct the path.")
    files = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
    return {one.name: _readable(one).strip() for one in files}


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
