"""Applying a plan: what is handed over and in which order, and what is journalled when calls fail or a stop is asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from flow.tables import Rows, fields, judged, plan_of, present, written

from crm_kare.errors import BusyError, InterruptedRun, KareError, QuotaError, RetryError
from crm_kare.journal import Journal, open_journal
from crm_kare.labels import BY_NAME, FieldType
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import NOT_SENT, Capabilities, Connector, LabelField, WriteRequest
from crm_kare.sync.apply import apply
from crm_kare.sync.plan import Plan, make_plan
from crm_kare.sync.policy import Compared, Policy
from crm_kare.sync.wanted import wanted
from crm_kare.testing.clock import MORNING, FakeClock

CHANGED, CONFLICT, UNKNOWN = OutcomeStatus.CHANGED, OutcomeStatus.CONFLICT, OutcomeStatus.UNKNOWN
IDS = ("a1", "a2", "a3", "a4", "a5", "a6")
Answer = Callable[[WriteRequest], list[Outcome]]


class Scripted:
    """Answers each write as told, then takes all; holds what it took."""

    capabilities = Capabilities(frozenset({"accounts"}), write_batch=2, bulk_from=100, bulk_batch=50)

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.requests = list(answers), list[WriteRequest]()
        self.held: dict[str, Mapping[str, str | None]] = {}
        self.awaited = 0

    def write(self, request: WriteRequest) -> list[Outcome]:
        self.requests.append(request)
        return self.answers.pop(0)(request) if self.answers else self.take(request)

    def take(self, request: WriteRequest) -> list[Outcome]:
        self.held |= {one.account_id: one.values for one in request.records}
        return [Outcome(one.account_id, CHANGED) for one in request.records]

    def first_then(self, rest: str) -> Answer:
        """Takes the first record of a request; the others are unknown with this code."""

        def answer(request: WriteRequest) -> list[Outcome]:
            self.held[request.records[0].account_id] = request.records[0].values
            lost = [Outcome(one.account_id, UNKNOWN, rest) for one in request.records[1:]]
            return [Outcome(request.records[0].account_id, CHANGED), *lost]

        return answer

    def await_writes(self, _source: str) -> None:
        self.awaited += 1

    def read(self, _source: str, ids: Sequence[str], _fields: Sequence[LabelField]) -> Mapping[str, Any]:
        return {one: self.held.get(one, {}) for one in ids}


def over(_request: WriteRequest) -> list[Outcome]:
    raise QuotaError("The allowance is used up.")


def none_taken(request: WriteRequest) -> list[Outcome]:
    return [Outcome(one.account_id, UNKNOWN, NOT_SENT) for one in request.records]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(f"sqlite:///{tmp_path / 'state.db'}")
    opened.runs.start("r1", "acme", MORNING)
    yield opened
    opened.close()


def plan() -> Plan:
    return plan_of({one: {"profile": "Keep"} for one in IDS}, {one: {} for one in IDS}, names=("Profile",))


def applied(
    connector: Scripted, journal: Journal, made: Plan, stop: Callable[[], bool] = lambda: False
) -> tuple[list[Outcome], KareError | None]:
    """Outcomes, and the error it ended by."""
    found: list[Outcome] = []
    try:
        for outcomes in apply(
            cast("Connector", connector), journal, made, "r1", FakeClock(), read_at=MORNING, stop=stop
        ):
            found += outcomes
    except KareError as error:
        return found, error
    return found, None


def fates(journal: Journal) -> dict[str, str]:
    """What the journal says of each account."""
    return {
        one.change.account_id: f"{one.outcome.status} {one.outcome.code}".strip() if one.outcome else "?"
        for one in journal.changes.of_run("r1")
    }


def test_batches_follow_each_other_in_the_plans_order(journal: Journal) -> None:
    connector = Scripted()
    outcomes, error = applied(connector, journal, plan())
    assert error is None
    assert [one.account_id for one in outcomes] == list(IDS)
    assert [len(one.records) for one in connector.requests] == [2, 2, 2]
    assert {one.planned for one in connector.requests} == {6}
    assert fates(journal) == dict.fromkeys(IDS, "changed")


def test_a_quota_in_mid_plan_leaves_the_rest_to_the_next_run(journal: Journal) -> None:
    connector = Scripted()
    connector.answers = [connector.take, connector.first_then(NOT_SENT), over]
    outcomes, error = applied(connector, journal, plan())
    assert isinstance(error, QuotaError)
    assert [one.status for one in outcomes] == [CHANGED, CHANGED, CHANGED], "what was not sent is nobody's conflict"
    assert fates(journal) == {**dict.fromkeys(IDS[:3], "changed"), **dict.fromkeys(IDS[3:], "conflict not-written")}
    assert journal.changes.unsettled("acme") == []
    assert journal.changes.waiting("acme", MORNING) == frozenset()


def test_a_call_refused_whole_is_known_not_to_have_written(journal: Journal) -> None:
    outcomes, error = applied(Scripted(over), journal, plan())
    assert (outcomes, type(error)) == ([], QuotaError)
    assert set(fates(journal).values()) == {"conflict not-written"}


def test_what_was_not_sent_is_sent_once_more_without_reading(journal: Journal) -> None:
    connector = Scripted()
    connector.answers = [connector.first_then(NOT_SENT)]
    outcomes, error = applied(connector, journal, plan())
    assert error is None
    assert {one.status for one in outcomes} == {CHANGED}
    assert [one.account_id for one in connector.requests[1].records] == ["a2"]
    assert connector.awaited == 0


def test_what_the_crm_never_takes_ends_the_run_as_unavailable(journal: Journal) -> None:
    connector = Scripted()
    connector.answers = [connector.first_then(NOT_SENT), none_taken]
    outcomes, error = applied(connector, journal, plan())
    assert isinstance(error, RetryError)
    assert [one.status for one in outcomes] == [CHANGED]
    assert fates(journal)["a2"] == "conflict not-written"
    assert journal.changes.unsettled("acme") == []


def test_before_lost_answers_are_read_back_what_is_under_way_is_awaited(journal: Journal) -> None:
    connector = Scripted()
    connector.answers = [connector.first_then("ANSWER_LOST")]
    outcomes, error = applied(connector, journal, plan())
    assert error is None
    assert {one.status for one in outcomes} == {CHANGED}
    assert connector.awaited == 1


def test_after_a_stop_nothing_is_read_back_or_sent_again(journal: Journal) -> None:
    connector = Scripted()
    connector.answers = [connector.first_then(NOT_SENT)]
    outcomes, error = applied(connector, journal, plan(), stop=lambda: bool(connector.requests))
    assert isinstance(error, InterruptedRun)
    assert len(connector.requests) == 1
    assert [one.status for one in outcomes] == [CHANGED]
    assert journal.changes.unsettled("acme") == []
    assert fates(journal)["a1"] == "changed"
    assert set(fates(journal)) <= set(IDS[:4])


def test_what_was_written_is_journalled_where_another_run_takes_over_in_the_middle(journal: Journal) -> None:
    connector = Scripted()
    connector.answers = [connector.first_then("ANSWER_LOST")]

    def taken_over() -> bool:
        if connector.requests:
            raise BusyError("Another run took over.")
        return False

    _, error = applied(connector, journal, plan(), stop=taken_over)
    assert isinstance(error, BusyError)
    assert (fates(journal)["a1"], fates(journal)["a2"]) == ("changed", "unknown ANSWER_LOST")


# groups


def grouped(parents: Mapping[str, str | None]) -> dict[str, str]:
    """The group that each account is handed over with."""
    want: Rows = {one: {"profile": "Keep"} for one in sorted(parents)}
    table = present({one: {} for one in parents}, "Profile")
    table = table.append_column("parent_id", pa.array(list(parents.values()), pa.string()))
    made = make_plan(
        "acme", "Account", MORNING.date(), Compared(judged(want), table, written({})), Policy(fields("Profile"))
    )
    return {str(row["account_id"]): str(row["group_id"]) for row in made.accounts.to_pylist()}


def test_records_go_with_the_top_of_their_group() -> None:
    parents = {"top": None, "mid": "top", "low": "mid", "alone": None, "far": "elsewhere", "blank": ""}
    assert grouped(parents) == {
        "top": "top", "mid": "top", "low": "top", "alone": "alone", "far": "elsewhere", "blank": "blank",
    }  # fmt: skip


def test_deep_groups_are_found_and_cycles_end() -> None:
    chain: dict[str, str | None] = {f"n{place:02}": f"n{place - 1:02}" for place in range(1, 16)}
    assert set(grouped({"n00": None, **chain}).values()) == {"n00"}
    assert set(grouped({"x": "y", "y": "x", "z": "z"}).values()) <= {"x", "y", "z"}


def test_the_group_reaches_the_connector(journal: Journal) -> None:
    connector, made = Scripted(), plan()
    place = made.accounts.schema.get_field_index("group_id")
    groups = pa.array(["g", "g", None, "h", "h", None], pa.string())
    made = Plan(**{**vars(made), "accounts": made.accounts.set_column(place, "group_id", groups)})
    applied(connector, journal, made)
    assert [one.group for request in connector.requests for one in request.records] == ["g", "g", "", "h", "h", ""]


# lengths


@pytest.mark.parametrize("name", [name for name, one in BY_NAME.items() if one.type is FieldType.TEXT and one.length])
def test_no_text_is_longer_than_its_field(name: str) -> None:
    label = BY_NAME[name]
    table = judged({"a": {"profile": "Keep"}})
    column = name.lower()
    long = pa.array(["word " * 100], pa.string())
    table = table.drop_columns([column]) if column in table.column_names else table
    (text,) = wanted(table.append_column(column, long), (label,))[name].to_pylist()
    assert text is not None
    assert len(text) <= label.length
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("planned", "sizes"), [(0, []), (7, [7]), (8, [8]), (19, [3, 8, 8]), (100, [50, 50]), (130, [30, 50, 50])]
)
def test_what_is_left_over_goes_first_so_that_the_first_call_leaves_soon(planned: int, sizes: list[int]) -> None:
    able = Capabilities(frozenset({"accounts"}), write_batch=8, bulk_from=100, bulk_batch=50)
    assert list(able.batches(planned)) == sizes
