"""A value is read alike, whether its column is all plain or holds something odd beside it."""

from contextlib import closing

import pyarrow as pa
import pytest

from crm_kare.model import Kind
from crm_kare.ports import SourceField, StreamSpec
from crm_kare.sync.plain import is_instant, plain_column
from crm_kare.sync.typed import Typer

PLAIN = {
    Kind.TEXT: ["a", "Zürich 😀", " ends kept ", "1"],
    Kind.NUMBER: ["1", "-12.50", "3.5E8", "9.9213206E7", "+5", ".5", "5.", "99999999999999.9999", "1.0000000"],
    Kind.BOOL: ["true", "false"],
    Kind.DATE: ["2026-11-03", "0001-01-01", "9999-12-31", "2024-02-29"],
}
INSTANTS = [
    "2026-03-29T00:59:59Z",
    "2026-03-29T22:30:00Z",
    "2026-10-25T22:59:59Z",
    "1969-12-31T23:30:00Z",
    "2026-11-03T23:30:00Z",
]
ODD = {Kind.TEXT: "a\0b", Kind.NUMBER: "1.23456", Kind.BOOL: "TRUE", Kind.DATE: "2026-11-03T10:00:00+02:00"}


def typed(kind: Kind, texts: list[str | None], timezone: str) -> list[object]:
    spec = StreamSpec("accounts", "Account", (SourceField("x", "X", kind),))
    with closing(Typer(spec, timezone)) as typer:
        found: list[object] = typer.convert(pa.table({"x": pa.array(texts, pa.string())})).column("x").to_pylist()
    return found


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu"])
@pytest.mark.parametrize(("kind", "texts"), [*PLAIN.items(), (Kind.DATE, INSTANTS)])
def test_plain_and_beside_an_odd_value_alike(kind: Kind, texts: list[str], timezone: str) -> None:
    column = pa.chunked_array([pa.array([*texts, None])])
    assert plain_column(column, kind) is not None
    assert is_instant(plain_column(column, kind)) == (texts is INSTANTS)
    assert plain_column(pa.chunked_array([pa.array([*texts, ODD[kind]])]), kind) is None
    assert typed(kind, [*texts, None], timezone) == typed(kind, [*texts, None, ODD[kind]], timezone)[:-1]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.TEXT, ""),
        (Kind.NUMBER, " 1"),
        (Kind.NUMBER, "100000000000000"),
        (Kind.NUMBER, "1_000"),
        (Kind.BOOL, "yes"),
        (Kind.DATE, "2026-02-30"),
        (Kind.DATE, "0000-01-01"),
        (Kind.DATE, "2026-11-03T23:30Z---"),
    ],
)
def test_what_is_not_plain_is_left_to_the_engine(kind: Kind, text: str) -> None:
    assert plain_column(pa.chunked_array([pa.array([text])]), kind) is None


def test_nothing_is_plain() -> None:
    for kind in Kind:
        for texts in ([], [None, None]):
            assert typed(kind, list(texts), "UTC") == texts
