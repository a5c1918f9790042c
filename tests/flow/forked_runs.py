"""Runs of `crm-kare` as processes that can be killed, forked from one that has imported everything: a second each, not five.

As a script: reads the arguments of a run as a line of JSON, answers with the process's id.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class ForkedRuns:
    """Starts runs; made by `forked_runs`."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def start(self, *arguments: str) -> int:
        """The id of a process that runs `crm-kare` with these arguments."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(arguments) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


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
    command = [sys.executable, "-W", "ignore", str(Path(__file__))]
    with subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            yield ForkedRuns(server)
        finally:
            server.kill()


def _run(arguments: Sequence[str]) -> None:
    from crm_kare.cli import main  # noqa: PLC0415  the tests import this module too

    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    sys.argv = ["crm-kare", *arguments]
    main()


def _serve() -> None:
    for name in ("crm_kare.cli", "crm_kare.sync.flow", "crm_kare_salesforce.connector", "crm_kare_hubspot.connector"):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if not (pid := os.fork()):
            _run(json.loads(line))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
