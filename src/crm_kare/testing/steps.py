"""What the checks do over and over: make ready, pull everything, write one label, compare."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest

from crm_kare.errors import KareError
from crm_kare.labels import Editor
from crm_kare.model import Kind, Outcome, OutcomeStatus
from crm_kare.ports import Connector, LabelField, Page, RecordWrite, SourceField, StreamSpec, WriteRequest
from crm_kare.testing.records import row, rows
from crm_kare.testing.rig import Break, Rig, Row, Setting

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0


def ready(rig: Rig) -> Connector:
    """A connector to a CRM whose label fields are provisioned."""
    connector = rig.connector()
    if connector.capabilities.provisions:
        connector.provision(accounts(rig).source, rig.setting.fields, dry_run=False)
    return connector


def accounts(rig: Rig) -> StreamSpec:
    """The spec of the stream `accounts`."""
    return rig.setting.specs["accounts"]


def seeded(rig: Rig, count: int) -> list[str]:
    """Accounts in the CRM, a day old: their ids."""
    ids = rig.seed("accounts", rows(rig.setting, "accounts", count))
    rig.clock.advance(DAY)
    return ids


def stream_rows(rig: Rig, stream: str, count: int) -> list[Row]:
    """Rows of any stream, linked to accounts, opportunities and so on that are seeded for them."""
    links = _links(rig, stream)
    return [row(rig.setting, stream, number, **links) for number in range(count)]


def _links(rig: Rig, stream: str) -> dict[str, str | None]:
    """For each link column, a record seeded for it where the column's stream is one that the rig knows."""
    parents = {"account_id": "accounts", "opportunity_id": "opportunities"}
    if stream not in {"opportunities", "purchases", "contacts", "line_items"}:
        return {}
    wanted = [one.column for one in rig.setting.specs[stream].fields[1:] if one.column in parents]
    made: dict[str, str | None] = {}
    for column in wanted:
        parent = parents[column]
        (made[column],) = rig.seed(parent, [row(rig.setting, parent, 0, **_links(rig, parent))])
    return made


@dataclass
class Pulled:
    """What a pull brought: the last state of each record, in the order first seen."""

    rows: dict[str, Row] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    cursor: str = ""
    pages: int = 0
    problems: int = 0
    ids: list[str | None] = field(default_factory=list)

    def add(self, page: Page) -> None:
        """Take a page in, as the mirror does: the last one counts."""
        for values in page.records.to_pylist():
            key = next(iter(values.values()))
            self.ids.append(key)
            self.rows[str(key)] = values
        for key in page.deleted:
            self.rows.pop(key, None)
        self.deleted.update(page.deleted)
        self.cursor, self.pages, self.problems = page.cursor, self.pages + 1, self.problems + len(page.problems)

    def name(self, record_id: str) -> str | None:
        """The record's name; None too where it did not come."""
        return self.rows.get(record_id, {}).get("name")


def pull(connector: Connector, spec: StreamSpec, cursor: str | None = None) -> Pulled:
    """A whole pull; every page has the schema of the spec."""
    pulled = Pulled()
    for page in connector.pull(spec, cursor):
        assert page.records.schema.equals(spec.arrow_schema()), f"a page of {spec.stream} has another schema"
        pulled.add(page)
    assert pulled.pages, f"the pull of {spec.stream} brought no page, so there is no cursor"
    return pulled


def equal(setting: Setting, stream: str, one: SourceField, wanted: str | None, got: str | None) -> bool:
    """Whether two canonical texts of a column mean the same."""
    if wanted is None or got is None:
        return wanted == got or (one.kind is Kind.BOOL and {wanted, got} == {None, "false"})
    if one.column in setting.instants.get(stream, frozenset()):
        moment = datetime.fromisoformat(got)
        assert moment.tzinfo is not None, f"{stream}.{one.column}: a point in time came without its zone: {got}"
        return moment == datetime.fromisoformat(wanted)
    if one.kind in {Kind.NUMBER, Kind.MONEY}:
        return Decimal(wanted) == Decimal(got)
    return wanted == got


def differences(setting: Setting, spec: StreamSpec, wanted: Row, got: Row) -> list[str]:
    """Columns that came back as something else."""
    return [
        f"{spec.stream}.{one.column}: {wanted[one.column]!r} came back as {got[one.column]!r}"
        for one in spec.fields[1:]
        if not equal(setting, spec.stream, one, wanted[one.column], got[one.column])
    ]


def label_field(rig: Rig, name: str) -> LabelField:
    """The field of a label; skips where the rig has it not."""
    for one in rig.setting.fields:
        if one.label.name == name:
            return one
    pytest.skip(f"the rig's fields do not hold the label {name}")


def ours(rig: Rig) -> tuple[LabelField, ...]:
    """The label fields that we write."""
    return tuple(one for one in rig.setting.fields if one.label.editor is Editor.OURS)


def write(
    rig: Rig, connector: Connector, wanted: Mapping[str, Row], expected: Mapping[str, Row] | None = None
) -> list[Outcome]:
    """Write labels by account id. Without `expected`, what the CRM holds now is expected."""
    source = accounts(rig).source
    held = expected or read(rig, connector, list(wanted))
    records = tuple(
        RecordWrite(key, values, {name: held.get(key, {}).get(name) for name in values})
        for key, values in wanted.items()
    )
    return connector.write(WriteRequest(source, ours(rig), records, rig.clock.now(), len(records)))


def read(rig: Rig, connector: Connector, ids: Sequence[str]) -> Mapping[str, Mapping[str, str | None]]:
    """Labels the CRM holds, by account id and label name."""
    return connector.read(accounts(rig).source, ids, rig.setting.fields)


def statuses(outcomes: Sequence[Outcome]) -> list[OutcomeStatus]:
    """The words only."""
    return [one.status for one in outcomes]


def breaks(rig: Rig, kind: Break) -> None:
    """Break something, or skip with the reason that the rig gives."""
    if kind not in rig.setting.breaks:
        pytest.skip(rig.setting.unbreakable or f"the rig cannot do this: {kind.value}")
    rig.break_with(kind)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Every log message of any logger at any level, formatted, for as long as this lasts."""
    heard: list[str] = []

    class _Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    root, ear = logging.getLogger(), _Ear()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(ear)
        root.setLevel(level)


def shown(error: KareError) -> str:
    """All that an error shows of itself and of what it came from."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__
    return " ".join(f"{part!s} {part!r}" for part in chain) + f" {error.where} {error.fix} {error.code}"
