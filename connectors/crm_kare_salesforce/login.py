"""Ways to log in: one class per way, each giving a `Session`."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import jwt
import requests
from pydantic import SecretStr
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import soap_login

from crm_kare.errors import ConfigError
from crm_kare.http import CallError, Trouble, redacted, require_safe_url
from crm_kare.state_file import keep, recalled
from crm_kare_salesforce.faults import foreign_errors, trouble_of

PRODUCTION: Final = "https://login.salesforce.com"
SANDBOXES: Final = "https://test.salesforce.com"
_SOAP_VERSION: Final = "59.0"
"""SOAP login is not served from version 65 on, and ends for good in June 2027."""


@dataclass(frozen=True)
class Session:
    """A bearer token, the org's own address, and the user's identity address (`…/id/00D…/005…`) where it was told."""

    token: SecretStr
    instance_url: str
    identity: str = ""


class Login(Protocol):
    """One way to log in."""

    @property
    def way(self) -> str:
        """Its name, for people."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when its answer was lost."""
        ...

    @property
    def discouraged(self) -> str:
        """Why one should choose another way; empty for the good ones."""
        ...

    def log_in(self, http: requests.Session) -> Session:
        """A fresh session. Raises `CallError` of kind `login` where it is refused."""
        ...


@dataclass(frozen=True)
class AccessToken:
    """A ready token; cannot be renewed unless another way is set beside it."""

    session: Session
    way: str = "access token"
    repeatable: bool = True
    discouraged: str = ""

    def log_in(self, http: requests.Session) -> Session:  # noqa: ARG002  a token needs no call
        """The token as it was given."""
        return self.session


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth client credentials flow; the app names the user it runs as. Needs the My Domain address."""

    login_url: str
    client_id: str
    secret: SecretStr
    way: str = "client credentials"
    repeatable: bool = True
    discouraged: str = ""

    def log_in(self, http: requests.Session) -> Session:
        """A fresh token."""
        form = {"grant_type": "client_credentials", "client_id": self.client_id}
        return _granted(http, self.login_url, {**form, "client_secret": self.secret.get_secret_value()})[0]


@dataclass(frozen=True)
class JwtBearer:
    """OAuth JWT bearer flow: signed with the private key whose certificate the app holds."""

    login_url: str
    client_id: str
    username: str
    key: Callable[[], str]
    seconds: Callable[[], float]
    way: str = "JWT bearer"
    repeatable: bool = True
    discouraged: str = ""

    def log_in(self, http: requests.Session) -> Session:
        """A fresh token."""
        first, *others = _audiences(self.login_url)
        try:
            return self._asserted(http, first)
        except CallError as error:
            if not others or "audience" not in error.trouble.message.lower():
                raise
        return self._asserted(http, others[0])

    def _asserted(self, http: requests.Session, audience: str) -> Session:
        claims = {"iss": self.client_id, "sub": self.username, "aud": audience, "exp": int(self.seconds()) + 180}
        try:
            signed = jwt.encode(claims, self.key(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigError(
                "The private key cannot be read as a PEM key.",
                where="SALESFORCE_PRIVATE_KEY",
                fix="Give the whole PEM text, from -----BEGIN to -----END, or SALESFORCE_PRIVATE_KEY_FILE.",
            ) from error
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
        return _granted(http, self.login_url, form)[0]


def _audiences(login_url: str) -> tuple[str, ...]:
    """What `aud` may be: Salesforce checks it against its login hosts; a stand-in at another address may want its own."""
    host = urlsplit(login_url).hostname or ""
    if not host.endswith(".salesforce.com"):
        return login_url, PRODUCTION
    return (SANDBOXES if host == "test.salesforce.com" or ".sandbox." in host else PRODUCTION,)


@dataclass(frozen=True)
class RefreshToken:
    """OAuth refresh token flow. Where the app rotates tokens, each one is good once: the new one is kept on disk
    before it is used, and stands before the one in the settings from then on.
    """

    login_url: str
    client_id: str
    secret: SecretStr | None
    given: SecretStr
    kept: Path
    way: str = "refresh token"
    repeatable: bool = False  # a token that was rotated out and is used again revokes the whole grant
    discouraged: str = ""

    def log_in(self, http: requests.Session) -> Session:
        """A fresh token; keeps the new refresh token where one came."""
        form = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": self._present()}
        if self.secret:
            form["client_secret"] = self.secret.get_secret_value()
        session, rotated = _granted(http, self.login_url, form)
        if rotated:
            keep(self.kept, {"first": _mark(self.given.get_secret_value()), "token": rotated})
        return session

    def _present(self) -> str:
        """The kept token, unless the settings were given another one since it was kept."""
        given, kept = self.given.get_secret_value(), recalled(self.kept)
        return str(kept["token"]) if kept.get("first") == _mark(given) else given


@dataclass(frozen=True)
class PasswordGrant:
    """OAuth user name and password flow; Salesforce blocks it by default in new orgs."""

    login_url: str
    client_id: str
    secret: SecretStr
    username: str
    password: SecretStr
    way: str = "user name and password"
    repeatable: bool = True
    discouraged: str = "It keeps a person's password and is blocked by default in new orgs."

    def log_in(self, http: requests.Session) -> Session:
        """A fresh token."""
        form = {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self.secret.get_secret_value(),
            "username": self.username,
            "password": self.password.get_secret_value(),
        }
        return _granted(http, self.login_url, form)[0]


_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com">'
    "<soapenv:Body><urn:login><urn:username>{user}</urn:username><urn:password>{password}</urn:password></urn:login>"
    "</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True)
class SoapLogin:
    """The SOAP call `login`: user name, password and security token, without an app."""

    login_url: str
    username: str
    password: SecretStr
    way: str = "user name, password and security token"
    repeatable: bool = True
    discouraged: str = "It keeps a person's password, and Salesforce ends SOAP login in June 2027."

    def log_in(self, http: requests.Session) -> Session:
        """A fresh session id."""
        body = _ENVELOPE.format(user=escape(self.username), password=escape(self.password.get_secret_value()))
        address = f"{self.login_url}/services/Soap/u/{_SOAP_VERSION}"
        with foreign_errors():
            token, host = _soap(http, address, body)
        scheme = urlsplit(self.login_url).scheme
        return Session(SecretStr(token), require_safe_url(f"{scheme}://{host}", setting="the org's address"))


def _soap(http: requests.Session, address: str, body: str) -> tuple[str, str]:
    """Session id and host; simple-salesforce reads the XML."""
    headers = {"content-type": "text/xml", "charset": "UTF-8", "SOAPAction": "login"}
    try:
        return soap_login(address, body, headers, None, http)
    except SalesforceAuthenticationFailed as error:
        code = str(error.code or "")
        if code.isdigit():  # no SOAP fault: a gateway's page
            raise CallError(trouble_of(int(code), "")) from None
        raise CallError(Trouble("login", 401, code, redacted(error.auth_message))) from None


def _granted(http: requests.Session, login_url: str, form: Mapping[str, str]) -> tuple[Session, str]:
    """A session from the token endpoint, and the refresh token where a new one came."""
    with foreign_errors():
        answer = http.post(f"{login_url}/services/oauth2/token", data=form)
        content = _content(answer)
    if answer.status_code != requests.codes.ok:
        trouble = trouble_of(answer.status_code, content)
        refused = isinstance(content, dict) and "error" in content
        raise CallError(Trouble("login", trouble.status, trouble.code, trouble.message) if refused else trouble)
    try:
        url = require_safe_url(str(content["instance_url"]), setting="instance_url of the token reply")
        session = Session(SecretStr(content["access_token"]), url, str(content.get("id") or ""))
        return session, str(content.get("refresh_token") or "")
    except (KeyError, TypeError) as error:
        raise CallError(Trouble("shape", answer.status_code, "token-reply")) from error


def _content(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.exceptions.JSONDecodeError:
        return answer.text


def _mark(token: str) -> str:
    """A short mark that tells tokens apart and does not give one away."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
