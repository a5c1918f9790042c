"""What would stop or spoil a run, all at once: login, scopes, properties, option lists, quota."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from crm_kare.errors import AccessError, ConfigError, KareError, RetryError
from crm_kare.http import CallError
from crm_kare.labels import Editor
from crm_kare.model import Problem
from crm_kare.ports import Context, LabelField, StreamSpec
from crm_kare_hubspot.answers import meaning
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import missing, missing_of_owner, wanted
from crm_kare_hubspot.definitions import Definitions, Property, suggestion
from crm_kare_hubspot.notices import SECRET
from crm_kare_hubspot.provision import hubspot_type, options

_NEARLY: Final = 0.9
"""Part of the set share of the day's calls from which on the admin is told."""


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
        return login
    found: list[Problem] = []
    for spec in specs:
        found += _stream(client, definitions, spec)
    accounts = next((spec.source for spec in specs if spec.stream == "accounts"), None)
    if accounts is not None and fields:
        found += _labels(client, definitions, context.crm, accounts, fields)
    found += [*_quota(client, context), *_webhooks(context)]
    return list(dict.fromkeys(found))


def _tried(step: Callable[[], object], where: str) -> Iterator[Problem]:
    try:
        step()
    except KareError as error:
        codes = {AccessError: "access", ConfigError: "config", RetryError: "unavailable"}
        code = next((code for kind, code in codes.items() if isinstance(error, kind)), "failed")
        yield Problem(code, error.message, fix=error.fix, where=error.where or where)


def _stream(client: Client, definitions: Definitions, spec: StreamSpec) -> Iterator[Problem]:
    if spec.source == "owners":
        yield from _tried(lambda: client.ask(Call("GET", client.paths.owners(), "owners", (("limit", "1"),))), "owners")
        yield from _missing(spec, {}, [one.source for one in missing_of_owner(spec)])
        return
    path = client.paths.objects(spec.source)
    yield from _tried(lambda: client.ask(Call("GET", path, spec.source, (("limit", "1"),))), spec.source)
    unreadable = list(_tried(lambda: definitions.properties(spec.source), spec.source))
    yield from unreadable
    want = wanted(spec)
    if want.needs_stages:
        yield from _tried(lambda: definitions.stages(spec.source), f"{spec.source} pipelines")
    if want.products:
        yield from _products(definitions, spec, want.products)
    if not unreadable:
        known = definitions.properties(spec.source)
        yield from _missing(spec, known, [one.source for one in missing(spec, known)])


def _products(definitions: Definitions, spec: StreamSpec, names: Sequence[str]) -> Iterator[Problem]:
    unreadable = list(_tried(lambda: definitions.properties("products"), "products"))
    yield from unreadable
    if not unreadable:
        known = definitions.properties("products")
        yield from _missing(spec, known, [name for name in names if name not in known])


def _missing(spec: StreamSpec, known: Mapping[str, Property], names: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        yield Problem(
            "field-missing",
            f"HubSpot has no property {suggestion(name, known)}.",
            fix="Correct the mapping; `crm-kare map suggest` lists what is there.",
            where=f"{spec.stream} ({spec.source})",
        )


def _labels(
    client: Client, definitions: Definitions, crm: str, source: str, fields: Sequence[LabelField]
) -> Iterator[Problem]:
    yield from _may_write(client, source)
    try:
        known = definitions.properties(source)
    except KareError:
        return  # told already
    for one in fields:
        yield from _label(one, known.get(one.field), crm, source)


def _may_write(client: Client, source: str) -> Iterator[Problem]:
    """A write of no record: HubSpot looks at the scope before it looks at the body."""
    path = client.paths.objects(source, "batch", "update")
    try:
        client.send(Call("POST", path, source, body={"inputs": []}))
    except CallError as error:
        if error.trouble.kind in {"permission", "login"}:
            told = meaning(error, f"{source} (write)")
            yield Problem("access", told.message, fix=told.fix, where=told.where)
    except KareError as error:
        yield Problem("unavailable", error.message, fix=error.fix, where=error.where)


def _label(one: LabelField, present: Property | None, crm: str, source: str) -> Iterator[Problem]:
    mend = f"Run `crm-kare provision {crm}`."
    if present is None:
        yield Problem("label-missing", f"The property {one.field} is not there yet.", mend, where=source)
        return
    if present.type != hubspot_type(one.label)[0]:
        told = f"The property {one.field} is of type {present.type}, not {hubspot_type(one.label)[0]}."
        yield Problem("label-type", told, mend, where=source)
    lacking = [value for value, _ in options(one.label) if value not in present.options()]
    if lacking:
        told = f"The property {one.field} lacks the options {', '.join(lacking)}."
        yield Problem("label-options", told, mend, where=source)
    if one.label.editor is Editor.OURS and present.read_only():
        told = f"The property {one.field} is read-only."
        yield Problem("label-read-only", told, "Map the label to another property.", where=source)


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
