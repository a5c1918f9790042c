"""Creating records, with the associations given in the call: one, or a batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm_kare.sandbox.hubspot.associating import link, specs
from crm_kare.sandbox.hubspot.associations import between
from crm_kare.sandbox.hubspot.calculated import calculated
from crm_kare.sandbox.hubspot.call import Call, Reply, as_list, as_mapping, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import HubSpotError, malformed, validation
from crm_kare.sandbox.hubspot.links import TYPES
from crm_kare.sandbox.hubspot.portal import Portal, object_type
from crm_kare.sandbox.hubspot.reading import BATCH, completed
from crm_kare.sandbox.hubspot.records import shown
from crm_kare.sandbox.hubspot.unique import refuse_known_contact
from crm_kare.sandbox.hubspot.values import stamp
from crm_kare.sandbox.hubspot.writing import TRACE, all_traced, checked_values, traced_error


def create_record(call: Call) -> Reply:
    """POST one record."""
    return Reply(201, create(call, call.mapping()))


def create(call: Call, one: Mapping[str, Any]) -> dict[str, Any]:
    """Make one record of an input; as the API shows it then.

    Raises:
        HubSpotError: 400 for its values or associations; 409 for a contact that is there.
    """
    portal, kind, values = call.portal, call.kind, as_mapping(one.get("properties") or {})
    refuse_known_contact(portal, kind, values)
    if absent := [name for name in kind.required if values.get(name) in (None, "")]:
        raise validation(
            f"Error creating {kind.word}. Some required properties were not set.", context={"properties": absent}
        )
    kept = checked_values(portal, kind, dict.fromkeys(portal.org.fields(kind.name)), values, ruled=call.dated)
    ties = [_tie(portal, kind, as_mapping(tied)) for tied in as_list(one, "associations")]
    with portal.org.store.transaction():
        record_id = portal.org.insert(kind.name, kept | calculated(portal, kind, kept), call.who)
        for target, there, types in ties:
            link(portal, kind, object_type(target), [(record_id, there, types)])
    record = portal.org.get_many(kind.name, [record_id])[record_id]
    return shown(portal, kind, [record], [*kind.defaults, *values])[0]


def _tie(portal: Portal, kind: ObjectType, tied: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """Target type, target id and type ids of one association; the target's type follows from the type ids."""
    if "to" not in tied or not tied.get("types"):
        raise malformed("Some required fields were not set: [to, types]")
    there, asked = id_of(as_mapping(tied["to"])), specs(tied["types"])
    for source, target in TYPES:
        if source == kind.name and asked <= set(between(portal, kind, object_type(target))):
            return target, there, sorted(asked)
    raise validation(f"Association types {sorted(asked)} do not exist for {kind.name}.")


def batch_create(call: Call) -> Reply:
    """Create up to 100 records: all or none, or each by itself where every input has its trace id."""
    return one_by_one(call, inputs(call.mapping(), BATCH), create, 201)


def one_by_one(
    call: Call, asked: Sequence[Mapping[str, Any]], step: Callable[[Call, Mapping[str, Any]], dict[str, Any]], done: int
) -> Reply:
    """Take one step for every input: all or none, or each by itself, and a 207, where every input has its trace id."""
    began = stamp(call.portal.now())
    if not all_traced(asked):
        with call.portal.org.store.transaction():
            return completed(call.portal, began, [step(call, one) for one in asked], status=done)
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for one in asked:
        try:
            results.append(step(call, one) | {TRACE: one[TRACE]})
        except HubSpotError as refused:
            errors.append(traced_error(refused, one))
    return completed(call.portal, began, results, errors, status=done)
