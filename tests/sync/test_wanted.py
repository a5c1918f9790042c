"""What the text of `Reasons` holds."""

import pyarrow as pa

from crm_kare.labels import BY_NAME
from crm_kare.sync.wanted import wanted

ANSWERS = ["1. a market we have experience in: yes", "4. we have less than the set share of its purchases: not asked"]
LABELS = pa.table(
    {
        "account_id": ["expand", "keep"],
        "reasons": [["Room; 12 orders", "ICP 72 of 100"], ["12 orders"]],
        "runner_up": ["Keep, once the room named is used up", None],
        "plan_test": ["1/6", None],
        "plan_answers": [ANSWERS, []],
    }
)


def reasons(*names: str) -> list[str | None]:
    told: list[str | None] = wanted(LABELS, [BY_NAME[name] for name in names])["Reasons"].to_pylist()
    return told


def test_reasons_and_runner_up_stand_on_a_line_each() -> None:
    assert reasons("Reasons") == [
        "Room; 12 orders\nICP 72 of 100\nRunner-up: Keep, once the room named is used up",
        "12 orders",
    ]


def test_the_plan_tests_answers_stand_there_where_it_is_written_too() -> None:
    """They move with it, so that without it they would only make the text restless."""
    first = "Room; 12 orders\nICP 72 of 100\n{}\nRunner-up: Keep, once the room named is used up"
    assert reasons("Plan_Test", "Reasons") == [first.format("\n".join(ANSWERS)), "12 orders"]
