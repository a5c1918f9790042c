"""`check`: everything that would stop or spoil a run, all at once, each with its fix."""

from collections.abc import Callable, Iterable, Sequence

from crm_kare.errors import KareError
from crm_kare.http import CallError, Trouble
from crm_kare.labels import Editor, FieldType
from crm_kare.model import Problem
from crm_kare.ports import LabelField, StreamSpec
from crm_kare_salesforce import automation, record_types, rights, traits
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.faults import our_errors
from crm_kare_salesforce.fields import FLS_HINT, Objects, active_values
from crm_kare_salesforce.provision import describe_type
from crm_kare_salesforce.wishes import INTEGRATION

_PROVISION = "Run `crm-kare provision {crm}`."


def findings(
    client: Client, objects: Objects, crm: str, specs: Sequence[StreamSpec], fields: Sequence[LabelField]
) -> list[Problem]:
    """Problems in the order they would be met; a login that fails is the only one then."""
    login = traits.version(client) or _tried(lambda: [*_way(client), *_quota(client)], "login")
    if any(one.level == "error" for one in login):
        return login
    found = list(login)
    for spec in specs:
        found += _tried(lambda spec=spec: _stream(objects, spec), f"stream {spec.stream}")  # type: ignore[misc]
    source = next((spec.source for spec in specs if spec.stream == "accounts"), "Account")
    if not any(one.code == "object-missing" and source in one.message.split() for one in found):
        found += _tried(lambda: _labels(objects, crm, source, fields), source)
        found += _tried(lambda: record_types.findings(client, objects, crm, source, fields), source)
    found += _tried(lambda: traits.currency(client, objects, specs), "currencies")
    found += _tried(lambda: traits.person_accounts(objects, specs), source)
    found += _tried(lambda: rights.findings(client, source, (spec.source for spec in specs)), "sharing")
    found += _tried(lambda: automation.findings(client, crm, source), source)
    return _once(found)


def _tried(ask: Callable[[], list[Problem]], where: str) -> list[Problem]:
    """What `ask` finds; what it cannot ask is a finding too."""
    try:
        with our_errors(where):
            return ask()
    except KareError as error:
        return [Problem(error.code, error.message, error.fix, where=error.where or where)]


def _way(client: Client) -> list[Problem]:
    client.log_in()
    if not client.discouraged:
        return []
    fix = "Use client credentials or JWT bearer."
    return [Problem("login-discouraged", client.discouraged, fix, where="login", level="warning")]


def _quota(client: Client) -> list[Problem]:
    """The day's allowance, and with it whether the token is good for the API at all."""
    try:
        told = client.get("limits")
        daily = told["DailyApiRequests"]
        most, left = int(daily["Max"]), int(daily["Remaining"])
    except CallError as error:
        if error.trouble.kind != "permission":  # the resource needs View Setup, which this user can do without
            raise
        return []
    except (KeyError, TypeError, ValueError) as error:
        raise CallError(Trouble("shape", 200, "limits")) from error
    if left > most * (1 - client.daily_share):
        return []
    return [
        Problem(
            "quota-low",
            f"{left} of {most} API calls are left for the rolling 24 hours; the set share is used up.",
            "Run later, raise the share, or buy more calls.",
            where="Salesforce API",
            level="warning",
        )
    ]


def _stream(objects: Objects, spec: StreamSpec) -> list[Problem]:
    try:
        missing = objects.missing(spec.source, (one.source for one in spec.fields))
    except CallError as error:
        if error.trouble.kind != "gone":
            raise
        fix = "Correct the object's name in the mapping, or grant Read on the object to the integration user."
        text = f"There is no object {spec.source} that this user can read."
        return [Problem("object-missing", text, fix, where=f"stream {spec.stream}")]
    where = f"stream {spec.stream}"
    found = [
        Problem("field-missing", f"{spec.source} has no field {path} that this user can read.", FLS_HINT, where=where)
        for path in missing
    ]
    return found + traits.silent(objects, spec)


def _labels(objects: Objects, crm: str, source: str, fields: Sequence[LabelField]) -> list[Problem]:
    told = objects.by_name(source)
    found: list[Problem] = []
    for one in fields:
        if (held := told.get(one.field.lower())) is not None:
            found += _label(one, held, crm, source)
            continue
        text = f"There is no field {one.field}, or this user may not read it."
        fix = f"{_PROVISION.format(crm=crm)} Where it exists, assign the permission set {INTEGRATION}."
        found.append(Problem("label-missing", text, fix, where=f"{source}.{one.field}"))
    if fields and not objects.describe(source).get("updateable", True):
        fix = f"Grant Edit on {source} to the integration user: assign the permission set {INTEGRATION}."
        found.append(Problem("object-read-only", f"This user may not edit {source}.", fix, where=source))
    return found


def _label(one: LabelField, held: dict[str, object], crm: str, source: str) -> list[Problem]:
    where = f"{source}.{one.field}"
    found = []
    if held.get("type") != describe_type(one.label):
        text = f"{one.field} is of the type {held.get('type')}, not {describe_type(one.label)}."
        fix = "Rename or delete the field and run `crm-kare provision`, or set another prefix in the mapping."
        return [Problem("label-type", text, fix, where=where)]
    if one.label.editor is Editor.OURS and not held.get("updateable"):
        fix = f"Grant Edit on the field: assign the permission set {INTEGRATION}."
        found.append(Problem("label-read-only", f"This user may not edit {one.field}.", fix, where=where))
    missing = [value for value in one.label.values if value not in active_values(held)]
    if one.label.type is FieldType.PICKLIST and missing:
        text = f"The picklist {one.field} lacks {', '.join(missing)}."
        found.append(Problem("picklist-values", text, _PROVISION.format(crm=crm), where=where))
    return found


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once: one that stops every object is told once."""
    seen: dict[tuple[str, str], Problem] = {}
    for one in problems:
        seen.setdefault((one.code, one.message), one)
    return list(seen.values())
