"""Secrets and places: from the environment, the project's `.env`, and a directory with one file per secret.

The environment is passed in. Of one name in several places, the environment counts before `.env`, and that before the
secrets directory. Everything is text as it stands; nothing is guessed into a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr

from crm_kare.errors import ConfigError

STATE_FOLDER: Final = ".crm-kare"
"""The project's folder for what the program keeps."""

_SECRETS: Final = "CRM_KARE_SECRETS"
_MOST_BYTES: Final = 100_000


@dataclass(frozen=True)
class Settings:
    """What the environment tells.

    Attributes:
        database_url: address of the state store; secret, as it may hold a password.
        mirror: folder of the mirrors.
        state: folder for what connectors keep.
    """

    database_url: SecretStr
    mirror: Path
    state: Path
    _folder: Path
    _values: Mapping[str, SecretStr]

    def credentials(self, connector: str, prefix: str = "") -> dict[str, SecretStr]:
        """Everything set for one CRM, by its name in the Contract (`SALESFORCE_ACCESS_TOKEN`).

        With a prefix only names behind it count: a CRM never falls back to the credentials of another. `NAME_FILE` gives
        the content of that file as `NAME` (`SALESFORCE_PRIVATE_KEY_FILE`), where `NAME` itself is not set.

        Raises:
            ConfigError: a file that is named cannot be read.
        """
        start = f"{prefix}{connector.upper().replace('-', '_')}_"
        own = {name[len(prefix) :]: value for name, value in self._values.items() if name.startswith(start)}
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
    values = {**_dotenv(folder / ".env"), **_filled(environment)}
    if values.get(_SECRETS):
        values = {**_directory(folder / values[_SECRETS]), **values}
    home = folder / STATE_FOLDER
    database = values.get("CRM_KARE_DATABASE_URL") or f"sqlite:///{(home / 'state.db').resolve()}"
    mirror = folder / values["CRM_KARE_MIRROR"] if "CRM_KARE_MIRROR" in values else home / "mirror"
    secrets = {name: SecretStr(value) for name, value in values.items()}
    return Settings(SecretStr(database), mirror, home, folder, secrets)


def _filled(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in values.items() if value}


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = StringIO(_readable(path))
    return _filled(dotenv_values(stream=lines, interpolate=False))  # a `$` in a password is a `$`


def _directory(path: Path) -> dict[str, str]:
    """One file per secret, as Docker and Kubernetes mount them; hidden files are theirs (`..data`)."""
    if not path.is_dir():
        raise ConfigError("the secrets directory is not there.", where=f"{_SECRETS}={path}", fix="Correct the path.")
    files = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
    return _filled({one.name: _readable(one).strip() for one in files})


def _readable(path: Path) -> str:
    """A small text file's content; the error tells the path, never the content."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the file cannot be read ({error.strerror}).", where=str(path), fix="Check it.") from None
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text.", where=str(path), fix="Save it as UTF-8.") from None
