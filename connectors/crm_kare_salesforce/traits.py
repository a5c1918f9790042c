"""Traits of an org that change what its records mean: several currencies, person accounts, the API's version."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from crm_kare.http import CallError
from crm_kare.model import Kind, Problem
from crm_kare.ports import StreamSpec
from crm_kare_salesforce.client import API_VERSION, Client
from crm_kare_salesforce.fields import Objects
from crm_kare_salesforce.site import refused

_RETIRED: Final = 30
"""Versions up to this one are answered no longer since Summer '25."""

_HAVE_CURRENCY: Final = frozenset({"accounts", "opportunities", "purchases"})
"""Our streams with a column `currency`; lines stand in their opportunity's."""


def version(client: Client) -> list[Problem]:
    """The API version of the mapping's options, where Salesforce serves it no longer."""
    number = client.version.partition(".")[0]
    if number.isdigit() and int(number) > _RETIRED:
        return []
    text = f"Salesforce serves API version {client.version} no longer."
    fix = (
        f"Take `api_version` out of the mapping's options (the default is {API_VERSION}), or name a version it serves."
    )
    return [Problem("api-version", text, fix, where="mapping: options")]


def currency(client: Client, objects: Objects, specs: Sequence[StreamSpec]) -> list[Problem]:
    """Streams whose amounts would be misread: the org keeps several currencies, and the row's own is not mapped."""
    told = [spec for spec in specs if _amounts(spec) and "currencyisocode" in _names(objects, spec.source)]
    unmapped = [spec for spec in told if not {"currency", "amount_home"} & {one.column for one in spec.fields}]
    if not unmapped or not _several(client):
        return []
    lines = [f"stream {spec.stream}" for spec in unmapped]
    text = "This org keeps amounts in several currencies, and `currency` is not mapped: amounts would be added up as if in one."
    fix = "Write `currency: CurrencyIsoCode` under the stream's fields."
    return [Problem("currency-unmapped", text, fix, where=where) for where in lines]


def _amounts(spec: StreamSpec) -> bool:
    return spec.stream in _HAVE_CURRENCY and any(one.kind is Kind.MONEY for one in spec.fields)


def _names(objects: Objects, source: str) -> Iterable[str]:
    try:
        return objects.by_name(source)
    except CallError as error:
        if error.trouble.kind != "gone":
            raise
        return ()


def _several(client: Client) -> bool:
    """Whether more than one currency is active; where the org does not tell, its fields for currencies say yes."""
    try:
        return len(client.rows("SELECT Id, IsoCode FROM CurrencyType WHERE IsActive = true")) > 1
    except CallError as error:
        if not refused(error):
            raise
        return True


def person_accounts(objects: Objects, specs: Sequence[StreamSpec]) -> list[Problem]:
    """A hint where accounts may be people."""
    accounts = next((spec for spec in specs if spec.stream == "accounts"), None)
    if accounts is None or "ispersonaccount" not in _names(objects, accounts.source):
        return []
    if any(one.source.lower() == "ispersonaccount" for one in accounts.fields):
        return []
    text = "This org has person accounts: private customers are judged and tagged like companies."
    fix = "To leave them out, set `extra: {person: {field: IsPersonAccount, type: bool}}` and `where: person = false` on accounts."
    return [Problem("person-accounts", text, fix, where="stream accounts", level="info")]


def silent(objects: Objects, spec: StreamSpec) -> list[Problem]:
    """Mapped values that change without the record's stamp moving: formulas and roll-ups, and fields of other records."""
    fields: dict[str, dict[str, Any]] = objects.by_name(spec.source)
    computed = [one.source for one in spec.fields if fields.get(one.source.lower(), {}).get("calculated")]
    related = [one.source for one in spec.fields if "." in one.source]
    reasons = [
        f"{', '.join(dict.fromkeys(names))} {why}"
        for names, why in (
            (computed, "(computed: formula or roll-up)"),
            (related, "(of a related record)"),
        )
        if names
    ]
    if not reasons:
        return []
    text = (
        f"Changes of {' and '.join(reasons)} do not mark the {spec.source} as changed, so incremental pulls miss them."
    )
    fix = "They are read again at every full pull: every `full_pull_days`, or by `crm-kare sync --full`."
    return [Problem("field-computed", text, fix, where=f"stream {spec.stream}", level="info")]
