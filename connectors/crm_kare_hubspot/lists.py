"""Active lists of the accounts by profile (HubSpot calls them segments), where the mapping asks for them.

Saved views have no API; docs/hubspot.md tells how to make them by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.http import CallError, Trouble
from crm_kare.model import Profile
from crm_kare.ports import LabelField, ProvisionStep
from crm_kare_hubspot.answers import WHERE_TO_TICK, Json, meaning
from crm_kare_hubspot.client import Call
from crm_kare_hubspot.paths import type_id
from crm_kare_hubspot.site import DELETE, Site, by_hand, refused, told, write

WORD: Final = "KARE"
"""Before the names of the lists, unless the option says otherwise."""

READ: Final = "crm.lists.read"
WRITE: Final = "crm.lists.write"

_ACTIVE: Final = "DYNAMIC"
_WAY_ON: Final = "Run provision again; or make the list by hand: active, companies, {field} is any of {value}."
_OTHER: Final = "Rename it, or write another word before our names: `options: {lists: …}` in the mapping."


@dataclass(frozen=True)
class Wish:
    """One list: its name, and the value of a property that its members have."""

    name: str
    field: str
    value: str

    def branch(self) -> Json:
        """The filter definition: the root is OR, and holds ANDs (HubSpot, "Configure segment filters and branches")."""
        operation = {
            "operationType": "ENUMERATION",
            "operator": "IS_ANY_OF",
            "values": [self.value],
            "includeObjectsWithNoValueSet": False,
        }
        only = {"filterType": "PROPERTY", "property": self.field, "operation": operation}
        inner = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [only]}
        return {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [inner], "filters": []}


def word_of(option: object) -> str:
    """The word before the lists' names, by the mapping's option `lists`: true, false, or the word itself.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(option, bool):
        return WORD if option else ""
    if isinstance(option, str):
        return option.strip()
    raise ConfigError(
        "This option must be true, false, or the word that stands before the lists' names.",
        where="lists",
        fix="Correct it.",
    )


def wishes(word: str, fields: Sequence[LabelField]) -> list[Wish]:
    """A list for each profile, and one for accounts at risk; nothing for labels that are not written."""
    names = {one.label.name: one.field for one in fields}
    asked = [("Profile", profile.value) for profile in Profile] + [("Badge", "At risk")]
    return [Wish(f"{word} {value}", names[label], value) for label, value in asked if label in names]


def provide(site: Site, fields: Sequence[LabelField]) -> list[ProvisionStep]:
    """Make the lists that are missing, and correct those whose filters lost our value."""
    return [_provided(site, wish) for wish in wishes(site.lists, fields)] if site.lists else []


def _provided(site: Site, wish: Wish) -> ProvisionStep:
    step = ProvisionStep("create", f"list {wish.name}", f"active: {wish.field} is {wish.value}")
    try:
        held = _held(site, wish)
        if held is None:
            _create(site, wish)
            return step
        step = ProvisionStep("change", step.what, "its filters")
        if held.get("processingType") != _ACTIVE:
            return by_hand(step, "a list of this name is there, and is not active", _OTHER)
        if _filters_by(held.get("filterBranch") or {}, wish):
            return ProvisionStep("none", step.what)
        _sent(site, "PUT", str(held.get("listId")), "update-list-filters", body={"filterBranch": wish.branch()})
    except CallError as error:
        return by_hand(step, *_why(error, wish))
    return step


def _create(site: Site, wish: Wish) -> None:
    body = {"name": wish.name, "objectTypeId": type_id(site.source), "processingType": _ACTIVE}
    try:
        _sent(site, "POST", "", body={**body, "filterBranch": wish.branch()})
    except CallError as error:
        # The name is taken by the list itself, where the answer to an earlier try was lost.
        if not refused(error) or _held(site, wish) is None:
            raise


def _why(error: CallError, wish: Wish) -> tuple[str, str]:
    """HubSpot's words and the way on; what is not about this list is raised."""
    if error.trouble.kind == "permission":
        return "the scope for lists is missing", f"Tick {READ} and {WRITE} {WHERE_TO_TICK}."
    if not refused(error):
        raise meaning(error, f"list {wish.name}") from error
    return told(error), _WAY_ON.format(field=wish.field, value=wish.value)


def _held(site: Site, wish: Wish) -> Json | None:
    path = site.client.paths.lists("object-type-id", type_id(site.source), "name", wish.name)
    try:
        answer = site.client.send(Call("GET", path, f"list {wish.name}", (("includeFilters", "true"),))).body
    except CallError as error:
        if error.trouble.kind != "gone":
            raise
        return None
    held = answer.get("list")
    if not isinstance(held, dict) or not held.get("listId"):
        raise CallError(Trouble("shape", 200, "list"))
    return held


def _sent(site: Site, method: str, *parts: str, body: Json | None = None) -> None:
    if not site.dry_run:
        site.client.send(write(method, site.client.paths.lists(*parts), "lists", body))


def _filters_by(branch: Mapping[str, Any], wish: Wish) -> bool:
    """Whether our value is among the filters; further ones are people's, and stay."""
    for one in branch.get("filters") or ():
        values = (one.get("operation") or {}).get("values") or ()
        if one.get("property") == wish.field and wish.value in values:
            return True
    return any(_filters_by(one, wish) for one in branch.get("filterBranches") or ())


def remove(site: Site, fields: Sequence[LabelField]) -> Iterator[ProvisionStep]:
    """Delete the lists that bear our names and filter by our properties, which could not be archived otherwise."""
    for wish in wishes(site.lists or WORD, fields):
        step = ProvisionStep(DELETE, f"list {wish.name}", "the list; its companies stay")
        try:
            held = _held(site, wish)
            if held is None or not _filters_by(held.get("filterBranch") or {}, wish):
                continue
            _sent(site, "DELETE", str(held.get("listId")))
        except CallError as error:
            if error.trouble.kind == "gone":
                yield step
                continue
            if error.trouble.kind == "permission" and not site.lists:
                return  # lists were not asked for; one that is there keeps its property, which is told
            why, _ = _why(error, wish)
            yield by_hand(step, why, "Delete it in HubSpot under CRM > Segments (Lists).")
            continue
        yield step
