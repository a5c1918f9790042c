"""Tokens: one given (service key, private app), or renewed from a refresh token ahead of expiry and on a 401."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError, KareError
from crm_kare.http import CallError
from crm_kare.ports import Clock
from crm_kare_hubspot.answers import Json, meaning

AHEAD: Final = 300.0
"""Seconds before its end that a token is renewed: no call takes that long, its wait for the rate limit included."""
_MOST_AHEAD: Final = 1 / 6
"""Part of its life at most, where a token lives shorter than HubSpot's 30 minutes."""

_REFRESH: Final = ("HUBSPOT_CLIENT_ID", "HUBSPOT_CLIENT_SECRET", "HUBSPOT_REFRESH_TOKEN")

Exchange = Callable[[Mapping[str, str]], Json]
"""Posts the token form and gives the answer; raises our errors."""

Post = Callable[[str, Mapping[str, str]], Json]
"""Posts a form to a path and gives the answer; raises `CallError`."""


@dataclass(frozen=True)
class _Token:
    value: str
    renew_at: float | None = None


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
            if token is None or (token.renew_at is not None and self._clock.monotonic() >= token.renew_at):
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
        return _Token(value, asked_at + lives - min(AHEAD, lives * _MOST_AHEAD))


def renewed(post: Post, paths: Sequence[str], form: Mapping[str, str]) -> Json:
    """The answer of the first of the paths that is there.

    Raises:
        AccessError: HubSpot refused the refresh token or the app.
        RetryError, StopError: it could not be asked.
    """
    *newer, oldest = paths
    for path in newer:
        try:
            return post(path, form)
        except CallError as error:
            if error.trouble.kind != "gone":
                raise _login_error(error) from error
    try:
        return post(oldest, form)
    except CallError as error:
        raise _login_error(error) from error


def _login_error(error: CallError) -> KareError:
    where, told = _REFRESH[-1], error.trouble
    if told.kind not in {"request", "login", "permission", "gone"}:
        return meaning(error, where)
    return AccessError(
        f"HubSpot refused the refresh token ({told.code or told.status}).",
        where=where,
        fix="Check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET, or install the app again for a new refresh token.",
        code=told.code,
    )
