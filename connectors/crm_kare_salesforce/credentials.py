"""Which way to log in the credentials allow; the first complete one is taken, the strongest first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError
from crm_kare.http import require_safe_url
from crm_kare.ports import Context
from crm_kare_salesforce.login import (
    PRODUCTION,
    AccessToken,
    ClientCredentials,
    JwtBearer,
    Login,
    PasswordGrant,
    RefreshToken,
    Session,
    SoapLogin,
)

_P: Final = "SALESFORCE_"
_PAGES: Final = ".lightning.force.com"


@dataclass(frozen=True)
class Ways:
    """How to log in first, and how to renew; `renewal` is None where a fresh token cannot be had."""

    first: Login
    renewal: Login | None


def choose(context: Context) -> Ways:
    """The ways that the credentials allow.

    Raises:
        AccessError: no way is complete; it names the settings.
        ConfigError: an address that is not https, or a key file that cannot be read.
    """
    given = _Given(context)
    renewal = _renewable(given, context)
    token, url = given.secret("ACCESS_TOKEN"), given.text("INSTANCE_URL")
    if token and url:
        session = Session(token, _org_address(url, f"{_P}INSTANCE_URL"))
        return Ways(AccessToken(session), renewal)
    if renewal:
        return Ways(renewal, renewal)
    raise AccessError(
        "No complete set of Salesforce credentials is set.",
        where=f"crm {context.crm}",
        fix=(
            f"Set {_P}INSTANCE_URL and {_P}ACCESS_TOKEN, or {_P}CLIENT_ID with {_P}CLIENT_SECRET, {_P}PRIVATE_KEY_FILE and "
            f"{_P}USERNAME, or {_P}REFRESH_TOKEN, in the environment or .env file."
        ),
    )


class _Given:
    """The credentials, blank ones taken as not set."""

    def __init__(self, context: Context) -> None:
        self._all: Mapping[str, SecretStr] = context.credentials

    def secret(self, name: str) -> SecretStr | None:
        found = self._all.get(_P + name)
        return found if found and found.get_secret_value().strip() else None

    def text(self, name: str) -> str:
        found = self.secret(name)
        return found.get_secret_value().strip() if found else ""

    def login_url(self) -> str:
        for name in ("LOGIN_URL", "INSTANCE_URL"):
            if url := self.text(name):
                return _org_address(url, _P + name)
        return PRODUCTION


def _org_address(url: str, setting: str) -> str:
    """Scheme and host of an address; people paste the one of the page they see.

    Raises:
        ConfigError: it is not https, or the host that serves pages only.
    """
    parts = urlsplit(require_safe_url(url, setting=setting))
    host = parts.hostname or ""
    if host.endswith(_PAGES):
        right = f"https://{host.removesuffix(_PAGES)}.my.salesforce.com"
        raise ConfigError(
            "This host serves pages, not the API.", where=setting, fix=f"Use the My Domain address: {right}"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _renewable(given: _Given, context: Context) -> Login | None:
    """The first way whose settings are complete."""
    ways: tuple[Callable[[_Given, Context], Login | None], ...] = (_jwt, _refresh, _password, _client)
    return next((way for make in ways if (way := make(given, context))), None)


def _jwt(given: _Given, context: Context) -> Login | None:
    key, file, user = given.text("PRIVATE_KEY"), given.text("PRIVATE_KEY_FILE"), given.text("USERNAME")
    if not (given.text("CLIENT_ID") and user and (key or file)):
        return None

    def read_key() -> str:
        return key.replace("\\n", "\n") if key else _key_file(context.folder / file)

    def seconds() -> float:
        return context.clock.now().timestamp()

    return JwtBearer(given.login_url(), given.text("CLIENT_ID"), user, read_key, seconds)


def _key_file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The private key file {path.name} cannot be read.",
            where=f"{_P}PRIVATE_KEY_FILE",
            fix="Give the path of a PEM file that this user may read.",
        ) from error


def _refresh(given: _Given, context: Context) -> Login | None:
    token = given.secret("REFRESH_TOKEN")
    if not (token and given.text("CLIENT_ID")):
        return None
    kept = context.state / "salesforce-refresh-token.json"
    return RefreshToken(given.login_url(), given.text("CLIENT_ID"), given.secret("CLIENT_SECRET"), token, kept)


def _password(given: _Given, _context: Context) -> Login | None:
    user, password = given.text("USERNAME"), given.secret("PASSWORD")
    if not (user and password):
        return None
    joined = SecretStr(password.get_secret_value() + given.text("SECURITY_TOKEN"))
    secret = given.secret("CLIENT_SECRET")
    if secret and given.text("CLIENT_ID"):
        return PasswordGrant(given.login_url(), given.text("CLIENT_ID"), secret, user, joined)
    return SoapLogin(given.login_url(), user, joined)


def _client(given: _Given, _context: Context) -> Login | None:
    secret = given.secret("CLIENT_SECRET")
    if not (secret and given.text("CLIENT_ID")):
        return None
    return ClientCredentials(given.login_url(), given.text("CLIENT_ID"), secret)
