"""The addresses: what each endpoint is called, and which scopes it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.sandbox.hubspot import (
    account,
    associating,
    association_labels,
    associations,
    associations_v3,
    creating,
    lists,
    merging,
    pipelines_api,
    properties,
    reading,
    schemas,
    search,
    upsert,
    writing,
)
from crm_kare.sandbox.hubspot.call import Endpoint
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, OBJECT_TYPES
from crm_kare.sandbox.hubspot.exports import endpoints as exports
from crm_kare.sandbox.hubspot.portal import EXPORT

DATED: Final = "2026-09"
"""The dated version that is served beside v3 and v4."""

OBJECTS: Final = "objects"
SCHEMAS: Final = "schemas"


@dataclass(frozen=True)
class Address:
    """One endpoint: method, path (`{version}` stands for v3 or v4 and the dated one), and what scope it needs.

    `area` and `verb` make the scope together with the object type; `scopes` names them outright. `search` calls are
    limited by another rule.
    """

    method: str
    path: str
    endpoint: Endpoint
    area: str = OBJECTS
    verb: str = "read"
    scopes: tuple[str, ...] = ()
    search: bool = False

    def needed(self, path: Mapping[str, str]) -> list[str]:
        """Scopes of which one is enough."""
        if self.scopes:
            return list(self.scopes)
        kind = BY_ADDRESS.get(path.get("kind") or path.get("source", ""))
        if kind is None:
            return []
        also = [f"crm.objects.{kind.scope}.read"] if (self.area, self.verb) == (SCHEMAS, "read") else []
        return [f"crm.{self.area}.{kind.scope}.{self.verb}", *also]


def _records(root: str) -> tuple[Address, ...]:
    one = f"{root}/{{id}}"
    return (
        Address("GET", root, reading.list_records),
        Address("POST", root, creating.create_record, verb="write"),
        Address("POST", f"{root}/search", search.search, search=True),
        Address("POST", f"{root}/merge", merging.merge_records, verb="write"),
        Address("POST", f"{root}/batch/read", reading.batch_read),
        Address("POST", f"{root}/batch/create", creating.batch_create, verb="write"),
        Address("POST", f"{root}/batch/upsert", upsert.batch_upsert, verb="write"),
        Address("POST", f"{root}/batch/update", writing.batch_update, verb="write"),
        Address("POST", f"{root}/batch/archive", writing.batch_archive, verb="write"),
        Address("GET", one, reading.get_record),
        Address("PATCH", one, writing.update_record, verb="write"),
        Address("DELETE", one, writing.archive_record, verb="write"),
    )


def _definitions(root: str) -> tuple[Address, ...]:
    group, one = f"{root}/groups/{{name}}", f"{root}/{{name}}"
    write: dict[str, Any] = {"area": SCHEMAS, "verb": "write"}
    return (
        Address("GET", root, properties.list_properties, SCHEMAS),
        Address("POST", root, properties.create_property, **write),
        Address("POST", f"{root}/batch/create", properties.batch_create, **write),
        Address("POST", f"{root}/batch/read", properties.batch_read, SCHEMAS),
        Address("POST", f"{root}/batch/archive", properties.batch_archive, **write),
        Address("GET", f"{root}/groups", properties.list_groups, SCHEMAS),
        Address("POST", f"{root}/groups", properties.create_group, **write),
        Address("GET", group, properties.get_group, SCHEMAS),
        Address("PATCH", group, properties.update_group, **write),
        Address("DELETE", group, properties.archive_group, **write),
        Address("GET", one, properties.get_property, SCHEMAS),
        Address("PATCH", one, properties.update_property, **write),
        Address("DELETE", one, properties.archive_property, **write),
    )


def _associations(root: str) -> tuple[Address, ...]:
    pair = f"{root}/{{source}}/{{target}}"
    return (
        Address("POST", f"{pair}/batch/read", associations.batch_read),
        Address("POST", f"{pair}/batch/create", associating.batch_create, verb="write"),
        Address("POST", f"{pair}/batch/associate/default", associating.batch_default, verb="write"),
        Address("POST", f"{pair}/batch/archive", associating.batch_archive, verb="write"),
        Address("POST", f"{pair}/batch/labels/archive", associating.batch_archive_labels, verb="write"),
        Address("GET", f"{pair}/labels", associations.labels),
        Address("POST", f"{pair}/labels", association_labels.create_label, verb="write"),
        Address("PUT", f"{pair}/labels", association_labels.update_label, verb="write"),
        Address("DELETE", f"{pair}/labels/{{type_id}}", association_labels.archive_label, verb="write"),
    )


def _associations_of_one(root: str) -> tuple[Address, ...]:
    many = f"{root}/associations/{{target}}"
    return (
        Address("PUT", f"{root}/associations/default/{{target}}/{{target_id}}", associating.default_one, verb="write"),
        Address("GET", many, associations.list_of_one),
        Address("PUT", f"{many}/{{target_id}}", associating.create_one, verb="write"),
        Address("DELETE", f"{many}/{{target_id}}", associating.archive_one, verb="write"),
    )


def _associations_v3(pair: str) -> tuple[Address, ...]:
    return (
        Address("GET", f"{pair}/types", associations_v3.types),
        Address("POST", f"{pair}/batch/read", associations_v3.batch_read),
        Address("POST", f"{pair}/batch/create", associations_v3.batch_create, verb="write"),
        Address("POST", f"{pair}/batch/archive", associations_v3.batch_archive, verb="write"),
    )


def _pipelines(root: str) -> tuple[Address, ...]:
    one, stages = f"{root}/{{id}}", f"{root}/{{id}}/stages"
    stage = f"{stages}/{{stage}}"
    return (
        Address("GET", root, pipelines_api.list_pipelines),
        Address("POST", root, pipelines_api.create_pipeline, verb="write"),
        Address("GET", one, pipelines_api.get_pipeline),
        Address("PATCH", one, pipelines_api.update_pipeline, verb="write"),
        Address("PUT", one, pipelines_api.replace_pipeline, verb="write"),
        Address("DELETE", one, pipelines_api.archive_pipeline, verb="write"),
        Address("GET", f"{one}/audit", pipelines_api.audit_pipeline),
        Address("GET", stages, pipelines_api.list_stages),
        Address("POST", stages, pipelines_api.create_stage, verb="write"),
        Address("GET", stage, pipelines_api.get_stage),
        Address("PATCH", stage, pipelines_api.update_stage, verb="write"),
        Address("PUT", stage, pipelines_api.replace_stage, verb="write"),
        Address("DELETE", stage, pipelines_api.archive_stage, verb="write"),
        Address("GET", f"{stage}/audit", pipelines_api.audit_stage),
    )


def _exports(root: str) -> tuple[Address, ...]:
    scopes = (EXPORT,)
    return (
        Address("POST", f"{root}/async", exports.ask, scopes=scopes),
        Address("GET", f"{root}/async/tasks/{{id}}/status", exports.status, scopes=scopes),
        Address("GET", f"{root}/{{id}}", exports.details, scopes=scopes),
    )


def _lists(root: str) -> tuple[Address, ...]:
    one, read, write = f"{root}/{{id}}", ("crm.lists.read",), ("crm.lists.write",)
    return (
        *(Address("POST", path, lists.create_list, scopes=write) for path in (root, f"{root}/")),
        Address("POST", f"{root}/search", lists.search_lists, scopes=read),
        Address("GET", f"{root}/object-type-id/{{kind}}/name/{{name}}", lists.get_by_name, scopes=read),
        Address("GET", one, lists.get_list, scopes=read),
        Address("DELETE", one, lists.delete_list, scopes=write),
        Address("PUT", f"{one}/restore", lists.restore_list, scopes=write),
        Address("PUT", f"{one}/update-list-filters", lists.update_filters, scopes=write),
        Address("PUT", f"{one}/update-list-name", lists.update_name, scopes=write),
    )


def _schemas(root: str) -> tuple[Address, ...]:
    any_of = tuple(f"crm.schemas.{kind.scope}.read" for kind in OBJECT_TYPES)
    return (
        Address("GET", root, schemas.list_schemas, scopes=any_of),
        Address("GET", f"{root}/{{kind}}", schemas.get_schema, SCHEMAS),
    )


_OWNERS: Final = ("crm.objects.owners.read",)
_ANY_RECORDS: Final = tuple(f"crm.objects.{kind.scope}.read" for kind in OBJECT_TYPES)

ADDRESSES: Final = (
    *_records("/crm/v3/objects/{kind}"),
    *_records(f"/crm/objects/{DATED}/{{kind}}"),
    *_associations_of_one("/crm/v4/objects/{kind}/{id}"),
    *_associations_of_one(f"/crm/objects/{DATED}/{{kind}}/{{id}}"),
    *_definitions("/crm/v3/properties/{kind}"),
    *_definitions(f"/crm/properties/{DATED}/{{kind}}"),
    *_associations("/crm/v4/associations"),
    *_associations(f"/crm/associations/{DATED}"),
    *_exports("/crm/v3/exports/export"),
    *_exports(f"/crm/exports/{DATED}/export"),
    *_lists("/crm/v3/lists"),
    *_lists(f"/crm/lists/{DATED}"),
    *(
        Address("GET", f"{root}/custom-properties", properties.room, scopes=_ANY_RECORDS)
        for root in ("/crm/v3/limits", f"/crm/limits/{DATED}")
    ),
    *_schemas("/crm-object-schemas/v3/schemas"),
    *_schemas(f"/crm-object-schemas/{DATED}/schemas"),
    *_associations_v3("/crm/v3/associations/{source}/{target}"),
    *_pipelines("/crm/v3/pipelines/{kind}"),
    *_pipelines(f"/crm/pipelines/{DATED}/{{kind}}"),
    *(
        address
        for root in ("/crm/v3/owners", f"/crm/owners/{DATED}")
        for address in (
            # The official clients ask with a slash at the end, other programs without.
            Address("GET", root, account.list_owners, scopes=_OWNERS),
            Address("GET", f"{root}/", account.list_owners, scopes=_OWNERS),
            Address("GET", f"{root}/{{id}}", account.get_owner, scopes=_OWNERS),
        )
    ),
    *(
        address
        for version in ("v3", DATED)
        for address in (
            Address("GET", f"/account-info/{version}/details", account.details, scopes=("oauth",)),
            Address("GET", f"/account-info/{version}/api-usage/daily/private-apps", account.usage, scopes=("oauth",)),
        )
    ),
)
"""Every endpoint behind a token; the more special path stands before the more general one."""
