"""What would stop or spoil a run, all at once: login, scopes, properties, option lists, stages, quota.

Definitions are asked for afresh: the admin may have mended something a moment ago.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from crm_kare.errors import AccessError, ConfigError, KareError, RetryError
from crm_kare.model import Problem
from crm_kare.ports import Context, LabelField, StreamSpec
from crm_kare_hubspot import scopes
from crm_kare_hubspot.answers import WHERE_TO_TICK
from crm_kare_hubspot.check_labels import labels, unfinished
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import PRODUCT, missing, wanted
from crm_kare_hubspot.definitions import Definitions, Property, suggestion
from crm_kare_hubspot.lists import word_of
from crm_kare_hubspot.notices import SECRET
from crm_kare_hubspot.owners import missing_of_owner
from crm_kare_hubspot.stages import Stage

_NEARLY: Final = 0.9
"""Part of the set share of the day's calls from which on the admin is told."""

_COMPANY_OF_DEAL: Final = "hs_primary_associated_company"


def check(
    client: Client,
    definitions: Definitions,
    context: Context,
    specs: Sequence[StreamSpec],
    fields: Sequence[LabelField],
) -> list[Problem]:
    """A list, empty when all is well; never an exception."""
    login = list(_tried(lambda: client.ask(Call("GET", client.paths.account(), "login")), "login"))
    if login:
        return [*login, *_needed(client, context, specs, fields)]
    for spec in specs:
        definitions.forget(spec.source)
    accounts = next((spec.source for spec in specs if spec.stream == "accounts"), None)
    found, lacking = _scopes(client, definitions, context, specs, fields)
    for spec in specs:
        if scopes.scope(spec.source, "read") not in lacking:
            found += _stream(client, definitions, spec)
    if accounts is not None and fields and scopes.scope(accounts, "read") not in lacking:
        found += _tried_list(lambda: labels(client, definitions, context.crm, accounts, fields), accounts)
    found += [*_quota(client, context), *_webhooks(context)]
    return list(dict.fromkeys(found))


def _tried(step: Callable[[], object], where: str) -> Iterator[Problem]:
    try:
        step()
    except KareError as error:
        yield _problem(error, where)


def _tried_list(step: Callable[[], list[Problem]], where: str) -> list[Problem]:
    try:
        return step()
    except KareError as error:
        return [_problem(error, where)]


def _problem(error: KareError, where: str) -> Problem:
    codes = {AccessError: "access", ConfigError: "config", RetryError: "unavailable"}
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), "failed")
    return Problem(code, error.message, fix=error.fix, where=error.where or where)


def _needed(
    client: Client, context: Context, specs: Sequence[StreamSpec], fields: Sequence[LabelField]
) -> Iterator[Problem]:
    """For whoever is about to make a login: what it has to be allowed."""
    try:
        word = word_of(context.options.get("lists", False))
        asked = scopes.areas(client, specs, word, writes=bool(fields), exports=_exports(context))
    except KareError:
        return  # an option is wrong, which the login has told
    asked += [scopes.definitions_area(client, spec.source) for spec in specs if spec.stream == "accounts" and fields]
    names = ", ".join(scopes.names(asked))
    told = f"A login for this mapping needs the scopes {names}; the one for schemas only while `provision` runs."
    yield Problem("scopes-needed", told, fix=f"Tick them {WHERE_TO_TICK}.", where="HubSpot scopes", level="info")


def _exports(context: Context) -> bool:
    return bool(context.options.get("export_from"))


def _scopes(
    client: Client,
    definitions: Definitions,
    context: Context,
    specs: Sequence[StreamSpec],
    fields: Sequence[LabelField],
) -> tuple[list[Problem], frozenset[str]]:
    """What is wrong with the scopes, and those that are missing; that for definitions while there is work for it."""
    try:
        word = word_of(context.options.get("lists", False))
    except ConfigError as error:
        return [_problem(error, "lists")], frozenset()
    asked = scopes.areas(client, specs, word, writes=bool(fields), exports=_exports(context))
    sources = [spec.source for spec in specs if spec.stream == "accounts"]
    asked += [scopes.definitions_area(client, source) for source in sources if unfinished(definitions, source, fields)]
    return scopes.tried(client, asked)


def _stream(client: Client, definitions: Definitions, spec: StreamSpec) -> list[Problem]:
    if spec.source == "owners":
        return list(_missing(spec, {}, [one.source for one in missing_of_owner(spec)]))
    want = wanted(spec)
    found = []
    if want.needs_stages:
        found += _tried_list(lambda: list(_stages(definitions, spec)), f"{spec.source} pipelines")
    if want.products:
        found += _tried_list(lambda: list(_products(definitions, spec, want.products)), "products")
    found += _tried_list(lambda: list(_properties(definitions, spec)), spec.source)
    if "@primary_company" in {one.source for one in spec.fields}:
        found += _tried_list(lambda: list(_without_company(client, definitions, spec)), spec.source)
    return found


def _stages(definitions: Definitions, spec: StreamSpec) -> Iterator[Problem]:
    """Stages that do not tell whether they are closed: their deals count nowhere until the mapping says so."""
    silent = [_name(one) for one in definitions.stages(spec.source).values() if one.closed is None]
    if silent:
        yield Problem(
            "stage-unknown",
            f"These stages tell neither open nor closed: {', '.join(silent)}.",
            fix="Set their probability in HubSpot's Settings > Objects > Deals > Pipelines, or map `outcome` from `@stage_label`.",
            where=f"{spec.stream} ({spec.source})",
            level="warning",
        )


def _name(stage: Stage) -> str:
    return f"{stage.label} ({stage.pipeline_label})"


def _products(definitions: Definitions, spec: StreamSpec, names: Sequence[str]) -> Iterator[Problem]:
    known = definitions.fetched("products")
    yield from _missing(
        spec,
        {f"{PRODUCT}{name}": one for name, one in known.items()},
        [f"{PRODUCT}{name}" for name in names if name not in known],
    )


def _properties(definitions: Definitions, spec: StreamSpec) -> Iterator[Problem]:
    known = definitions.properties(spec.source)
    gone = [one.source for one in missing(spec, known)]
    archived = definitions.fetched(spec.source, archived=True) if gone else {}
    yield from _missing(spec, known, [name for name in gone if name not in archived])
    for name in gone:
        if name in archived:
            yield Problem(
                "field-missing",
                f"The property {name} is archived.",
                fix="Restore it in HubSpot's Settings > Properties > Archived, or take it out of the mapping.",
                where=f"{spec.stream} ({spec.source})",
            )


def _missing(spec: StreamSpec, known: Mapping[str, Property], names: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        yield Problem(
            "field-missing",
            f"HubSpot has no property {suggestion(name, known)}.",
            fix="Correct the mapping; `crm-kare map suggest` lists what is there.",
            where=f"{spec.stream} ({spec.source})",
        )


def _without_company(client: Client, definitions: Definitions, spec: StreamSpec) -> Iterator[Problem]:
    """How many deals have no company that decides: counted by search, which may be some seconds behind."""
    if _COMPANY_OF_DEAL not in definitions.properties(spec.source):
        return
    filters = [{"propertyName": _COMPANY_OF_DEAL, "operator": "NOT_HAS_PROPERTY"}]
    body = {"filterGroups": [{"filters": filters}], "properties": ["hs_object_id"], "limit": 1}
    path = client.paths.objects(spec.source, "search")
    total = client.ask(Call("POST", path, f"{spec.source} search", body=body, search=True)).body.get("total")
    if total:
        yield Problem(
            "deals-without-company",
            f"{total} {spec.source} have no primary company. Those without any company count for nobody.",
            fix="Associate them in HubSpot: filter the list of deals by Primary associated company is unknown.",
            where=f"{spec.stream} ({spec.source})",
            level="info",
        )


def _webhooks(context: Context) -> Iterator[Problem]:
    if context.webhooks and not context.credentials.get(SECRET):
        told = "Webhooks are on, but cannot be checked without the app's client secret: every one is refused."
        fix = "Set HUBSPOT_CLIENT_SECRET (HubSpot: the app's Auth page), or take `webhooks` out of crm-kare.yaml."
        yield Problem("webhooks-secret", told, fix, where=SECRET, level="warning")


def _quota(client: Client, context: Context) -> Iterator[Problem]:
    quota = client.quota()
    if quota.used is None or quota.limit is None:
        return
    if quota.used >= quota.limit * context.daily_share * _NEARLY:
        yield Problem(
            "quota",
            f"{quota.used} of {quota.limit} calls of the day are used; the set share is {context.daily_share:.0%}.",
            fix="Wait for midnight of the portal's time zone, or raise `daily_share`.",
            where="HubSpot",
            level="warning",
        )
