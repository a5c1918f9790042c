"""A real PostgreSQL for tests, where its binaries and psycopg are there."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def server() -> Iterator[str]:
    """Address of a server of our own, on loopback, in a folder that goes away; the test is skipped where there is none."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: pip install 'psycopg[binary]'")
    folder = Path(tempfile.mkdtemp(prefix="kare-pg-"))
    if os.getuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    port, data = _free_port(), folder / "data"
    _as_postgres(binaries / "initdb", "-D", data, "-U", "kare", "--auth=trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    _as_postgres(binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql+psycopg://kare@127.0.0.1:{port}/postgres"
    _as_postgres(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


def stop(data: Path) -> None:
    """End a server at once, as a power cut would; `data` is its folder (`SHOW data_directory`)."""
    _pg_ctl(data, "-m", "immediate", "stop")


def restart(data: Path) -> None:
    """Start a server as it was started before, after an end at once where it runs; it takes connections then."""
    _pg_ctl(data, "-l", str(data.parent / "log"), "-m", "immediate", "restart")


def _pg_ctl(data: Path, *words: str) -> None:
    binaries = _binaries()
    assert binaries
    _as_postgres(binaries / "pg_ctl", "-D", data, "-w", *words)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


def _as_postgres(*command: str | Path) -> None:
    """Run a command as somebody who is not root, which PostgreSQL refuses to be."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    subprocess.run([*user, *map(str, command)], check=True, capture_output=True, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
