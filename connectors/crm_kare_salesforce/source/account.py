"""What belongs to Account: our fields, list views, a compact layout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.labels import LABELS, Label
from crm_kare_salesforce.names import field_name, named
from crm_kare_salesforce.provision import metadata
from crm_kare_salesforce.source.document import document

_FOLDER: Final = "objects/Account"


@dataclass(frozen=True)
class _View:
    """A list view: whose accounts, and which tests (label, operation, value) all hold."""

    name: str
    label: str
    tests: tuple[tuple[str, str, str], ...]
    mine: bool = True


_CHANGED: Final = ("Changed_On", "equals", "THIS_WEEK")
_AT_RISK: Final = ("Badge", "equals", "At risk")
_VIEWS: Final = (
    _View("KARE_My_Keep", "My Keep accounts", (("Profile", "equals", "Keep"),)),
    _View("KARE_My_Attain", "My Attain accounts", (("Profile", "equals", "Attain"),)),
    _View("KARE_My_Recapture", "My Recapture accounts", (("Profile", "equals", "Recapture"),)),
    _View("KARE_My_Recapture_This_Week", "My Recapture this week", (("Profile", "equals", "Recapture"), _CHANGED)),
    _View("KARE_My_Expand", "My Expand accounts", (("Profile", "equals", "Expand"),)),
    _View("KARE_My_At_Risk", "My accounts at risk", (_AT_RISK,)),
    _View("KARE_At_Risk", "KARE: at risk", (_AT_RISK,), mine=False),
    _View("KARE_Changed_This_Week", "KARE: changed this week", (_CHANGED,), mine=False),
    _View("KARE_Overrides", "KARE: overrides", (("Override", "notEqual", ""),), mine=False),
)
_COLUMNS: Final = ("Profile", "Badge", "Reason", "Next_Step", "Changed_On", "ICP_Tier", "ICP_Score")
_OVERRIDE_COLUMNS: Final = ("Override", "Override_Reason", "Override_Until", "Computed_Profile", "Reason")
_COMPACT: Final = ("Profile", "Badge", "Motion", "Next_Step", "ICP_Tier")


def account_files(prefix: str) -> Iterator[tuple[str, str]]:
    """Path and text of each file."""
    for label in LABELS:
        name = field_name(label, prefix)
        yield f"{_FOLDER}/fields/{name}.field-meta.xml", document("CustomField", _field(label, name))
    for view in _VIEWS:
        yield f"{_FOLDER}/listViews/{view.name}.listView-meta.xml", document("ListView", _list_view(view, prefix))
    compact = {"fullName": "KARE", "fields": ["Name", *(named(one, prefix) for one in _COMPACT)], "label": "KARE"}
    yield f"{_FOLDER}/compactLayouts/KARE.compactLayout-meta.xml", document("CompactLayout", compact)


def _field(label: Label, name: str) -> dict[str, Any]:
    """What `provision` sends over the Tooling API, in the words of a metadata file."""
    told = metadata(label)
    if "valueSet" in told:
        told["valueSet"] = _value_set(told["valueSet"])
    return {"fullName": name, **{key: told[key] for key in sorted(told)}}


def _value_set(told: Mapping[str, Any]) -> dict[str, Any]:
    """The Tooling API names a value `valueName`, a file `fullName`."""
    definition = told["valueSetDefinition"]
    values = [
        {"fullName": one["valueName"], "default": one["default"], "label": one["label"]} for one in definition["value"]
    ]
    return {**told, "valueSetDefinition": {"sorted": definition["sorted"], "value": values}}


def _list_view(view: _View, prefix: str) -> dict[str, Any]:
    columns = _OVERRIDE_COLUMNS if view.name == "KARE_Overrides" else _COLUMNS
    return {
        "fullName": view.name,
        "columns": ["ACCOUNT.NAME", *(named(one, prefix) for one in columns)],
        "filterScope": "Mine" if view.mine else "Everything",
        "filters": [_test(*test, prefix) for test in view.tests],
        "label": view.label,
    }


def _test(label: str, operation: str, value: str, prefix: str) -> dict[str, str]:
    """An empty value is left out: `notEqual` without one means *is filled*."""
    told = {"field": named(label, prefix), "operation": operation}
    return {**told, "value": value} if value else told
