"""Writing: exactly the owned fields that change, one outcome per record, nothing created, nothing lost."""

import pytest

from crm_kare.labels import BY_NAME, FieldType
from crm_kare.model import Kind, OutcomeStatus
from crm_kare.ports import SourceField
from crm_kare.testing import steps
from crm_kare.testing.rig import Rig, Row

CHANGED, SAME, REJECTED = OutcomeStatus.CHANGED, OutcomeStatus.SAME, OutcomeStatus.REJECTED

_LABELS: dict[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: ("Last order 18 Jun 2026, usually every 52 days", "=1+1 is \"text\", 'too'"),
    FieldType.LONG_TEXT: ("First reason.\nSecond: 12,000 € → more.\n" * 20 + "Last.", "-only one"),
    FieldType.NUMBER: ("7", "100"),
    FieldType.DATE: ("2026-11-03", "2024-02-29"),
    FieldType.CHECKBOX: ("true", "false"),
}


def label_values(rig: Rig, number: int) -> Row:
    """A value for each of our labels that the rig has."""
    made = {}
    for one in steps.ours(rig):
        choices = one.label.values or _LABELS[one.label.type]
        made[one.label.name] = choices[number % len(choices)][: one.label.length or None]
    return made


def what_is_written_is_read_back(rig: Rig) -> None:
    """The round trip: `write`, `read`, `pull` agree, for every label type; formulas and line breaks included."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    wanted = {key: label_values(rig, number) for number, key in enumerate(ids)}
    assert steps.statuses(steps.write(rig, connector, wanted)) == [CHANGED, CHANGED]
    held = steps.read(rig, rig.connector(), ids)
    assert {key: {name: held[key][name] for name in wanted[key]} for key in ids} == wanted
    spec = steps.accounts(rig)
    extra = tuple(SourceField(f"crm_{one.label.name}", one.field, Kind.TEXT) for one in steps.ours(rig))
    pulled = steps.pull(rig.connector(), type(spec)(spec.stream, spec.source, spec.fields + extra, spec.options))
    texts = [one for one in steps.ours(rig) if one.label.type in {FieldType.TEXT, FieldType.PICKLIST}]
    for key in ids:
        assert {one.label.name: pulled.rows[key][f"crm_{one.label.name}"] for one in texts} == {
            one.label.name: wanted[key][one.label.name] for one in texts
        }


def nothing_else_is_touched(rig: Rig) -> None:
    """Full records before and after: the fields written changed on the accounts written, and nothing anywhere else."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 4)
    steps.write(rig, connector, {key: label_values(rig, 0) for key in ids})
    for key in ids[::2]:
        rig.edit_labels(key, {"Override": "Keep"})
    before = rig.records("accounts")
    label = steps.label_field(rig, "Reason")
    steps.write(rig, connector, {ids[0]: {"Reason": "Another"}, ids[1]: {"Reason": "Another"}})
    after = rig.records("accounts")
    moved = {
        (key, name)
        for key in before.keys() | after.keys()
        for name in before.get(key, {}).keys() | after.get(key, {}).keys()
        if before.get(key, {}).get(name) != after.get(key, {}).get(name) and name not in rig.setting.moving
    }
    assert moved == {(ids[0], label.field), (ids[1], label.field)}


def no_record_is_created_or_deleted(rig: Rig) -> None:
    """Writing to an id that the CRM does not know is rejected, and the CRM has the same records as before."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    rig.delete("accounts", ids[2])
    before = {stream: set(rig.records(stream)) for stream in rig.setting.specs}
    outcomes = steps.write(rig, connector, {key: {"Reason": "Hello"} for key in ids})
    assert steps.statuses(outcomes) == [CHANGED, CHANGED, REJECTED]
    assert outcomes[2].code
    assert {stream: set(rig.records(stream)) for stream in rig.setting.specs} == before
    assert ids[2] not in steps.read(rig, connector, ids)


def writing_twice_is_same(rig: Rig) -> None:
    """The second time nothing is written and every outcome is `same`, whatever was expected."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    wanted = {key: label_values(rig, 0) for key in ids}
    blank = {key: dict.fromkeys(wanted[key]) for key in ids}
    assert steps.statuses(steps.write(rig, connector, wanted, blank)) == [CHANGED] * 3
    before, written = rig.records("accounts"), connector.calls().write
    assert steps.statuses(steps.write(rig, connector, wanted, blank)) == [SAME] * 3
    assert rig.records("accounts") == before
    assert connector.calls().write == written


def batch_borders_hold(rig: Rig) -> None:
    """One less than a batch, and a whole one: all changed, all read back."""
    connector = steps.ready(rig)
    limit = min(connector.capabilities.write_batch, 200)
    ids = steps.seeded(rig, limit)
    for number, count in enumerate((limit - 1, limit)):
        some = ids[:count]
        wanted: dict[str, Row] = {key: {"Reason": f"Round {number}"} for key in some}
        assert steps.statuses(steps.write(rig, connector, wanted)) == [CHANGED] * count
        held = steps.read(rig, connector, some)
        assert {held[key]["Reason"] for key in some} <= {f"Round {number}"}
        assert len(held) == count


def one_bad_row_sinks_no_other(rig: Rig) -> None:
    """The record that the CRM refuses is rejected with the CRM's code, the others are changed, in the order given."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 5)
    rig.refuse(ids[2])
    outcomes = steps.write(rig, connector, {key: {"Reason": "Hello"} for key in ids})
    assert [one.account_id for one in outcomes] == ids
    assert steps.statuses(outcomes) == [CHANGED, CHANGED, REJECTED, CHANGED, CHANGED]
    assert outcomes[2].code
    held = steps.read(rig, connector, ids)
    assert [held.get(key, {}).get("Reason") for key in ids] == ["Hello", "Hello", None, "Hello", "Hello"]


def outcomes_come_in_the_order_given(rig: Rig) -> None:
    """One per record, whatever their fate: changed, same, rejected mixed, ids not in the CRM's order."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 4)
    steps.write(rig, connector, {ids[1]: {"Reason": "Hello"}})
    rig.refuse(ids[3])
    order = [ids[3], ids[1], ids[2], ids[0]]
    outcomes = steps.write(rig, connector, {key: {"Reason": "Hello"} for key in order})
    assert [one.account_id for one in outcomes] == order
    assert steps.statuses(outcomes) == [REJECTED, SAME, CHANGED, CHANGED]


def a_value_outside_the_picklist_is_rejected(rig: Rig) -> None:
    """It is never in the CRM, and sinks no other record."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 2)
    outcomes = steps.write(rig, connector, {ids[0]: {"Profile": "Nonsense"}, ids[1]: {"Profile": "Keep"}})
    assert steps.statuses(outcomes) == [REJECTED, CHANGED]
    held = steps.read(rig, connector, ids)
    assert [held[key]["Profile"] for key in ids] == [None, "Keep"]


def blank_is_written_as_blank(rig: Rig) -> None:
    """Clearing a label leaves it None, not an empty text, in `read` and on the CRM's side."""
    connector, (key,) = steps.ready(rig), steps.seeded(rig, 1)
    filled = label_values(rig, 0)
    steps.write(rig, connector, {key: filled})
    assert steps.statuses(steps.write(rig, connector, {key: dict.fromkeys(filled)})) == [CHANGED]
    held = steps.read(rig, connector, [key])[key]
    assert [held[name] for name in filled] == [None] * len(filled)
    here = rig.records("accounts")[key]
    assert [here.get(one.field) for one in steps.ours(rig)] == [None] * len(filled)


def an_empty_request_writes_nothing(rig: Rig) -> None:
    """No record, no outcome, no write call."""
    connector = steps.ready(rig)
    steps.seeded(rig, 1)
    before = connector.calls().write
    assert steps.write(rig, connector, {}, {}) == []
    assert connector.calls().write == before


def reading_writes_nothing(rig: Rig) -> None:
    """Check, schema, pull, read and a dry provision make no write call and leave every record as it was."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    before, written = rig.records("accounts"), connector.calls().write
    connector.check(list(rig.setting.specs.values()), rig.setting.fields)
    connector.schema(steps.accounts(rig).source, fill_rates=True)
    steps.pull(connector, steps.accounts(rig))
    steps.read(rig, connector, ids)
    connector.provision(steps.accounts(rig).source, rig.setting.fields, dry_run=True)
    assert rig.records("accounts") == before
    assert connector.calls().write == written


def accounts_that_are_gone_are_not_read(rig: Rig) -> None:
    """`read` leaves them out, and gives those that are there with every label asked."""
    connector, ids = steps.ready(rig), steps.seeded(rig, 3)
    rig.delete("accounts", ids[1])
    held = steps.read(rig, connector, ids)
    assert set(held) == {ids[0], ids[2]}
    assert set(held[ids[0]]) == {one.label.name for one in rig.setting.fields}
    assert steps.read(rig, connector, []) == {}


def every_label_the_rig_has_is_a_known_one(rig: Rig) -> None:
    """And the field names are those the connector gives: no field twice."""
    assert [one for one in rig.setting.fields if BY_NAME.get(one.label.name) != one.label] == []
    assert len({one.field for one in rig.setting.fields}) == len(rig.setting.fields)
    if not steps.ours(rig):
        pytest.fail("the rig has no label of ours, so the checks on writing would see nothing")
