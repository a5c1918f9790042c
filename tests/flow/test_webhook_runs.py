"""Runs that take in single records which a CRM told of: only those, at a few calls, and the next sync misses nothing for it."""

from collections.abc import Callable
from typing import Any

import pytest
from flow.worlds import World

from crm_kare.errors import ConfigError, RetryError
from crm_kare.journal import Pointer
from crm_kare.model import RunStatus
from crm_kare.ports import Connector, Page, StreamSpec
from crm_kare.sync.flow import Options, pull_only, sync
from crm_kare.sync.judge import present_values
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

Acme = tuple[World, Runtime]


@pytest.fixture
def synced(acme: Acme) -> Acme:
    """Four accounts, pulled and labelled an hour ago."""
    world, runtime = acme
    assert sync(runtime, ["acme"], Options(force=True))[0].exit_code == 0
    world.clock.advance(3600)
    return acme


def take_in(runtime: Runtime, *accounts: str, **others: str) -> RunResult:
    """A run for these accounts, and for one record each of other streams."""
    touched = {"accounts": frozenset(accounts)} if accounts else {}
    (result,) = sync(
        runtime, ["acme"], Options(touched=touched | {name: frozenset({one}) for name, one in others.items()})
    )
    return result


def pointers(runtime: Runtime) -> dict[str, Pointer]:
    return {one.stream: one for one in runtime.journal.pointers.all("acme")}


def names(runtime: Runtime) -> dict[str, str]:
    return {row["account_id"]: row["name"] for row in present_values(runtime, "acme").to_pylist()}


def test_only_what_was_told_of_is_taken_in_and_the_next_sync_brings_the_rest(synced: Acme) -> None:
    world, runtime = synced
    pull_only(runtime, "acme")
    world.clock.advance(60)
    before = pointers(runtime)
    for account in ("a1", "a2"):
        world.crms["acme"].edit("accounts", account, {"name": f"New name of {account}"})
    result = take_in(runtime, "a1")
    assert (result.status, result.exit_code) == (RunStatus.DONE, 0)
    assert (result.to_json()["pulled"], result.calls.write) == ({"accounts": 1, "opportunities": 0, "deleted": 0}, 0)
    assert result.calls.read <= 4
    assert names(runtime) | {"a1": "", "a2": ""} == {"a1": "", "a2": "", "a3": "Firm a3", "a4": "Firm a4"}
    assert (names(runtime)["a1"], names(runtime)["a2"]) == ("New name of a1", "Firm a2")
    after = pointers(runtime)
    assert {name: (one.cursor, one.pulled_at) for name, one in after.items()} == {
        name: (one.cursor, one.pulled_at) for name, one in before.items()
    }
    sync(runtime, ["acme"])
    assert names(runtime)["a2"] == "New name of a2"


@pytest.mark.slow
def test_labels_are_brought_up_to_date_and_the_journal_says_what_run_it_was(synced: Acme) -> None:
    world, runtime = synced
    world.verdict["a3"] = "Expand"
    result = take_in(runtime, "a3")
    assert (result.applied.changed, result.planned.by_transition) == (1, {"Keep>Expand": 1})
    assert world.labels("acme", "a3")["Profile"] == "Expand"
    run = runtime.journal.runs.get(result.run_id)
    assert run is not None
    assert (run.verb, run.status) == ("webhook", RunStatus.DONE)
    assert take_in(runtime, "a3").to_json()["planned"]["accounts"] == 0


def test_a_persons_override_counts_in_the_moment(synced: Acme) -> None:
    world, runtime = synced
    world.edit("acme", "a2", Override="Recapture")
    take_in(runtime, "a2")
    assert (world.labels("acme", "a2")["Profile"], world.labels("acme", "a2")["Computed_Profile"]) == (
        "Recapture",
        "Keep",
    )


def test_labels_written_since_the_last_pull_are_not_taken_for_a_persons(synced: Acme) -> None:
    world, runtime = synced
    world.verdict["a2"] = "Expand"
    assert sync(runtime, ["acme"])[0].applied.changed == 1
    result = take_in(runtime, "a1")
    assert result.pulled is not None
    assert (result.problems, result.planned.accounts, result.pulled.accounts) == ((), 0, 2)


@pytest.mark.slow
def test_what_people_typed_elsewhere_meanwhile_is_not_written_over(synced: Acme) -> None:
    """Of the other accounts the mirror knows what the last pull brought."""
    world, runtime = synced
    world.edit("acme", "a4", Reason="Typed by Ann")
    world.verdict["a4"] = "Expand"
    result = take_in(runtime, "a1")
    assert (result.applied.conflict, result.applied.changed) == (1, 0)
    assert world.labels("acme", "a4")["Reason"] == "Typed by Ann"


@pytest.mark.slow
def test_what_belonged_to_an_account_that_is_gone_comes_along(synced: Acme) -> None:
    """A merge moves the deals to the account that stays, and no date of theirs with it."""
    world, runtime = synced
    crm = world.crms["acme"]
    world.buys("acme", "a1", world.clock.now().date())
    sync(runtime, ["acme"])
    (deal,) = crm.records("opportunities")
    crm.delete("accounts", "a1")
    crm.edit("opportunities", deal, {"account_id": "a2"})
    result = take_in(runtime, "a1")
    assert result.to_json()["pulled"] == {"accounts": 0, "opportunities": 1, "deleted": 1}
    assert set(names(runtime)) == {"a2", "a3", "a4"}
    sync(runtime, ["acme"])
    assert "a1" not in names(runtime)


def test_nothing_is_taken_in_before_the_first_pull(acme: Acme) -> None:
    _, runtime = acme
    result = take_in(runtime, "a1")
    assert ([one.code for one in result.problems], result.status) == (["left-to-sync"], RunStatus.DONE)
    assert not runtime.mirror("acme").exists()


@pytest.mark.slow
def test_where_a_pull_was_stopped_the_next_one_goes_on_first(synced: Acme) -> None:
    world, runtime = synced
    for number in range(60):
        world.account("acme", f"b{number:02d}")
    asked = iter((False, True, True, True))
    (stopped,) = sync(runtime, ["acme"], stop=lambda: next(asked, True))
    assert stopped.status is RunStatus.INTERRUPTED
    assert [one.code for one in take_in(runtime, "a1").problems] == ["left-to-sync"]
    assert pull_only(runtime, "acme").exit_code == 0
    assert len(names(runtime)) == 64
    assert take_in(runtime, "a1").problems == ()


@pytest.mark.slow
def test_where_the_mapping_changed_everything_is_pulled_first(synced: Acme) -> None:
    world, runtime = synced
    file = world.folder / "acme.yaml"
    file.write_text(file.read_text().replace(", owner: owner", ""))
    assert [one.code for one in take_in(runtime, "a1").problems] == ["left-to-sync"]


class Failing:
    """Fetches one stream and then fails."""

    def __init__(self, inner: Connector, error: Exception) -> None:
        self._inner, self._error = inner, error

    def fetch(self, spec: StreamSpec, ids: list[str]) -> Page:
        if spec.stream == "accounts":
            return self._inner.fetch(spec, ids)
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def failing(error: Exception) -> Callable[[Connector], Any]:
    return lambda inner: Failing(inner, error)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "status"), [(RetryError("Gone home."), "unavailable"), (ConfigError("No field."), "failed")]
)
def test_a_fetch_that_fails_leaves_the_mirror_as_it_was(synced: Acme, error: Exception, status: str) -> None:
    world, runtime = synced
    world.crms["acme"].edit("accounts", "a1", {"name": "Renamed"})
    world.wrap = failing(error)
    assert take_in(runtime, "a1", opportunities="o1").status == status
    world.wrap = lambda inner: inner
    assert names(runtime)["a1"] == "Firm a1"
    assert take_in(runtime, "a1").exit_code == 0
    assert names(runtime)["a1"] == "Renamed"


@pytest.mark.slow
def test_a_mirror_that_would_shrink_too_much_stays(synced: Acme) -> None:
    world, runtime = synced
    for account in ("a1", "a2", "a3", "a4"):
        world.crms["acme"].delete("accounts", account)
    result = take_in(runtime, "a1", "a2", "a3", "a4")
    assert (result.status, result.problems[0].code) == (RunStatus.REFUSED, "mirror-shrank")
    assert len(names(runtime)) == 4
