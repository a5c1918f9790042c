"""The least scopes that a mapping needs, and which of them the login lacks: found by calls that read little or nothing.

Each area is tried by the call that a run makes. For writing that is a batch without records: HubSpot looks at the scope
first, and answers a batch of nothing with an empty result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crm_kare.errors import AccessError, KareError
from crm_kare.http import CallError
from crm_kare.model import Problem
from crm_kare.ports import StreamSpec
from crm_kare_hubspot.answers import WHERE_TO_TICK, Json, RefusalError, meaning
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import LINKS, wanted
from crm_kare_hubspot.paths import object_name

_NOTHING: Final[Json] = {"inputs": []}
_OBJECTS: Final = frozenset(
    {"companies", "contacts", "deals", "line_items", "products", "orders", "invoices", "quotes", "carts", "leads"}
)
"""Objects whose scopes bear their names; tickets have one of an older kind, the portal's own objects share one."""


@dataclass(frozen=True)
class Area:
    """What is to be done in the portal, the scope for it, and the call that tries it; `also` cannot be tried harmlessly."""

    what: str
    scope: str
    call: Call
    also: str = ""


def scope(source: str, verb: str) -> str:
    """The scope for reading or writing the records of an object."""
    name = object_name(source)
    if name == "tickets":
        return name
    return f"crm.objects.{name if name in _OBJECTS else 'custom'}.{verb}"


def areas(
    client: Client, specs: Sequence[StreamSpec], lists: str, *, writes: bool, exports: bool = False
) -> list[Area]:
    """Everything that a run does with this mapping; each scope once."""
    found = [area for spec in specs for area in _read(client, spec)]
    accounts = next((spec.source for spec in specs if spec.stream == "accounts"), None)
    if accounts is not None and writes:
        path = client.paths.objects(accounts, "batch", "update")
        call = Call("POST", path, f"{accounts} (write)", body=_NOTHING)
        found.append(Area(f"write {accounts}", scope(accounts, "write"), call))
    if lists:
        call = Call("POST", client.paths.lists("search"), "lists", body={"count": 1})
        found.append(Area("read lists", "crm.lists.read", call, also="crm.lists.write"))
    if exports:  # asks for nothing, and is refused for that where the scope is there
        found.append(Area("export records", "crm.export", Call("POST", client.paths.exports(), "exports", body={})))
    return list({one.scope: one for one in reversed(found)}.values())[::-1]


def _read(client: Client, spec: StreamSpec) -> Iterator[Area]:
    if spec.source == "owners":
        call = Call("GET", client.paths.owners(), "owners", (("limit", "1"),))
        yield Area("read owners", "crm.objects.owners.read", call)
        return
    want = wanted(spec)
    linked = [LINKS[one.source] for one in spec.fields if one.source in LINKS]
    for source in (spec.source, *linked, *(("products",) if want.products else ())):
        call = Call("GET", client.paths.objects(source), source, (("limit", "1"),))
        yield Area(f"read {source}", scope(source, "read"), call)


def definitions_area(client: Client, source: str) -> Area:
    """Making and changing properties, which `provision` does."""
    path = client.paths.properties(source, "batch", "create")
    name = object_name(source)
    kind = name if name in _OBJECTS else "custom"
    call = Call("POST", path, f"{source} properties", body=_NOTHING)
    return Area(f"make properties of {source}", f"crm.schemas.{kind}.write", call)


def names(asked: Sequence[Area]) -> list[str]:
    """All scopes of the areas, each once."""
    return list(dict.fromkeys(name for one in asked for name in (one.scope, one.also) if name))


def tried(client: Client, asked: Sequence[Area]) -> tuple[list[Problem], frozenset[str]]:
    """One problem for all scopes that are missing, those for other troubles, and the scopes that failed."""
    lacking: list[tuple[Area, RefusalError | None]] = []
    others: list[Problem] = []
    for area in asked:
        try:
            client.send(area.call)
        except CallError as error:
            if error.trouble.kind == "permission":
                lacking.append((area, error if isinstance(error, RefusalError) else None))
            elif error.trouble.kind != "request":  # a batch of nothing may be refused as such: the scope is there
                others.append(_other(meaning(error, area.call.where), area))
        except KareError as error:
            others.append(_other(error, area))
    problems = [_missing(lacking)] if lacking else []
    return problems + others, frozenset(area.scope for area, _ in lacking)


def all_missing(client: Client, error: AccessError, asked: Sequence[Area]) -> AccessError:
    """For an error that stopped a run: one for all scopes that the login lacks, so that nobody has to tick and run in turns.
    The error itself where it is not about scopes.
    """
    cause = error.__cause__
    if not isinstance(cause, CallError) or cause.trouble.kind != "permission":
        return error
    problems, lacking = tried(client, asked)
    if not lacking:
        return error
    return AccessError(problems[0].message, fix=problems[0].fix, where=problems[0].where, code=error.code)


def _other(error: KareError, area: Area) -> Problem:
    code = {4: "access", 7: "unavailable"}.get(error.exit_code, "config")
    return Problem(code, error.message, fix=error.fix, where=error.where or area.call.where)


def _missing(lacking: Sequence[tuple[Area, RefusalError | None]]) -> Problem:
    what = ", ".join(area.what for area, _ in lacking)
    ticks = ", ".join(_tick(area, error) + (f", {area.also}" if area.also else "") for area, error in lacking)
    told = f"The login lacks {len(lacking)} scope{'s' if len(lacking) > 1 else ''}: it may not {what}."
    return Problem("access", told, fix=f"Tick {ticks} {WHERE_TO_TICK}.", where="HubSpot scopes")


def _tick(area: Area, error: RefusalError | None) -> str:
    """Our scope; HubSpot's own words beside it where it names others, any one of which is enough."""
    others = [one for one in (error.scopes if error else ()) if one != area.scope]
    if area.scope in (error.scopes if error else ()) or not others:
        return f"{area.scope} (or {', '.join(others)})" if others else area.scope
    return f"{area.scope} (HubSpot names {' or '.join(others)})"
