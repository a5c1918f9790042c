"""The portal's deal pipelines."""

from dataclasses import dataclass
from typing import Final

from crm_kare.sandbox.generate import Stage as Standing
from crm_kare.sandbox.hubspot.words import PIPELINE_IDS, STAGES

BEGINNING: Final = "2019-03-04T08:15:30.250Z"
"""When the portal's own pipelines were made."""


@dataclass(frozen=True)
class Stage:
    """A stage of a deal pipeline; won is closed with probability 1."""

    id: str
    label: str
    probability: str
    closed: bool = False
    created: str = BEGINNING
    updated: str = BEGINNING


@dataclass(frozen=True)
class Pipeline:
    """A deal pipeline; custom ones have numeric ids."""

    id: str
    label: str
    stages: tuple[Stage, ...]
    created: str = BEGINNING
    updated: str = BEGINNING


def stage_id(pipeline: str, standing: Standing) -> str:
    """The id of a stage: words in the default pipeline, numbers in the others."""
    place = [one[0] for one in STAGES].index(standing)
    return STAGES[place][1] if pipeline == "default" else f"{int(pipeline) % 1000 * 1000 + place + 128_000_000}"


def _stages(pipeline: str) -> tuple[Stage, ...]:
    return tuple(
        Stage(stage_id(pipeline, standing), label, probability, standing.is_closed)
        for standing, _, label, probability in STAGES
    )


PIPELINES: Final = tuple(
    Pipeline(pipeline, "Sales Pipeline" if pipeline == "default" else label, _stages(pipeline))
    for label, pipeline in PIPELINE_IDS.items()
)
