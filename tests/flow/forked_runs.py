"""Runs of `crm-kare` as processes that can be killed, forked from one that has imported everything: a second each, not five.

As a script: reads the arguments of a run, and how it shall die, as a line of JSON; answers with the process's id.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

PATIENCE = 300.0


class ForkedRuns:
    """Starts runs; made by `forked_runs`."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def start(self, *arguments: str, **doom: Any) -> int:
        """The id of a process that runs `crm-kare` with these arguments.

        Words of `doom`: `moved` (seconds by which its clock differs), and those of `flow.kill_points.prepare`.
        """
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps({"arguments": arguments, **doom}) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def until_over(self, pid: int) -> None:
        """Wait until a process is no more."""
        end = time.monotonic() + PATIENCE
        while alive(pid):
            assert time.monotonic() < end, "the run hangs"
            time.sleep(0.002)


def alive(pid: int) -> bool:
    """Whether the process is there; the server's system reaps ended ones by itself."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def forked_runs(environment: Mapping[str, str]) -> Iterator[ForkedRuns]:
    """A server of runs, for the length of the block."""
    command = [sys.executable, "-W", "ignore", "-m", "flow.forked_runs"]
    ours = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    with subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, ours)), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            yield ForkedRuns(server)
        finally:
            server.kill()


def _run(told: dict[str, Any]) -> None:
    from flow.kill_points import prepare  # noqa: PLC0415  it imports the product

    from crm_kare.cli import door, main  # noqa: PLC0415  the tests import this module too
    from crm_kare.clock import SystemClock  # noqa: PLC0415  the same

    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    moved = timedelta(seconds=told.get("moved", 0))

    class MovedClock(SystemClock):
        def now(self) -> Any:
            return super().now() + moved

    vars(door)["SystemClock"] = MovedClock
    prepare(told)
    sys.argv = ["crm-kare", *told["arguments"]]
    main()


def _serve() -> None:
    for name in (
        "crm_kare.cli.show",
        "crm_kare.sync.flow",
        "crm_kare_salesforce.connector",
        "crm_kare_hubspot.connector",
        "flow.kill_points",
        "ibis.backends.duckdb",
    ):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if not (pid := os.fork()):
            try:
                _run(json.loads(line))
            finally:
                os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
