"""`deprovision`: what would be lost, and taking it away; permission sets first, then the fields with their values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from crm_kare.http import CallError
from crm_kare.labels import FieldType
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_salesforce import soql
from crm_kare_salesforce.access import set_ids
from crm_kare_salesforce.provision import field_ids
from crm_kare_salesforce.site import HAND, Site, refused, tried

_IN_USE: Final = (
    "Take it out of what uses it (page layouts need nothing; flows, Apex, reports, our component do), then run again."
)
_BIN: Final = (
    "Salesforce keeps deleted fields with their values for 15 days: erase them in Setup > Object Manager > {source} > Fields"
    " & Relationships > Deleted Fields, or leave them to run out."
)


def remove(site: Site, fields: Sequence[LabelField]) -> list[ProvisionStep]:
    """Take the permission sets and the fields away, or tell what would be lost."""
    ids = field_ids(site.client, site.source, fields)
    filled = _filled(site, [one for one in fields if one.field in ids])
    steps = [*_sets(site), *_fields(site, ids, filled)]
    if ids:
        steps.append(ProvisionStep(HAND, f"deleted fields of {site.source}", _BIN.format(source=site.source)))
    return steps


def _sets(site: Site) -> Iterator[ProvisionStep]:
    """Each set that exists, with how many people have it; its permissions go with it."""
    for name, set_id in set_ids(site).items():
        test = soql.equals("PermissionSetId", set_id)
        held = [row["Id"] for row in site.client.rows(soql.select(("Id",), "PermissionSetAssignment", test))]
        step = ProvisionStep("delete", f"permission set {name}", f"with its {_count(len(held), 'assignment')}")

        def act(held: Sequence[str] = held, set_id: str = set_id) -> None:
            for one in held:
                site.client.delete(f"sobjects/PermissionSetAssignment/{one}")
            site.client.delete(f"sobjects/PermissionSet/{set_id}")

        yield tried(site, step, act, "Take it out of permission set groups and of our component's metadata first.")


def _fields(site: Site, ids: Mapping[str, str], filled: Mapping[str, int]) -> Iterator[ProvisionStep]:
    for name, field_id in ids.items():
        values = f"its {_count(filled[name], 'value')}" if name in filled else "its values (they cannot be counted)"
        step = ProvisionStep("delete", f"{site.source}.{name}", f"the field and {values}")
        path = f"tooling/sobjects/CustomField/{field_id}"
        yield tried(site, step, lambda path=path: site.client.delete(path), _IN_USE)  # type: ignore[misc]


def _filled(site: Site, fields: Sequence[LabelField]) -> dict[str, int]:
    """How many records hold a value, by field. Long texts cannot be counted, nor can what this user does not see."""
    seen = site.objects.by_name(site.source)
    shown = [one for one in fields if one.field.lower() in seen and one.label.type is not FieldType.LONG_TEXT]
    ticks = [one.field for one in shown if one.label.type is FieldType.CHECKBOX]
    names = [one.field for one in shown if one.label.type is not FieldType.CHECKBOX]
    try:
        row = site.client.one_row(soql.counts(names, site.source)) if names else {}
        found = {name: int(row.get(f"c{place}") or 0) for place, name in enumerate(names)}
        for name in ticks:
            ticked = site.client.one_row(soql.ticked(name, site.source))
            found[name] = int(ticked.get("total") or 0)
    except CallError as error:
        if not refused(error):
            raise
        return {}
    return found


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
