"""batch/upsert: records named by a unique property are written, and made where there are none."""

from collections.abc import Mapping
from typing import Any

from crm_kare.sandbox.hubspot.call import Call, Reply, as_mapping, id_of, inputs
from crm_kare.sandbox.hubspot.creating import create, one_by_one
from crm_kare.sandbox.hubspot.errors import validation
from crm_kare.sandbox.hubspot.reading import BATCH
from crm_kare.sandbox.hubspot.records import shown
from crm_kare.sandbox.hubspot.unique import by_unique
from crm_kare.sandbox.hubspot.writing import refuse_doubles, write


def batch_upsert(call: Call) -> Reply:
    """Up to 100 records: all or none, or each by itself where every input has its trace id; `new` tells the made ones."""
    asked = inputs(call.mapping(), BATCH)
    refuse_doubles([id_of(one) for one in asked])
    return one_by_one(call, asked, _upsert, 200)


def _upsert(call: Call, one: Mapping[str, Any]) -> dict[str, Any]:
    name, held, values = one.get("idProperty"), id_of(one), as_mapping(one.get("properties"))
    if not isinstance(name, str) or not name:
        raise validation("idProperty must be set to the name of a unique property.")
    found = by_unique(call.portal, call.kind, name, held, doing="update/upsert")
    if found is None:
        return create(call, {"properties": {name: held, **values}}) | {"new": True}
    written = write(call.portal, call.kind, found, values, call.who)
    return shown(call.portal, call.kind, [written], [*call.kind.defaults, *values])[0] | {"new": False}
