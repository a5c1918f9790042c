"""Services on loopback that take messages, for tests in which Apprise's own code runs: a webhook, and a mail server."""

import json
import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Hook:
    """A webhook: answers with `status`, keeps what came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.status = 200
        self.came: list[dict[str, Any]] = []

    def url(self, path: str = "hook") -> str:
        """Its address as Apprise has it."""
        return f"json://127.0.0.1:{self.port}/{path}"

    @property
    def titles(self) -> list[str]:
        """Titles of what came, in order; the list is emptied."""
        found = [one["title"] for one in self.came]
        self.came.clear()
        return found


@contextmanager
def hook() -> Iterator[Hook]:
    """A webhook for the length of the block."""
    told: list[Hook] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told[0].came.append(json.loads(body))
            self.send_response(told[0].status)
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        told.append(Hook(port))
        yield told[0]


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """The port of a mail server, and the letters that it takes, as they came: headers first."""
    letters: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _talk(lambda: self.rfile.readline().decode(), lambda line: _say(self.wfile, line), letters)

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield port, letters


def _say(file: Any, line: str) -> None:
    file.write(f"{line}\r\n".encode())
    file.flush()


def _talk(read: Callable[[], str], say: Callable[[str], None], letters: list[str]) -> None:
    """RFC 5321, as far as one sender needs it."""
    say("220 loopback")
    while line := read().strip():
        match line[:4].upper():
            case "DATA":
                say("354 go on")
                letters.append("".join(iter(read, ".\r\n")))
                say("250 taken")
            case "QUIT":
                say("221 bye")
                return
            case _:
                say("250 fine")


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
