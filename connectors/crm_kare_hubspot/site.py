"""Where `provision` works, and what becomes of a step that HubSpot refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crm_kare.http import CallError
from crm_kare.ports import ProvisionStep
from crm_kare_hubspot.answers import Json, meaning
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.definitions import Definitions

HAND: Final = "by hand"
"""The action of a step that HubSpot refused, or that it has no API for."""

DELETE: Final = "delete"

_REFUSALS: Final = frozenset({"request", "gone"})
"""Troubles that are an answer about one thing; of the others (login, scope, quota …) every call would suffer."""


@dataclass(frozen=True)
class Site:
    """The portal, the object that carries our properties, and whether anything may be changed.

    `lists` is the word before the names of the lists by profile; empty where the mapping asks for none.
    """

    client: Client
    definitions: Definitions
    source: str
    dry_run: bool
    lists: str = ""


def tried(site: Site, step: ProvisionStep, act: Callable[[], object], way_on: str) -> ProvisionStep:
    """The step, done now unless this is a dry run; where HubSpot refuses it, the same to be done by hand.

    What is gone needs no deleting: the answer to an earlier try may have been lost.

    Raises:
        AccessError, RetryError, …: the trouble is not about this step alone.
    """
    if site.dry_run:
        return step
    try:
        act()
    except CallError as error:
        if not refused(error):
            raise meaning(error, step.what) from error
        if step.action == DELETE and error.trouble.kind == "gone":
            return step
        return by_hand(step, told(error), way_on)
    return step


def refused(error: CallError) -> bool:
    """Whether HubSpot said no to this one thing."""
    return error.trouble.kind in _REFUSALS


def told(error: CallError) -> str:
    """HubSpot's own words."""
    trouble = error.trouble
    return " ".join(part for part in (trouble.code, trouble.message) if part) or f"status {trouble.status}"


def by_hand(step: ProvisionStep, why: str, way_on: str) -> ProvisionStep:
    """The step as one that remains to be done."""
    wish = " ".join(part for part in (step.action, step.detail) if part)
    return ProvisionStep(HAND, step.what, f"{wish}: {why.rstrip('.')}. {way_on}".strip())


def write(method: str, path: str, where: str, body: Json | None = None) -> Call:
    """A call that changes a definition. It may be sent again: a second time it meets itself, and that is no error."""
    return Call(method, path, where, body=body, writes=True)
