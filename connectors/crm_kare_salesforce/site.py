"""Where `provision` works, and what became of what it asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.http import CallError, Trouble, redacted
from crm_kare.ports import ProvisionStep
from crm_kare_salesforce.client import AT_ONCE, Client
from crm_kare_salesforce.fields import Objects

HAND: Final = "by hand"
"""The action of a step that Salesforce refused, or that is not ours to take."""

_REFUSALS: Final = frozenset({"request", "permission", "gone"})
"""Troubles that are an answer about one thing; of the others (login, quota, network …) every call would suffer."""


@dataclass(frozen=True)
class Site:
    """The org, the object that carries our fields, and whether anything may be changed."""

    client: Client
    objects: Objects
    source: str
    dry_run: bool


def tried(site: Site, step: ProvisionStep, act: Callable[[], object], way_on: str = "") -> ProvisionStep:
    """The step, done now unless this is a dry run; where Salesforce refuses it, the same to be done by hand.

    Raises:
        CallError: the trouble is not about this step alone.
    """
    if site.dry_run:
        return step
    try:
        act()
    except CallError as error:
        if not refused(error):
            raise
        return by_hand(step, told(error.trouble), way_on)
    return step


def refused(error: CallError) -> bool:
    """Whether Salesforce said no to this one thing."""
    return error.trouble.kind in _REFUSALS


def told(trouble: Trouble) -> str:
    """Salesforce's own words."""
    return " ".join(part for part in (trouble.code, trouble.message) if part) or f"status {trouble.status}"


def by_hand(step: ProvisionStep, why: str, way_on: str = "") -> ProvisionStep:
    """The step as one that remains to be done."""
    wish = " ".join(part for part in (step.action, step.detail) if part)
    return ProvisionStep(HAND, step.what, f"{wish}: {why.rstrip('.')}. {way_on}".strip())


def created(client: Client, kind: str, body: Mapping[str, Any]) -> str:
    """Id of a record made now."""
    answer = client.post(f"sobjects/{kind}", body)
    if not isinstance(answer, dict) or answer.get("success") is not True:
        raise CallError(Trouble("shape", 200, f"create-{kind}", applied=True))
    return str(answer["id"])


def create_all(client: Client, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    """Make records through sObject Collections; for each why it was refused, empty where it was made."""
    answers: list[str] = []
    for start in range(0, len(bodies), AT_ONCE):
        records = [{"attributes": {"type": kind}, **body} for body in bodies[start : start + AT_ONCE]]
        answer = client.post("composite/sobjects", {"allOrNone": False, "records": records})
        if not isinstance(answer, list) or len(answer) != len(records):
            raise CallError(Trouble("shape", 200, f"create-{kind}", applied=True))
        answers += [_why(one) for one in answer]
    return answers


def _why(answer: Mapping[str, Any]) -> str:
    if answer.get("success") is True:
        return ""
    first = (answer.get("errors") or [{}])[0]
    return redacted(f"{first.get('statusCode')} {first.get('message')}")
