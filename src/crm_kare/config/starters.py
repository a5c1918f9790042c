"""A starter project: every file that `crm-kare init` writes, each line with its comment."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from crm_kare.config.project import PROJECT_FILE
from crm_kare.config.schemas import schema_files
from crm_kare.errors import UsageError

_PACKAGE: Final = "crm_kare_mappings"
_COLUMN: Final = 42
_BUSINESS: Final = "repeat orders"
_HEAD: Final = """\
# yaml-language-server: $schema=schemas/project.schema.json
# A crm-kare project: which CRMs there are, how often each runs, and the limits that hold for all.
# Logins never stand here: they come from the environment, from `.env` beside this file, or from a secrets directory.
"""
_REST: Final = (
    ("rulebook: rulebook.yaml", "the rules: every number, the ICP criteria, the words"),
    ("playbooks: playbooks", "one text per profile: what to do"),
    ("", ""),
    ("brakes:", "what stops a run before it writes anything"),
    ("  transition_share: 0.05", "more than this share of a profile's accounts moves to another one …"),
    ("  transition_floor: 20", "… and more accounts than this"),
    ("  mirror_shrink: 0.1", "the CRM shows fewer accounts than last time, by this share"),
    ("  unknown_jump: 0.1", "the share of accounts without enough data rose by this much"),
    (
        "  new_values: 1",
        "so many records hold a stage or picklist value that is new, and that the mapping does not know",
    ),
    ("", ""),
    ("quota:", "how much of the CRM's API allowance may be used"),
    ("  daily_share: 0.8", "of the day's"),
    ("  burst_share: 0.9", "of the short-term one"),
    ("", ""),
    ("serve:", "where `crm-kare serve` answers"),
    ("  host: 127.0.0.1", "this machine only"),
    ("  port: 8731", "health and metrics"),
    ("", ""),
    ("retention:", "what the journal forgets"),
    ("  runs_days: 400", "runs older than this many days, with their changes; the labels that accounts held stay"),
)
_LOGINS: Final[Mapping[str, tuple[str, ...]]] = {
    "salesforce": (
        "SALESFORCE_LOGIN_URL=https://login.salesforce.com",
        "SALESFORCE_CLIENT_ID=",
        "SALESFORCE_CLIENT_SECRET=",
    ),
    "hubspot": ("HUBSPOT_ACCESS_TOKEN=",),
}


def starter_project(crms: Mapping[str, str]) -> str:
    """The text of a project file, for connectors by the names that their CRMs shall have.

    Where several CRMs are of one kind, each has a mapping and credentials of its own.
    """
    lines = [("version: 1", "format of this file"), ("", ""), ("crms:", "one block per CRM")]
    for name, connector in crms.items():
        lines += _crm(name, connector, crms)
    return _HEAD + "\n" + "\n".join(_aligned(*line) for line in (*lines, ("", ""), *_REST)) + "\n"


def starter_files(crms: Mapping[str, str], business: str = _BUSINESS) -> dict[str, str]:
    """Every file of a starter project, by its path in the project; `business` as the rulebook's usual gap names it.

    Raises:
        UsageError: there is no starter mapping for a connector.
    """
    written = {PROJECT_FILE: starter_project(crms), ".env.example": _logins(crms), ".gitignore": ".crm-kare/\n.env\n"}
    for name, connector in crms.items():
        source = files(_PACKAGE) / f"{connector}.yaml"
        if not source.is_file():
            raise UsageError(
                f"there is no starter mapping for `{connector}`.", fix="Use one of the connectors shipped."
            )
        written[_mapping_path(name, connector, crms)] = source.read_text(encoding="utf-8")
    written |= dict(_copied(files(_PACKAGE) / "playbooks", "playbooks/"))
    rules = (files(_PACKAGE) / "rulebook.yaml").read_text(encoding="utf-8")
    written["rulebook.yaml"] = rules.replace(f"business: {_BUSINESS} ", f"business: {business} ", 1)
    return written | schema_files()


def _copied(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_file() and not one.name.startswith(("_", ".")):
            yield prefix + one.name, one.read_text(encoding="utf-8")


def _crm(name: str, connector: str, crms: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield f"  {name}:", "its name, as in `crm-kare sync NAME`"
    yield f"    connector: {connector}", "which kind it is"
    yield f"    mapping: {_mapping_path(name, connector, crms)}", "which fields feed what"
    yield '    schedule: "*/15 * * * *"', "minute, hour, day, month, weekday: when `crm-kare serve` runs it"
    yield "    timezone: UTC", "time zone of the schedule"
    yield "    full_pull_days: 7", "after so many days a run reads everything anew: formulas change without a trace"
    if _prefix(name, connector, crms):
        yield f"    env_prefix: {_prefix(name, connector, crms)}", "stands before the names of its login"


def _several(connector: str, crms: Mapping[str, str]) -> bool:
    return list(crms.values()).count(connector) > 1


def _mapping_path(name: str, connector: str, crms: Mapping[str, str]) -> str:
    return f"mappings/{name if _several(connector, crms) else connector}.yaml"


def _prefix(name: str, connector: str, crms: Mapping[str, str]) -> str:
    return f"{name.upper().replace('-', '_')}_" if _several(connector, crms) and connector in _LOGINS else ""


def _logins(crms: Mapping[str, str]) -> str:
    lines = [
        "# Copy this file to .env and fill it in; .env is never committed. Other ways to log in: docs/settings.md."
    ]
    for name, connector in crms.items():
        lines += ["", f"# {name}", *(_prefix(name, connector, crms) + one for one in _LOGINS.get(connector, ()))]
    return "\n".join(lines) + "\n"


def _aligned(text: str, comment: str) -> str:
    return f"{text:<{_COLUMN}}# {comment}" if comment else text
