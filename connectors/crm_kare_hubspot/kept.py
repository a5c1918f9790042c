"""Types of the portal's properties, kept for a day: they change seldom, and asking for them costs a call a stream."""

import contextlib
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.ports import Context
from crm_kare.state_file import keep, recalled

_GOOD_FOR: Final = timedelta(days=1)
_NAME: Final = "hubspot-properties.json"


class KeptTypes:
    """Types by object and property name, as of at most a day ago, for the login they were read with."""

    def __init__(self, context: Context) -> None:
        self._clock, self._path = context.clock, context.state / _NAME
        self._login = _login(context)

    def of(self, source: str) -> Mapping[str, str]:
        """Types of an object's properties; nothing where they are not known, or were learnt too long ago."""
        told = self._held().get(source) or {}
        try:
            read = datetime.fromisoformat(told["read"])
            fresh = timedelta() <= self._clock.now() - read <= _GOOD_FOR
            return {str(name): str(kind) for name, kind in told["types"].items()} if fresh else {}
        except (TypeError, KeyError, ValueError, AttributeError):
            return {}

    def keep(self, source: str, types: Mapping[str, str]) -> None:
        """As they are now."""
        self._put(self._held() | {source: {"read": self._clock.now().isoformat(), "types": dict(types)}})

    def forget(self, source: str) -> None:
        """They were changed."""
        held = self._held()
        if held.pop(source, None) is not None:
            self._put(held)

    def _held(self) -> dict[str, Any]:
        told = recalled(self._path)
        held = told.get("objects")
        return held if told.get("login") == self._login and isinstance(held, dict) else {}

    def _put(self, held: dict[str, Any]) -> None:
        with contextlib.suppress(ConfigError):  # they are asked for again
            keep(self._path, {"login": self._login, "objects": held})


def _login(context: Context) -> str:
    """Tells one portal's login from another's, and nothing of what they are."""
    secrets = [f"{name}={secret.get_secret_value()}" for name, secret in sorted(context.credentials.items())]
    return hashlib.sha256("\n".join(secrets).encode()).hexdigest()[:16]
