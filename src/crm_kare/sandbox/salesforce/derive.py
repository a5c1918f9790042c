"""What follows from a record's values."""

from collections.abc import Mapping
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import STAGES
from crm_kare.sandbox.store import Record

_STAGES: Final = {stage[0]: stage for stage in STAGES}


def derived(name: str, after: Mapping[str, Any], values: Mapping[str, Any]) -> Record:
    """`values` with what follows from them; `after` is the record as it will be."""
    made = dict(values)
    if name == "Opportunity":
        made |= _of_stage(str(after["StageName"]), values)
        chance = made["Probability"] if "Probability" in made else after["Probability"]
        made["ExpectedRevenue"] = round(float(after["Amount"] or 0) * (chance or 0) / 100, 2)
    elif name in {"Contact", "User"}:
        made["Name"] = " ".join(str(part) for part in (after["FirstName"], after["LastName"]) if part)
    return made


def _of_stage(stage: str, values: Mapping[str, Any]) -> Record:
    """Flags follow the stage always; the probability does where the stage is written and the probability is not."""
    _, closed, won, category, chance = _STAGES.get(stage, (stage, False, False, "Pipeline", 0))
    flags: Record = {"IsClosed": int(closed), "IsWon": int(won), "ForecastCategory": category}
    return flags | ({"Probability": chance} if "StageName" in values and "Probability" not in values else {})
