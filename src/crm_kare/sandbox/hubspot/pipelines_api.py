"""The pipelines API of deals: pipelines and their stages, read and changed, and who did what to them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm_kare.sandbox.hubspot.calculated import calculated
from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping
from crm_kare.sandbox.hubspot.definitions import DEALS
from crm_kare.sandbox.hubspot.errors import HubSpotError, malformed, not_found, validation
from crm_kare.sandbox.hubspot.pipelines import Pipeline, Stage
from crm_kare.sandbox.hubspot.portal import Portal
from crm_kare.sandbox.hubspot.values import stamp

_FIRST: Final = 72_000_000


def list_pipelines(call: Call) -> Reply:
    """All pipelines of deals; other object types have none."""
    _deals_only(call)
    return Reply(200, {"results": [_pipeline(one, place) for place, one in enumerate(call.portal.pipelines)]})


def get_pipeline(call: Call) -> Reply:
    """One pipeline."""
    return _shown(call, _find(call))


def create_pipeline(call: Call) -> Reply:
    """A new pipeline with its stages."""
    _deals_only(call)
    body, now = call.mapping(), stamp(call.portal.now())
    _require(body, ("label", "displayOrder", "stages"))
    made = Pipeline(_number(call.portal), str(body["label"]), _stages(call, body, ()), now, now)
    _place(call.portal, made, body["displayOrder"])
    return _shown(call, made, 201)


def update_pipeline(call: Call) -> Reply:
    """PATCH the label or the place."""
    held, body = _find(call), call.mapping()
    _change(call.portal, held, label=str(body.get("label", held.label)), updated=stamp(call.portal.now()))
    if "displayOrder" in body:
        _place(call.portal, _find(call), body["displayOrder"])
    return _shown(call, _find(call))


def replace_pipeline(call: Call) -> Reply:
    """PUT all of it: stages that are not among the given ones are gone, so they must be empty."""
    held, body = _find(call), call.mapping()
    _require(body, ("label", "displayOrder", "stages"))
    stages = _stages(call, body, held.stages)
    _refuse_used(call.portal, [one.id for one in held.stages if one.id not in {kept.id for kept in stages}])
    _change(call.portal, held, label=str(body["label"]), stages=stages, updated=stamp(call.portal.now()))
    _place(call.portal, _find(call), body["displayOrder"])
    return _shown(call, _find(call))


def archive_pipeline(call: Call) -> Reply:
    """DELETE a pipeline; one with deals is refused only where the caller asks to have that looked at."""
    held = _find(call)
    if call.flag("validateReferencesBeforeDelete") or call.flag("validateDealStageUsagesBeforeDelete"):
        _refuse_used(call.portal, [one.id for one in held.stages])
    call.portal.pipelines = tuple(one for one in call.portal.pipelines if one.id != held.id)
    return Reply(204)


def list_stages(call: Call) -> Reply:
    """The stages of one pipeline."""
    return Reply(200, {"results": [_stage(one, place) for place, one in enumerate(_find(call).stages)]})


def get_stage(call: Call) -> Reply:
    """One stage."""
    return Reply(200, _stage(*_find_stage(call)))


def create_stage(call: Call) -> Reply:
    """A new stage of a pipeline."""
    held, body = _find(call), call.mapping()
    _require(body, ("label", "displayOrder", "metadata"))
    made = _made(call, body, None)
    _keep(call, held, _placed(held.stages, made, body["displayOrder"]))
    return Reply(201, _stage(*_find_stage(call, made.id)))


def replace_stage(call: Call) -> Reply:
    """PUT all of a stage."""
    _require(call.mapping(), ("label", "displayOrder", "metadata"))
    return update_stage(call)


def update_stage(call: Call) -> Reply:
    """PATCH some of a stage; its deals are open, won or lost by it at once."""
    held, (stage, place), body = _find(call), _find_stage(call), call.mapping()
    made = _made(call, {"label": stage.label} | body, stage)
    _keep(call, held, _placed(held.stages, made, body.get("displayOrder", place)))
    for deal in call.portal.org.select("deals", "dealstage = ?", (stage.id,)):
        call.portal.org.update("deals", deal["_id"], calculated(call.portal, DEALS, deal), "calculated")
    return Reply(200, _stage(*_find_stage(call)))


def archive_stage(call: Call) -> Reply:
    """DELETE a stage, which no deal may be in."""
    held, (stage, _) = _find(call), _find_stage(call)
    _refuse_used(call.portal, [stage.id])
    _keep(call, held, tuple(one for one in held.stages if one.id != stage.id))
    return Reply(204)


def audit_pipeline(call: Call) -> Reply:
    """What was done to a pipeline, newest first."""
    held = _find(call)
    return _audit(call, held.id, held.label, held.created, held.updated)


def audit_stage(call: Call) -> Reply:
    """What was done to a stage, newest first."""
    stage, _ = _find_stage(call)
    return _audit(call, stage.id, stage.label, stage.created, stage.updated)


def _audit(call: Call, identifier: str, label: str, created: str, updated: str) -> Reply:
    done = [("UPDATE", updated)] * (updated != created) + [("CREATE", created)]
    entries = [
        {
            "portalId": call.portal.settings.portal_id,
            "identifier": identifier,
            "action": action,
            "timestamp": at,
            "message": label,
        }
        for action, at in done
    ]
    return Reply(200, {"results": entries})


def _shown(call: Call, held: Pipeline, status: int = 200) -> Reply:
    return Reply(status, _pipeline(held, [one.id for one in call.portal.pipelines].index(held.id)))


def _find(call: Call) -> Pipeline:
    _deals_only(call)
    for one in call.portal.pipelines:
        if one.id == call.path["id"]:
            return one
    raise not_found(f"Pipeline '{call.path['id']}' does not exist", category="OBJECT_NOT_FOUND")


def _find_stage(call: Call, stage_id: str = "") -> tuple[Stage, int]:
    wanted = stage_id or call.path["stage"]
    for place, one in enumerate(_find(call).stages):
        if one.id == wanted:
            return one, place
    raise not_found(f"Stage '{wanted}' does not exist", category="OBJECT_NOT_FOUND")


def _deals_only(call: Call) -> None:
    if call.kind.name != "deals":
        raise validation(f"Object type {call.kind.name} has no pipelines here.")


def _pipeline(one: Pipeline, place: int) -> dict[str, Any]:
    return {
        "label": one.label,
        "displayOrder": place,
        "id": one.id,
        "stages": [_stage(stage, order) for order, stage in enumerate(one.stages)],
        "createdAt": one.created,
        "updatedAt": one.updated,
        "archived": False,
    }


def _stage(one: Stage, order: int) -> dict[str, Any]:
    return {
        "label": one.label,
        "displayOrder": order,
        "metadata": {"isClosed": "true" if one.closed else "false", "probability": one.probability},
        "id": one.id,
        "createdAt": one.created,
        "updatedAt": one.updated,
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def _require(body: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if absent := [name for name in names if body.get(name) in (None, "")]:
        raise malformed(f"Some required fields were not set: [{', '.join(absent)}]")


def _stages(call: Call, body: Mapping[str, Any], held: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages of a pipeline's body in their order; one with the label of a present one is that one."""
    present = {one.label: one for one in held}
    given = [as_mapping(one) for one in as_list(body, "stages")]
    for one in given:
        _require(one, ("label", "displayOrder", "metadata"))
    ordered = sorted(given, key=lambda one: int(one["displayOrder"]))
    return tuple(_made(call, one, present.get(str(one["label"]))) for one in ordered)


def _made(call: Call, body: Mapping[str, Any], held: Stage | None) -> Stage:
    """A stage; closed is what is won or lost for certain."""
    now = stamp(call.portal.now())
    probability = _probability(as_mapping(body.get("metadata", {})), held)
    made = held or Stage(_number(call.portal), "", "0.0", created=now)
    return replace(
        made, label=str(body["label"]), probability=probability, closed=float(probability) in (0, 1), updated=now
    )


def _probability(metadata: Mapping[str, Any], held: Stage | None) -> str:
    given = metadata.get("probability", held.probability if held else None)
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        raise validation("The metadata of a deal stage must hold its probability, from 0.0 to 1.0.") from None
    if not 0 <= number <= 1:
        raise validation(f"The probability {given} is not between 0.0 and 1.0.")
    return str(float(number))


def _number(portal: Portal) -> str:
    """An id: those that customers make are numbers."""
    return str(_FIRST + portal.serial())


def _placed(stages: Sequence[Stage], made: Stage, order: Any) -> tuple[Stage, ...]:
    others = [one for one in stages if one.id != made.id]
    return (*others[: int(order)], made, *others[int(order) :])


def _place(portal: Portal, made: Pipeline, order: Any) -> None:
    others = [one for one in portal.pipelines if one.id != made.id]
    portal.pipelines = (*others[: int(order)], made, *others[int(order) :])


def _keep(call: Call, held: Pipeline, stages: tuple[Stage, ...]) -> None:
    _change(call.portal, held, stages=stages, updated=stamp(call.portal.now()))


def _change(portal: Portal, held: Pipeline, **changes: Any) -> None:
    made = replace(held, **changes)
    portal.pipelines = tuple(made if one.id == held.id else one for one in portal.pipelines)


def _refuse_used(portal: Portal, stages: Sequence[str]) -> None:
    for stage in stages:
        deals = [one["_id"] for one in portal.org.select("deals", "dealstage = ?", (stage,), limit=20)]
        if deals:
            raise HubSpotError(
                400,
                f"Stage IDs: [{stage}] are being referenced by object IDs: [{', '.join(deals)}]",
                category="VALIDATION_ERROR",
                subCategory="PipelineError.STAGE_ID_IN_USE",
                context={"stageIds": [stage], "objectIds": deals},
            )
