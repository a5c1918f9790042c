"""Tokens: one given (service key, private app), or renewed from a refresh token ahead of expiry and on a 401."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError
from crm_kare.ports import Clock

AHEAD: Final = 300.0
"""Seconds before its end that a token is renewed: no page of a pull takes that long."""

_REFRESH: Final = ("HUBSPOT_CLIENT_ID", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_REFRESH_TOKEN")

Exchange = Callable[[Mapping[str, str]], dict[str, Any]]
"""Posts the token form and gives the answer; raises our errors."""


@dataclass(frozen=True)
class _Token:
    value: str
    ends: float | None = None


class Login:
    """The token of one CRM, shared by all calls and threads.

    Raises:
        ConfigError: at the first use, where neither way to log in is configured.
    """

    def __init__(self, credentials: Mapping[str, SecretStr], clock: Clock, exchange: Exchange) -> None:
        self._credentials = credentials
        self._clock = clock
        self._exchange = exchange
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def token(self) -> str:
        """A token that is good for the next minutes."""
        with self._lock:
            token = self._token
            if token is None or (token.ends is not None and self._clock.monotonic() >= token.ends - AHEAD):
                token = self._token = self._fresh()
            return token.value

    def renew(self, refused: str) -> bool:
        """After a 401 for the token `refused`: whether another one is there to try."""
        with self._lock:
            if self._given("HUBSPOT_ACCESS_TOKEN"):
                return False
            if self._token is None or self._token.value == refused:
                self._token = self._fresh()
            return True

    def _given(self, name: str) -> str:
        secret = self._credentials.get(name)
        return secret.get_secret_value() if secret else ""

    def _fresh(self) -> _Token:
        if given := self._given("HUBSPOT_ACCESS_TOKEN"):
            return _Token(given)
        missing = [name for name in _REFRESH if not self._given(name)]
        if missing:
            raise ConfigError(
                f"No login for HubSpot: HUBSPOT_ACCESS_TOKEN is not set, nor is {', '.join(missing)}.",
                where="HUBSPOT_ACCESS_TOKEN",
                fix="Set it in the environment or the .env file (HubSpot: Settings > Integrations > Service Keys).",
            )
        return self._renewed()

    def _renewed(self) -> _Token:
        asked_at = self._clock.monotonic()
        answer = self._exchange(
            {
                "grant_type": "refresh_token",
                "client_id": self._given("HUBSPOT_CLIENT_ID"),
                "client_secret": self._given("HUBSPOT_CLIENT_SECRET"),
                "refresh_token": self._given("HUBSPOT_REFRESH_TOKEN"),
            }
        )
        value, lives = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not isinstance(lives, int | float):
            raise AccessError(
                "HubSpot's answer to the token request holds no token.",
                where="HUBSPOT_REFRESH_TOKEN",
                fix="Install the app again and set the new HUBSPOT_REFRESH_TOKEN.",
            )
        return _Token(value, asked_at + lives)
