"""Setting a CRM up: what is wrong with it (`doctor`), our fields in it (`provision`), and out of it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from crm_kare.config.mapping import Mapping, label_fields, stream_specs
from crm_kare.config.project import Crm
from crm_kare.config.rulebook import expression_columns
from crm_kare.errors import AccessError, ConfigError, KareError, RetryError
from crm_kare.labels import Editor
from crm_kare.method import never_asked
from crm_kare.model import Problem
from crm_kare.ports import Connector, FieldInfo, ProvisionStep
from crm_kare.sync.mapped import mapped_names
from crm_kare.sync.placed import former_fields
from crm_kare.sync.result import problem_to_json
from crm_kare.sync.runtime import Runtime


@dataclass(frozen=True)
class Report:
    """What `doctor` found in one CRM; `organisation` is empty where nobody answered."""

    crm: str
    organisation: str
    problems: tuple[Problem, ...]
    exit_code: int

    def to_json(self) -> dict[str, Any]:
        """For machines; the problems as in `sync --json`, with their level and place."""
        found = [{**problem_to_json(one), "level": one.level, "where": one.where} for one in self.problems]
        return {"crm": self.crm, "organisation": self.organisation, "problems": found}


@contextmanager
def connected(runtime: Runtime, crm: str) -> Iterator[Connector]:
    """A CRM's connector for the length of the block."""
    connector = runtime.connector(crm)
    try:
        yield connector
    finally:
        connector.close()


def examine(runtime: Runtime, crm: str) -> Report:
    """Everything that would stop or spoil a run. An error of the CRM is a problem in the list.

    Raises:
        UsageError: there is no CRM of that name.
    """
    set_up = runtime.project.crm(crm)
    try:
        with connected(runtime, crm) as connector:
            report = _examined(runtime, crm, connector)
    except KareError as error:
        problem = Problem(error.code, error.message, error.fix, where=error.where)
        report = Report(crm, "", (problem,), error.exit_code)
    ordered = sorted(report.problems, key=lambda one: _LEVELS.index(one.level))
    return replace(report, problems=tuple(_prefixed(one, set_up) for one in ordered))


def _prefixed(problem: Problem, crm: Crm) -> Problem:
    """A problem about a login, with the names that this CRM's login has in the environment."""
    name = f"{crm.connector.upper()}_"
    if not crm.env_prefix or name not in f"{problem.where} {problem.message} {problem.fix}":
        return problem
    return replace(problem, fix=f"{problem.fix} All names of this CRM begin with {crm.env_prefix}{name}.".strip())


def _examined(runtime: Runtime, crm: str, connector: Connector) -> Report:
    mapping = runtime.mapping(crm)
    found = connector.check(stream_specs(mapping), label_fields(mapping, connector))
    found += _not_asked(runtime, mapping)
    found += _former(runtime, crm, connector, found)
    errors = [one for one in found if one.level == "error"]
    code = min((_CODES.get(one.code, ConfigError.exit_code) for one in errors), key=_ORDER.index, default=0)
    try:
        organisation = connector.organisation()
    except KareError:
        return Report(crm, "", tuple(found), code)
    return Report(
        crm,
        f"{organisation.name} ({organisation.timezone}, {organisation.currency or 'currency not told'})",
        tuple(found),
        code,
    )


def _former(runtime: Runtime, crm: str, connector: Connector, found: list[Problem]) -> Iterator[Problem]:
    """Fields of a former prefix that are still there; nothing where the CRM does not answer."""
    mapping = runtime.mapping(crm)
    fields, source = label_fields(mapping, connector), mapping.streams.accounts.source
    former = former_fields(runtime.journal, crm, fields)
    if not former or any(one.code in _CODES for one in found):
        return
    present = {one.label.name: one.field for one in fields}
    there = {one.name.casefold() for one in connector.schema(source)}
    for one in former:
        if one.field.casefold() in there:
            reads = one.label.editor is Editor.PEOPLE
            yield Problem(
                "label-former",
                f"{source}.{one.field} held {one.label.name} before it lay in {present[one.label.name]}"
                + (", and is read where that is blank." if reads else "; nobody writes it any more."),
                "Move what people typed into the new field, then delete the old one in the CRM."
                if reads
                else "Delete it in the CRM, once no report or list names it.",
                level="info",
            )


def _not_asked(runtime: Runtime, mapping: Mapping) -> list[Problem]:
    """The ICP criteria that are off, whatever the data (METHOD.md section 2)."""
    columns = expression_columns(runtime.own_fields)
    off = never_asked(runtime.rulebook, mapped_names(mapping), columns)
    return [
        Problem(
            "icp-not-asked",
            f"ICP criterion `{name}` is not asked yet: {why}.",
            _ASK,
            where="rulebook.yaml",
            level="info",
        )
        for name, why in off.items()
    ]


_ASK = "Map the field, or set the target in the rulebook; or leave it: it counts nowhere."

_LEVELS = ("error", "warning", "info")
"""What must be mended first."""

_CODES = {"access": AccessError.exit_code, "unavailable": RetryError.exit_code}
"""Exit codes of what is no fault of the configuration."""

_ORDER = (AccessError.exit_code, RetryError.exit_code, ConfigError.exit_code)
"""Who can't log in, or reaches nobody, can't tell about fields."""


def provision(runtime: Runtime, crm: str, *, dry_run: bool) -> list[ProvisionStep]:
    """Create our fields in the CRM, or say what would be done."""
    with connected(runtime, crm) as connector:
        mapping = runtime.mapping(crm)
        return connector.provision(mapping.streams.accounts.source, label_fields(mapping, connector), dry_run=dry_run)


def deprovision(runtime: Runtime, crm: str, *, dry_run: bool) -> list[ProvisionStep]:
    """Take our fields out of the CRM, those of a former prefix too, or say what would be lost."""
    with connected(runtime, crm) as connector:
        mapping = runtime.mapping(crm)
        fields = label_fields(mapping, connector)
        fields += former_fields(runtime.journal, crm, fields)
        return connector.deprovision(mapping.streams.accounts.source, fields, dry_run=dry_run)


def live_schema(runtime: Runtime, crm: str) -> dict[str, list[FieldInfo]]:
    """The fields of every mapped object with their fill rates, by stream."""
    with connected(runtime, crm) as connector:
        mapped = runtime.mapping(crm).streams.mapped()
        return {name: connector.schema(stream.source, fill_rates=True) for name, stream in mapped}
