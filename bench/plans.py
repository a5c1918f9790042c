"""Plans that write every account, for the benches of writing: values of their own every turn, one record in 500 bad."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
from pydantic import SecretStr

from crm_kare.clock import SystemClock
from crm_kare.journal import Journal, open_journal
from crm_kare.labels import LABELS, Editor, FieldType, Label
from crm_kare.ports import Connector, ConnectorFactory, Context, LabelField
from crm_kare.sync.difference import ACCOUNTS, AGREED, CHANGES, CONFLICTS
from crm_kare.sync.plan import Plan

ONE_IN: Final = 500
BAD: Final = "no such profile"
LONG: Final = "Last order 18 Jun 2026, usually every 52 days; silent for 156 days, three times the usual gap.\n" * 8
VALUES: Final = {FieldType.DATE: "2026-11-{:02}", FieldType.NUMBER: "{}", FieldType.LONG_TEXT: "{}. " + LONG}


def labels(*, one: bool) -> tuple[Label, ...]:
    """What is written: the profile alone, or all labels that we write by default."""
    ours = [label for label in LABELS if label.editor is Editor.OURS and label.default]
    return tuple(label for label in ours if not one or label.name == "Profile")


def value(label: Label, turn: int) -> str:
    """A value that differs from turn to turn."""
    if label.values:
        return label.values[turn % len(label.values)]
    return VALUES.get(label.type, "Reason {}: the last order is 156 days old").format(turn % 28 + 1)


def plan_of(ids: list[str], source: str, fields: tuple[LabelField, ...], turn: int) -> Plan:
    """A plan that writes these labels on every account of the object `source`."""
    cells = [(key, one.label, place) for place, key in enumerate(ids) for one in fields]
    changes = pa.table(
        {
            "account_id": [key for key, _, _ in cells],
            "label": [one.name for _, one, _ in cells],
            "old": [_held(one, place, turn - 1) for _, one, place in cells],
            "new": [_wanted(one, place, turn) for _, one, place in cells],
        },
        CHANGES,
    )
    blank = pa.nulls(len(ids), pa.string())
    accounts = pa.table([pa.array(ids), *[blank] * (len(ACCOUNTS) - 1)], schema=ACCOUNTS)
    empty = (CONFLICTS.empty_table(), AGREED.empty_table())
    return Plan("acme", date(2026, 11, 21), source, fields, changes, accounts, *empty)


def _wanted(label: Label, place: int, turn: int) -> str:
    return BAD if label.name == "Profile" and place % ONE_IN == 0 else value(label, turn)


def _held(label: Label, place: int, turn: int) -> str | None:
    """What the turn before left; refused records hold nothing."""
    return None if turn < 0 or place % ONE_IN == 0 else value(label, turn)


@contextmanager
def opened(
    connect: ConnectorFactory, environment: Mapping[str, str], folder: Path, burst_share: float = 0.9
) -> Iterator[tuple[Connector, Journal]]:
    """A connector that is logged in, and a journal."""
    secret = {name: SecretStr(text) for name, text in environment.items()}
    context = Context("acme", secret, SystemClock(), folder, folder, burst_share=burst_share)
    journal = open_journal(f"sqlite:///{folder / 'state.db'}")
    with closing(journal), closing(connect(context)) as connector:
        connector.organisation()
        yield connector, journal
