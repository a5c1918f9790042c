"""What follows from a record's values."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from crm_kare.sandbox.salesforce.definitions import STAGES
from crm_kare.sandbox.salesforce.org import SalesforceOrg
from crm_kare.sandbox.store import Option, Record

Stages = Mapping[str, tuple[str, bool, bool, str, float]]
"""By name: stage, closed, won, forecast category, probability."""

FIRST_STAGES: Final[Stages] = {stage[0]: stage for stage in STAGES}
"""Those that the sandbox's org begins with."""


def stages_of(org: SalesforceOrg) -> Stages:
    """The org's stages as they are now."""
    columns = ("ApiName", "IsClosed", "IsWon", "ForecastCategory", "DefaultProbability")
    return {one["ApiName"]: tuple(one[column] for column in columns) for one in org.records.select("OpportunityStage")}


def add_stage(org: SalesforceOrg, name: str, *, closed: bool, won: bool, chance: float = 0) -> str:
    """A stage of the org's own; its id."""
    category = "Closed" if won else "Omitted" if closed else "Pipeline"
    told = {"MasterLabel": name, "ApiName": name, "IsActive": 1, "IsClosed": int(closed), "IsWon": int(won)}
    more = {"ForecastCategory": category, "ForecastCategoryName": category, "DefaultProbability": chance}
    place = {"SortOrder": org.records.count("OpportunityStage") + 1}
    field = org.records.fields("Opportunity")["StageName"]
    org.records.change_field("Opportunity", replace(field, options=(*field.options, Option(name, name))))
    return org.records.insert("OpportunityStage", told | more | place, org.integration_user)


def derived(name: str, after: Mapping[str, Any], values: Mapping[str, Any], stages: Stages = FIRST_STAGES) -> Record:
    """`values` with what follows from them; `after` is the record as it will be."""
    made = dict(values)
    if name == "Opportunity":
        made |= _of_stage(stages, str(after["StageName"]), values)
        chance = made["Probability"] if "Probability" in made else after["Probability"]
        made["ExpectedRevenue"] = round(float(after["Amount"] or 0) * (chance or 0) / 100, 2)
    elif name in {"Contact", "User"}:
        made["Name"] = " ".join(str(part) for part in (after["FirstName"], after["LastName"]) if part)
    return made


def _of_stage(stages: Stages, stage: str, values: Mapping[str, Any]) -> Record:
    """Flags follow the stage always; the probability does where the stage is written and the probability is not."""
    _, closed, won, category, chance = stages.get(stage, (stage, False, False, "Pipeline", 0))
    flags: Record = {"IsClosed": int(closed), "IsWon": int(won), "ForecastCategory": category}
    return flags | ({"Probability": chance} if "StageName" in values and "Probability" not in values else {})
