"""Runs that are asked to stop, and those that go on after them."""

from flow.worlds import World

from crm_kare.http import Trouble
from crm_kare.model import RunStatus
from crm_kare.sync.flow import Options, sync
from crm_kare.sync.result import exit_code
from crm_kare.testing.memory import Fault

FORCE = Options(force=True)


def test_a_stopped_run_is_continued_by_the_next(world: World) -> None:
    world.add("acme")
    for number in range(12):
        world.account("acme", f"a{number:02}")
    runtime = world.open()
    (stopped,) = sync(runtime, [], FORCE, stop=lambda: world.crms["acme"].calls.write > 1)
    assert (stopped.status, stopped.exit_code) == (RunStatus.INTERRUPTED, 143)
    assert 0 < stopped.applied.changed < 12
    assert exit_code([stopped]) == 143
    (rest,) = sync(runtime)
    assert stopped.applied.changed + rest.applied.changed == 12
    assert rest.applied.conflict == 0
    runtime.close()


def test_a_stop_that_cuts_a_wait_for_the_crm_short_is_a_stop(world: World) -> None:
    world.add("acme")
    world.account("acme", "a1")
    world.crms["acme"].fail(Fault(Trouble("server", 503), 0, "read"))
    runtime = world.open()
    (down,) = sync(runtime, [], FORCE)
    (stopped,) = sync(runtime, [], FORCE, stop=lambda: True)
    assert (down.status, down.exit_code) == (RunStatus.UNAVAILABLE, 7)
    assert (stopped.status, stopped.exit_code) == (RunStatus.INTERRUPTED, 143)
    runtime.close()
