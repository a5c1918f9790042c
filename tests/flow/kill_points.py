"""Where a run can be killed: at every commit, call, rename and sync of a file, before it and after it, and after so much work.

Used inside the process that is to die. What kills it is SIGKILL, or the kernel's own end of a process whose time is up:
no handler of ours runs, nothing is closed or flushed.
"""

import http.client
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect


class Points:
    """Counts the points passed by their names, and kills the process at one of them.

    Args:
        name: of the point to die at; empty = none.
        number: how often it is passed until then.
        log: file that takes the names in order; the last line is the point of death.
    """

    def __init__(self, name: str, number: int, log: Path) -> None:
        self._name, self._left = name, number
        self._lock = threading.Lock()
        self._log = log.open("a", buffering=1)

    def passed(self, name: str) -> None:
        """A point."""
        with self._lock:
            self._log.write(name + "\n")
            if name == self._name:
                self._left -= 1
                if self._left <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: Callable[..., str], real: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a point before and one after it."""

        def surrounded(*args: Any, **options: Any) -> Any:
            told = name(*args)
            self.passed(f"before {told}")
            answer = real(*args, **options)
            self.passed(f"after {told}")
            return answer

        return surrounded


def prepare(told: Mapping[str, Any]) -> None:
    """Make this process die as it is told: `point`, `number` and `log`, or after `work` seconds of computing."""
    if "work" in told:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, told["work"])
    if "log" not in told:
        return
    points = Points(told.get("point", ""), told.get("number", 1), Path(told["log"]))
    written: dict[int, str] = {}

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if found := re.match(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", statement):
            written[threading.get_ident()] = found[1]

    def commit(*_args: Any) -> str:
        return f"commit of {written.pop(threading.get_ident(), 'nothing')}"

    sa.event.listen(Engine, "before_cursor_execute", note)
    patched: list[tuple[Any, str, Callable[..., str]]] = [
        (DefaultDialect, "do_commit", commit),
        (http.client.HTTPConnection, "putrequest", lambda _self, method, path, *_rest: f"call {_kind(method, path)}"),
        (http.client.HTTPConnection, "getresponse", lambda *_args: "answer"),
        (os, "fsync", lambda *_args: "sync of a file"),
        (os, "replace", lambda *_args: "rename of a file"),
    ]
    for place, name, words in patched:
        setattr(place, name, points.around(words, getattr(place, name)))


def _kind(method: str, path: str) -> str:
    """What a call is for: the address without ids, versions and what is asked."""
    plain = re.sub(r"/v\d+(\.\d+)?(?=/)|/(?=\w*\d)\w{10,}", "", path.partition("?")[0])
    return f"{method} {plain}"


def passed_in(log: Path) -> list[str]:
    """The points that a run has passed, by its log."""
    return log.read_text().splitlines() if log.exists() else []


def occurrences(log: Path) -> Counter[str]:
    """How often a run has passed each point."""
    return Counter(passed_in(log))
