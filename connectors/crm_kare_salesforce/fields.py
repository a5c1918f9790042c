"""What describe tells of an object: fields as this user sees them, and whether mapped paths exist."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from crm_kare.http import CallError, Trouble
from crm_kare.model import Kind
from crm_kare.ports import FieldInfo
from crm_kare_salesforce import soql
from crm_kare_salesforce.client import Client

_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(
        ("id", "reference", "string", "textarea", "picklist", "multipicklist", "combobox", "phone", "url", "email"),
        Kind.TEXT,
    ),
    **dict.fromkeys(("encryptedstring", "time", "datacategorygroupreference"), Kind.TEXT),
    **dict.fromkeys(("int", "long", "double", "percent"), Kind.NUMBER),
    **dict.fromkeys(("date", "datetime"), Kind.DATE),
    "currency": Kind.MONEY,
    "boolean": Kind.BOOL,
}
"""Ours for Salesforce's field types; what is not here (address, location, base64) cannot be mapped."""

_COUNTED_AT_ONCE: Final = 20

FLS_HINT: Final = (
    "A field that the integration user may not read looks like a missing one: grant Read on it (field-level security)"
    " through a permission set, or correct the name in the mapping."
)


class Objects:
    """Describes, each asked for once per connector object."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen: dict[str, dict[str, Any]] = {}

    def describe(self, source: str) -> dict[str, Any]:
        """The describe of one object. Raises `CallError` of kind `gone` where the user sees no such object."""
        if source not in self._seen:
            found = self._client.get(f"sobjects/{source}/describe")
            if not isinstance(found, dict) or not isinstance(found.get("fields"), list):
                raise CallError(Trouble("shape", 200, "describe"))
            self._seen[source] = found
        return self._seen[source]

    def forget(self) -> None:
        """Ask again from now on: fields were made or taken away."""
        self._seen.clear()

    def by_name(self, source: str) -> dict[str, dict[str, Any]]:
        """Fields by name in lower case; Salesforce does not tell cases apart."""
        return {one["name"].lower(): one for one in self.describe(source)["fields"]}

    def has(self, source: str, path: str) -> bool:
        """Whether the path (`Industry`, `Owner.Name`) can be selected by this user."""
        first, _, rest = path.partition(".")
        if not rest:
            return first.lower() in self.by_name(source)
        return any(self.has(target, rest) for target in self._targets(source, first) if self._visible(target))

    def missing(self, source: str, paths: Iterable[str]) -> list[str]:
        """Of the paths, those that this user cannot select, in the order given."""
        return [path for path in dict.fromkeys(paths) if not self.has(source, path)]

    def links(self, source: str, paths: Iterable[str], target: str) -> list[str]:
        """Paths to the ids of the object `target` that these paths name or pass: `AccountId` for `Account.Industry`."""
        return list(dict.fromkeys(link for path in paths for link in self._links(source, path, target.lower())))

    def _links(self, source: str, path: str, target: str) -> Iterator[str]:
        first, _, rest = path.partition(".")
        key = "relationshipName" if rest else "name"
        for one in self.describe(source)["fields"]:
            if (one.get(key) or "").lower() != first.lower():
                continue
            targets = one.get("referenceTo") or []
            if target in {name.lower() for name in targets}:
                yield one["name"]
            for name in targets if rest else ():
                if self._visible(name):
                    yield from (f"{first}.{link}" for link in self._links(name, rest, target))

    def _targets(self, source: str, relation: str) -> list[str]:
        """Objects a relationship name leads to; several where the look-up is polymorphic."""
        wanted = relation.lower()
        fields = self.describe(source)["fields"]
        return [
            target
            for one in fields
            if (one.get("relationshipName") or "").lower() == wanted
            for target in one.get("referenceTo") or []
        ]

    def _visible(self, source: str) -> bool:
        try:
            self.describe(source)
        except CallError as error:
            if error.trouble.kind == "gone":
                return False
            raise
        return True


def field_infos(objects: Objects, source: str, filled: Mapping[str, float]) -> list[FieldInfo]:
    """`FieldInfo` of every field of the object."""
    return [_info(one, filled.get(one["name"])) for one in objects.describe(source)["fields"]]


def _info(told: Mapping[str, Any], filled: float | None) -> FieldInfo:
    return FieldInfo(
        name=told["name"],
        label=str(told.get("label") or told["name"]),
        type=str(told["type"]),
        kind=_KINDS.get(told["type"]),
        updateable=bool(told.get("updateable")),
        values=active_values(told),
        length=int(told.get("length") or told.get("precision") or 0),
        custom=bool(told.get("custom")),
        filled=filled,
    )


def active_values(told: Mapping[str, Any]) -> tuple[str, ...]:
    """API values of a picklist that may still be chosen."""
    return tuple(one["value"] for one in told.get("picklistValues") or [] if one.get("active", True))


def fill_rates(client: Client, objects: Objects, source: str) -> dict[str, float]:
    """Share of records with a value, by field, for the fields that Salesforce can count.

    Long text, multi-select picklists and booleans cannot be counted; a group that Salesforce refuses to count (an org
    too large for it) is left out.
    """
    names = [
        one["name"]
        for one in objects.describe(source)["fields"]
        if one.get("aggregatable") and one["type"] != "boolean" and one["name"] != "Id"  # Id is counted as the total
    ]
    rates: dict[str, float] = {}
    for start in range(0, len(names), _COUNTED_AT_ONCE):
        rates |= _counted(client, source, names[start : start + _COUNTED_AT_ONCE])
    return rates


def _counted(client: Client, source: str, names: list[str]) -> dict[str, float]:
    try:
        row = client.one_row(soql.counts(names, source))
    except CallError as error:
        if error.trouble.kind == "request":
            return {}
        raise
    total = int(row.get("total") or 0)
    return {name: int(row.get(f"c{place}") or 0) / total for place, name in enumerate(names)} if total else {}
