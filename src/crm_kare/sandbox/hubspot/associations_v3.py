"""The older associations API: ends by id and the type's name, a company linked by two types standing there twice."""

from collections.abc import Mapping
from typing import Any

from crm_kare.sandbox.hubspot.associating import link
from crm_kare.sandbox.hubspot.associations import BATCH, between, none_found, pair
from crm_kare.sandbox.hubspot.call import Call, Reply, as_mapping, id_of, inputs
from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import malformed, validation
from crm_kare.sandbox.hubspot.links import linked, untie
from crm_kare.sandbox.hubspot.reading import completed
from crm_kare.sandbox.hubspot.values import stamp


def types(call: Call) -> Reply:
    """The types between two object types, by id and name."""
    known = between(call.portal, *pair(call))
    return Reply(200, {"results": [{"id": type_id, "name": name} for type_id, (name, _) in known.items()]})


def batch_read(call: Call) -> Reply:
    """Associations of up to 1,000 records."""
    source, target = pair(call)
    began, known = stamp(call.portal.now()), between(call.portal, source, target)
    asked = list(dict.fromkeys(id_of(one) for one in inputs(call.mapping(), BATCH)))
    found = linked(call.portal, source.name, target.name, asked)
    results = [
        {
            "from": {"id": one},
            "to": [{"id": there, "type": known[kind][0]} for there, kinds in found[one].items() for kind in kinds],
        }
        for one in asked
        if one in found
    ]
    return completed(
        call.portal, began, results, [none_found(source, target, one) for one in asked if one not in found]
    )


def batch_create(call: Call) -> Reply:
    """Link pairs by the types' names."""
    source, target = pair(call)
    began = stamp(call.portal.now())
    ties = [_tie(call, source, target, one) for one in inputs(call.mapping(), BATCH)]
    link(call.portal, source, target, [(here, there, [type_id]) for here, there, type_id, _ in ties])
    results = [{"from": {"id": here}, "to": {"id": there}, "type": name} for here, there, _, name in ties]
    return completed(call.portal, began, results, status=201)


def batch_archive(call: Call) -> Reply:
    """Unlink pairs by the types' names."""
    source, target = pair(call)
    ties = [_tie(call, source, target, one) for one in inputs(call.mapping(), BATCH)]
    untie(call.portal, source.name, target.name, [(here, there, type_id) for here, there, type_id, _ in ties])
    return Reply(204)


def _tie(call: Call, source: ObjectType, target: ObjectType, one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if absent := [name for name in ("from", "to", "type") if name not in one]:
        raise malformed(f"Some required fields were not set: [{', '.join(absent)}]")
    asked = str(one["type"])
    for type_id, (name, _) in between(call.portal, source, target).items():
        if asked in (type_id, name):
            return id_of(as_mapping(one["from"])), id_of(as_mapping(one["to"])), type_id, name
    raise validation(f"{asked} is not a type of association between {source.name} and {target.name}.")
