"""Reading: what is in the CRM comes, once, as it is."""

from dataclasses import replace

import pytest

from crm_kare.errors import ConfigError
from crm_kare.model import Kind
from crm_kare.ports import SourceField
from crm_kare.testing import steps
from crm_kare.testing.records import HOSTILE, blank_row, row, rows
from crm_kare.testing.rig import Rig


def golden_rows_come_back_equal(rig: Rig) -> None:
    """Every stream, every kind: decimals exact, leap day, points in time with their zone, negative money."""
    for stream, spec in rig.setting.specs.items():
        seeded = steps.stream_rows(rig, stream, 3)
        ids = rig.seed(stream, seeded)
        pulled = steps.pull(steps.ready(rig), spec)
        assert set(ids) <= set(pulled.rows), f"records of {stream} are missing"
        wrong = [
            one
            for key, wanted in zip(ids, seeded, strict=True)
            for one in steps.differences(rig.setting, spec, wanted, pulled.rows[key])
        ]
        assert wrong == []


def blank_comes_back_as_none(rig: Rig) -> None:
    """Blank is None: not an empty text, not a zero, not left out."""
    spec = steps.accounts(rig)
    wanted = blank_row(rig.setting, "accounts")
    (key,) = rig.seed("accounts", [wanted])
    got = steps.pull(steps.ready(rig), spec).rows[key]
    assert steps.differences(rig.setting, spec, wanted, got) == []


def every_count_around_a_page_is_whole(rig: Rig) -> None:
    """0, 1, page - 1, page, page + 1 and two pages and one: nothing lost, nothing doubled, always a cursor."""
    connector, page, there = steps.ready(rig), rig.setting.page, 0
    for count in sorted({0, 1, page - 1, page, page + 1, 2 * page + 1}):
        rig.seed("accounts", rows(rig.setting, "accounts", count - there))
        there = max(there, count)
        pulled = steps.pull(connector, steps.accounts(rig))
        assert len(pulled.rows) == there, f"with {there} accounts in the CRM"
        assert len(pulled.ids) == there, f"records came twice, with {there} accounts in the CRM"
        assert pulled.cursor


def pages_are_yielded_one_by_one(rig: Rig) -> None:
    """After the first page the CRM was asked for less than after the last: nothing is collected in between."""
    connector = steps.ready(rig)
    steps.seeded(rig, 3 * rig.setting.page)
    before = rig.calls()
    pages = connector.pull(steps.accounts(rig), None)
    next(pages)
    first = rig.calls() - before
    assert len(list(pages)) >= 2
    whole = rig.calls() - before
    if whole == 0:
        pytest.skip("the rig counts no calls: a file is no server")
    assert first < whole


def ids_are_there_and_unique(rig: Rig) -> None:
    """No row without id, none twice, in each stream."""
    for stream, spec in rig.setting.specs.items():
        rig.seed(stream, steps.stream_rows(rig, stream, 3))
        pulled = steps.pull(steps.ready(rig), spec)
        assert len(pulled.ids) >= 3
        assert None not in pulled.ids
        assert len(set(pulled.ids)) == len(pulled.ids)


def pulling_twice_brings_the_same(rig: Rig) -> None:
    """Nothing moved, so the whole pull is the same, from another connector object too."""
    steps.seeded(rig, rig.setting.page + 2)
    one = steps.pull(steps.ready(rig), steps.accounts(rig))
    two = steps.pull(rig.connector(), steps.accounts(rig))
    assert len(one.rows) == rig.setting.page + 2
    assert one.rows == two.rows


def hostile_texts_come_back(rig: Rig) -> None:
    """Emoji, quotes, formulas, right-to-left, line breaks, numbers as text: as they were, ends trimmed at most."""
    spec = steps.accounts(rig)
    column = next((one.column for one in spec.fields if one.column == "name"), None)
    if column is None:
        pytest.skip("the rig does not map the account's name")
    ids = rig.seed("accounts", [row(rig.setting, "accounts", 0, name=text) for text in HOSTILE])
    got = steps.pull(steps.ready(rig), spec).rows
    names = [got[key][column] for key in ids]
    assert [name and name.strip() for name in names] == [text.strip() for text in HOSTILE]


def a_long_text_comes_back_whole(rig: Rig) -> None:
    """As long as the CRM's field takes."""
    text = "ä" * rig.setting.longest
    (key,) = rig.seed("accounts", [row(rig.setting, "accounts", 0, name=text)])
    assert steps.pull(steps.ready(rig), steps.accounts(rig)).rows[key]["name"] == text


def missing_fields_stop_the_pull_and_are_all_named(rig: Rig) -> None:
    """One ConfigError with every missing field, before any page."""
    steps.seeded(rig, 1)
    spec = steps.accounts(rig)
    wrong = tuple(SourceField(f"x_{name}", f"no_such_{name}", Kind.TEXT) for name in ("one", "two", "three"))
    with pytest.raises(ConfigError) as caught:
        steps.pull(steps.ready(rig), replace(spec, fields=spec.fields + wrong))
    assert [one.source for one in wrong if one.source not in str(caught.value)] == []


def only_mapped_fields_come(rig: Rig) -> None:
    """Fewer columns asked, fewer come, whatever the CRM holds beside."""
    spec = steps.accounts(rig)
    ids = steps.seeded(rig, 2)
    pulled = steps.pull(steps.ready(rig), replace(spec, fields=spec.fields[:2]))
    assert [list(pulled.rows[key]) for key in ids] == [[one.column for one in spec.fields[:2]]] * 2


def label_fields_come_with_the_accounts(rig: Rig) -> None:
    """A label field mapped as `crm_…` brings what the CRM holds in it, blank where nothing."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    label = steps.label_field(rig, "Override")
    rig.edit_labels(ids[0], {"Override": "Keep"})
    spec = steps.accounts(rig)
    wider = replace(spec, fields=(*spec.fields, SourceField("crm_Override", label.field, Kind.TEXT)))
    pulled = steps.pull(connector, wider)
    assert [pulled.rows[key]["crm_Override"] for key in ids] == ["Keep", None]
