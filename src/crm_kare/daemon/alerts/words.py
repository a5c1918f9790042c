"""An alert as people read it: a title, what is wrong, since when, and the next command to type."""

from dataclasses import dataclass
from typing import Any, Final

from crm_kare.config.alerting import SEVERITIES, Kind, Severity
from crm_kare.daemon.alerts.conditions import Condition
from crm_kare.journal import Alert

_WORDS: Final = {
    Kind.RUN_FAILED: ("a run failed", "runs come to their end again"),
    Kind.LOGIN_REFUSED: ("login or permission refused", "login and permissions are right again"),
    Kind.CRM_UNAVAILABLE: ("the CRM is out of reach", "the CRM answers again"),
    Kind.BRAKE: ("a brake stopped a run, nothing was written", "runs pass the brakes again"),
    Kind.APPROVAL_WAITS: ("a run waits for approval", "runs need no approval any more"),
    Kind.NO_SUCCESS: ("no run comes to its end", "a run came to its end"),
    Kind.REJECTIONS: ("the CRM refuses many accounts", "fewer accounts are refused"),
    Kind.QUOTA_LOW: ("the day's API calls run low", "enough of the day's API calls are left"),
    Kind.CERTIFICATE_ENDS: ("the login's certificate ends", "the login's certificate is renewed"),
    Kind.OVERRIDE_EXPIRED: ("overrides have expired", "no expired override is left"),
    Kind.CONFIGURATION_BROKEN: ("the changed configuration is wrong", "the configuration is read again"),
    Kind.PAUSED_LONG: ("paused for long", "runs start again"),
}
"""By kind: what is wrong, and what is said when it is well again."""


@dataclass(frozen=True)
class Message:
    """What is sent. `severity` is None for good news."""

    title: str
    body: str
    severity: Severity | None


def body_of(condition: Condition) -> dict[str, Any]:
    """What the journal keeps of a condition until it is told."""
    return {"told": condition.told, "command": condition.command}


def message(alert: Alert, name: str) -> Message:
    """The message of a change.

    Args:
        alert: as the journal has it.
        name: what this project is called; empty = it has no name.
    """
    kind = Kind(alert.kind)
    wrong, well = _WORDS[kind]
    place = "".join(f"{part}: " for part in (name, alert.crm) if part)
    since = f"{alert.since:%Y-%m-%d %H:%M} UTC"
    if alert.recovered:
        history = f"crm-kare history {alert.crm}".strip()
        return Message(f"crm-kare: {place}{well}", f"Since {since}.\nNext: {history}", None)
    body = f"{alert.body['told']}\nSince {since}. ({kind.value})\nNext: {alert.body['command']}"
    return Message(f"crm-kare: {place}{wrong}", body, SEVERITIES[kind])


def trial_message(name: str) -> Message:
    """A message that says that messages arrive."""
    place = f"{name}: " if name else ""
    return Message(f"crm-kare: {place}a test", "Alerts of crm-kare arrive here.\nNext: nothing.", Severity.INFO)
