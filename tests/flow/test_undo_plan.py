"""The plan of an undo, from hand-made tables."""

from collections.abc import Sequence

import pyarrow as pa
from flow.tables import DAY, changed, fields, present

from crm_kare.sync.undone import Undoing, undo_plan

NAMES = ("Profile", "Computed_Profile", "ICP_Score", "Reason")
Cell = tuple[str, str, str | None, str | None]


def undoing(cells: Sequence[Cell], crm: dict[str, dict[str, str]], *, mapped: Sequence[str] = NAMES) -> Undoing:
    """Of changes (account, label, old, new), and of what the CRM holds."""
    rows = [
        {"account_id": one, "label": label, "field": f"KARE_{label}__c", "old": old, "new": new}
        for one, label, old, new in cells
    ]
    names = ("account_id", "label", "field", "old", "new")
    table = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names]))
    return undo_plan("r1", "acme", "Account", DAY, table, present(crm, *NAMES), fields(*mapped))


def test_what_the_crm_still_holds_is_taken_back_however_it_writes_it() -> None:
    cells = [("a", "ICP_Score", "80", "87"), ("a", "Reason", None, "one\ntwo"), ("b", "Profile", "Keep", None)]
    made = undoing(cells, {"a": {"ICP_Score": "87.0", "Reason": "one\r\ntwo "}, "b": {}})
    assert changed(made.plan) == {
        ("a", "ICP_Score"): ("87", "80"),
        ("a", "Reason"): ("one\ntwo", None),
        ("b", "Profile"): (None, "Keep"),
    }
    assert made.left.num_rows == 0
    assert (made.plan.undoes, made.plan.whole) == ("r1", False)


def test_the_rest_is_left_each_for_its_reason() -> None:
    cells = [
        ("a", "Profile", "Keep", "Expand"),
        ("a", "Reason", "old", "new"),
        ("gone", "Profile", "Keep", "Expand"),
        ("back", "Profile", "Keep", "Expand"),
    ]
    held = {"a": {"Profile": "Attain", "Reason": "new"}, "back": {"Profile": "Keep"}}
    made = undoing(cells, held, mapped=("Profile", "Computed_Profile"))
    assert made.plan.empty()
    assert made.left.to_pylist() == [
        {
            "account_id": "a",
            "label": "Profile",
            "before": "Keep",
            "ours": "Expand",
            "present": "Attain",
            "why": "moved",
        },
        {"account_id": "a", "label": "Reason", "before": "old", "ours": "new", "present": None, "why": "not mapped"},
        {"account_id": "gone", "label": "Profile", "before": "Keep", "ours": "Expand", "present": None, "why": "gone"},
    ]


def test_moves_of_the_computed_profile_are_counted_and_nothing_is_a_plan_of_nothing() -> None:
    cells = [(one, "Computed_Profile", None, "Expand") for one in "abc"]
    made = undoing(cells, {one: {"Computed_Profile": "Expand"} for one in "abc"})
    assert made.plan.by_transition() == {"Expand>none": 3}
    nothing = undoing([], {"a": {}})
    assert (nothing.plan.empty(), nothing.left.num_rows) == (True, 0)
