"""The owners stream: HubSpot's users who can own records. Few, so they are read whole at each pull.

Pseudo-fields: `@name` (first and last name), `@team` (primary team), `@active` (whether not deactivated).
"""

from collections.abc import Callable, Iterator
from typing import Final

from crm_kare.errors import StopError
from crm_kare.model import Kind
from crm_kare.ports import FieldInfo, Page, SourceField, StreamSpec
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import batch, missing_error
from crm_kare_hubspot.values import canonical

_PAGE: Final = "100"
_SOURCES: Final = ("id", "email", "firstName", "lastName", "userId", "type", "createdAt", "updatedAt")


def owners(client: Client, spec: StreamSpec, cursor: str) -> Iterator[Page]:
    """All owners, those deactivated included: records still name them.

    Raises:
        ConfigError: the mapping names what an owner does not have.
    """
    if gone := missing_of_owner(spec):
        raise missing_error(spec, gone, {})
    for raws in _pages(client):
        yield Page(batch(spec, [_column(one, raws) for one in spec.fields]), cursor)


def everybody(client: Client) -> Iterator[Json]:
    """Every owner as HubSpot tells it, those deactivated included."""
    for raws in _pages(client):
        yield from raws


def missing_of_owner(spec: StreamSpec) -> tuple[SourceField, ...]:
    """Mapped fields that an owner does not have."""
    return tuple(one for one in spec.fields if one.source not in {*_SOURCES, *_PSEUDO})


def owner_fields() -> list[FieldInfo]:
    """The fields of the owners stream."""
    plain = [FieldInfo(name, name, "string", Kind.TEXT) for name in _SOURCES]
    kinds = {"@active": Kind.BOOL}
    computed = [
        FieldInfo(name, name[1:].title(), "computed by the connector", kinds.get(name, Kind.TEXT)) for name in _PSEUDO
    ]
    return plain + computed


def _column(one: SourceField, raws: list[Json]) -> list[str | None]:
    pick = _PSEUDO.get(one.source)
    return [pick(raw) if pick else canonical(raw.get(one.source), "string") for raw in raws]


def name_of(raw: Json) -> str | None:
    """First and last name, else the e-mail address."""
    parts = (raw.get("firstName"), raw.get("lastName"))
    return " ".join(str(part) for part in parts if part) or canonical(raw.get("email"), "string")


def _team(raw: Json) -> str | None:
    teams = raw.get("teams") or []
    first = next((team for team in teams if team.get("primary")), teams[0] if teams else {})
    return canonical(first.get("name"), "string")


def _active(raw: Json) -> str:
    return "false" if raw.get("archived") else "true"


_PSEUDO: Final[dict[str, Callable[[Json], str | None]]] = {"@name": name_of, "@team": _team, "@active": _active}


def _pages(client: Client) -> Iterator[list[Json]]:
    for archived in ("false", "true"):
        for listed in _listed(client, archived):
            yield [{"archived": archived == "true", **raw} for raw in listed]


def _listed(client: Client, archived: str) -> Iterator[list[Json]]:
    after, seen = "", {""}
    while True:
        query = (("limit", _PAGE), ("archived", archived), *((("after", after),) if after else ()))
        answer = client.ask(Call("GET", client.paths.owners(), "owners", query)).body
        yield results(answer, "owners")
        after = str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")
        if not after:
            return
        if after in seen:
            raise StopError("The list goes round: HubSpot gave the same page twice.", where="owners")
        seen.add(after)
