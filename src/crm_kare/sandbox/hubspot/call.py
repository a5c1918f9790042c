"""A request as the endpoints see it, and their reply; how bodies and queries are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_kare.sandbox.hubspot.definitions import ObjectType
from crm_kare.sandbox.hubspot.errors import malformed, validation
from crm_kare.sandbox.hubspot.portal import APP, Portal, object_type


@dataclass(frozen=True)
class Call:
    """One request that was let in.

    Attributes:
        portal: the account.
        path: the address's variable parts.
        query: every value of every query parameter.
        body: the JSON, `None` without one.
        url: the address without query, for links to the next page.
        dated: asked in the dated style, whose associations give ids as text.
        who: the writer, as the store keeps it.
    """

    portal: Portal
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: Any = None
    url: str = ""
    dated: bool = False
    who: str = APP

    @property
    def kind(self) -> ObjectType:
        """The object type in the address."""
        return object_type(self.path["kind"])

    def one(self, name: str, default: str = "") -> str:
        """A query parameter that occurs once."""
        return self.query.get(name, (default,))[-1]

    def names(self, name: str) -> list[str] | None:
        """A list, repeated or joined by commas; `None` where the parameter is absent."""
        if name not in self.query:
            return None
        return [part.strip() for value in self.query[name] for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """A true-or-false parameter, false by default."""
        return self.one(name, "false").lower() == "true"

    def limit(self, default: int, most: int) -> int:
        """The page size.

        Raises:
            HubSpotError: 400, over the most allowed or no number.
        """
        return within(self.one("limit", str(default)), most)

    def mapping(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        return as_mapping(self.body)


@dataclass(frozen=True)
class Reply:
    """Status and JSON body; `None` is no body."""

    status: int = 200
    body: Any = None


Endpoint = Callable[[Call], Reply]


def within(asked: Any, most: int) -> int:
    """A page size from 1 to the most allowed.

    Raises:
        HubSpotError: 400.
    """
    try:
        number = int(asked)
    except (TypeError, ValueError):
        raise validation(f"Invalid value for limit: {asked}") from None
    if not 0 < number <= most:
        raise validation(f"The limit must be between 1 and {most}, but was {number}.")
    return number


def as_mapping(body: Any) -> dict[str, Any]:
    """A JSON object.

    Raises:
        HubSpotError: 400.
    """
    if not isinstance(body, dict):
        raise malformed("expected an object")
    return body


def as_list(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a body; absent is empty.

    Raises:
        HubSpotError: 400, it is something else.
    """
    found = body.get(name) or []
    if not isinstance(found, list):
        raise malformed(f"{name} must be a list")
    return found


def as_names(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts in a body."""
    found = as_list(body, name)
    if not all(isinstance(one, str) for one in found):
        raise malformed(f"{name} must be a list of strings")
    return found


def inputs(body: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """The inputs of a batch. A body without `inputs` is an empty batch: unknown keys are silently ignored.

    Raises:
        HubSpotError: 400, too many, or not objects.
    """
    found = [as_mapping(one) for one in as_list(body, "inputs")]
    if len(found) > most:
        raise validation(
            f"The maximum number of inputs supported in a batch request is {most}, but {len(found)} were sent."
        )
    return found


def id_of(one: Mapping[str, Any]) -> str:
    """An input's id, as text.

    Raises:
        HubSpotError: 400, there is none.
    """
    found = one.get("id")
    if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
        raise malformed("Some required fields were not set: [id]")
    return str(found)
