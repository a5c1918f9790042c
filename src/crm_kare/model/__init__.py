"""The words of the domain: values that travel between the steps. Frozen, and free of input and output."""

from crm_kare.model.columns import EXTRA_PREFIX, FACTS, FORMER_PREFIX, PRESENT_PREFIX, STREAMS, Column, Kind, Stream
from crm_kare.model.values import (
    Change,
    Class,
    Motion,
    Outcome,
    OutcomeStatus,
    Problem,
    Profile,
    RunStatus,
    Tier,
)

__all__ = [
    "EXTRA_PREFIX",
    "FACTS",
    "FORMER_PREFIX",
    "PRESENT_PREFIX",
    "STREAMS",
    "Change",
    "Class",
    "Column",
    "Kind",
    "Motion",
    "Outcome",
    "OutcomeStatus",
    "Problem",
    "Profile",
    "RunStatus",
    "Stream",
    "Tier",
]
