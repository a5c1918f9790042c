"""The stages of an object's pipelines: what is closed, won, or neither, from their metadata and never from their names."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client

Key = tuple[str | None, str | None]
"""Pipeline id and stage id."""


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline: what HubSpot calls it, and what its metadata says (never its name)."""

    label: str
    pipeline_label: str
    closed: bool | None
    won: bool | None


Stages = Mapping[Key, Stage]
"""By pipeline id and stage id."""


def fetched_stages(client: Client, source: str) -> Stages:
    """Stages of all pipelines of an object."""
    call = Call("GET", client.paths.pipelines(source), where=f"{source} pipelines")
    return _stages(results(client.ask(call).body, call.where))


class StageBook:
    """The stages that a pull knows; one that it does not know is asked for once: it may be new.

    Args:
        known: the stages as of now.
        ask: brings them anew.
    """

    def __init__(self, known: Stages, ask: Callable[[], Stages]) -> None:
        self._known, self._ask = known, ask
        self._missed: set[Key] = set()

    def known(self) -> Stages:
        """By pipeline and stage."""
        return self._known

    def missing(self, keys: Iterable[Key]) -> set[Key]:
        """Those of the stages that no pipeline has."""
        missed = {key for key in keys if key not in self._known}
        if new := {key for key in missed if all(key)} - self._missed:
            self._missed |= new
            self._known = self._ask()
        return {key for key in missed if key not in self._known}


def meanings(stages: Stages, told: Callable[[Stage], list[str | None]]) -> str:
    """What each stage means to a stream that shows `told` of it, in short."""
    return " ".join(sorted(f"{_short(key)}={_short(told(stage))}" for key, stage in stages.items()))


def changed(before: str, now: str) -> bool:
    """Whether a stage means something else than before, or is gone; a new one changes nothing that was read."""
    return not set(before.split()) <= set(now.split())


def _short(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]


def _stages(pipelines: Iterable[Json]) -> Stages:
    found: dict[Key, Stage] = {}
    for pipeline in pipelines:
        for stage in pipeline.get("stages") or ():
            key = str(pipeline.get("id", "")), str(stage.get("id", ""))
            found[key] = _stage(str(pipeline.get("label", "")), stage)
    return found


def _stage(pipeline_label: str, stage: Json) -> Stage:
    """Won is closed with probability 1, lost is closed without; a stage that tells neither stays unknown."""
    told = stage.get("metadata") or {}
    probability = _decimal(told.get("probability"))
    closed = _flag(told.get("isClosed"))
    if closed is None and probability is not None:
        closed = probability in (Decimal(0), Decimal(1))
    won = None if closed is None else closed and probability == 1
    return Stage(str(stage.get("label", "")), pipeline_label, closed, won)


def _flag(value: object) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
