"""Posts events: from the table where changes leave them, in batches, again where the target does not take them."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import requests

from crm_kare.sandbox.faults import Faults
from crm_kare.sandbox.hubspot.webhooks.settings import Webhooks
from crm_kare.sandbox.hubspot.webhooks.signing import signed
from crm_kare.sandbox.store import Store

BATCH: Final = 100
PATIENCE: Final = 5.0
"""Seconds that the target has for its answer."""
LAST_GOOD: Final = 299


@dataclass(frozen=True)
class Delivery:
    """One batch that was posted; status 0 where there was no answer."""

    events: tuple[dict[str, Any], ...]
    status: int


class Sender:
    """The webhooks of a portal. `deliveries` are all batches that were posted so far.

    Args:
        store: where events are written down.
        faults: what goes wrong.
        settings: gives the webhooks as they are set now, and the secret.
    """

    def __init__(self, store: Store, faults: Faults, settings: Callable[[], tuple[Webhooks | None, str]]) -> None:
        self.deliveries: list[Delivery] = []
        self._store = store
        self._faults = faults
        self._settings = settings
        self._rings = threading.Event()
        self._ended = threading.Event()
        self._posting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._serial = 100_000_000
        with store.transaction() as database:
            database.execute("CREATE TABLE webhook (number INTEGER PRIMARY KEY, attempt INTEGER, event TEXT)")
        store.at_end.callback(self.close)

    def put(self, event: dict[str, Any]) -> None:
        """Write an event down, in the transaction of what it tells."""
        webhooks, _ = self._settings()
        self._serial += 1
        text = json.dumps({"eventId": self._serial, **event})
        with self._store.transaction() as database:
            database.execute("INSERT INTO webhook (attempt, event) VALUES (0, ?)", (text,))
        if webhooks is not None and webhooks.by_itself:
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()
        self._rings.set()

    def _run(self) -> None:
        """Post whatever comes; what was refused waits for its pause."""
        pause: float | None = None
        while not self._ended.is_set():
            self._rings.wait(pause)
            self._rings.clear()
            if self._ended.is_set():
                return
            webhooks, _ = self._settings()
            self.deliver()
            pause = webhooks.pause if webhooks is not None and self._waiting() else None

    def _waiting(self) -> bool:
        return bool(self._store.rows("SELECT 1 FROM webhook LIMIT 1"))

    def deliver(self) -> list[Delivery]:
        """Post everything that waits, once; what the target does not take waits for the next time."""
        webhooks, secret = self._settings()
        if webhooks is None:
            return []
        with self._posting:
            with self._store.transaction():  # nobody is in the middle of a change now
                rows = self._store.rows("SELECT number, attempt, event FROM webhook ORDER BY number DESC")
            made = []
            for start in range(0, len(rows), BATCH):
                made += self._batch(webhooks, secret, rows[start : start + BATCH])
            self.deliveries += made
        return made

    def _batch(self, webhooks: Webhooks, secret: str, rows: list[tuple[Any, ...]]) -> list[Delivery]:
        events = tuple(json.loads(text) | {"attemptNumber": attempt} for _, attempt, text in rows)
        times = 2 if self._faults.hits("repeat_webhook") else 1
        made = [Delivery(events, self._post(webhooks.target, secret, events)) for _ in range(times)]
        done = 0 < made[-1].status <= LAST_GOOD
        with self._store.transaction() as database:
            for number, attempt, _ in rows:
                if done or attempt + 1 >= webhooks.attempts:
                    database.execute("DELETE FROM webhook WHERE number = ?", (number,))
                else:
                    database.execute("UPDATE webhook SET attempt = attempt + 1 WHERE number = ?", (number,))
        return made

    def _post(self, target: str, secret: str, events: tuple[dict[str, Any], ...]) -> int:
        body = json.dumps(events).encode()
        now = int(self._store.clock.now().timestamp() * 1000)
        headers = {"Content-Type": "application/json", "Connection": "close", "User-Agent": "HubSpot Webhooks"}
        headers |= signed(secret, "POST", target, body, now)
        with requests.Session() as session:
            session.trust_env = False
            try:
                reply = session.post(target, data=body, headers=headers, timeout=PATIENCE, allow_redirects=False)
            except requests.RequestException:
                return 0
            return reply.status_code

    def close(self) -> None:
        """Post nothing more."""
        self._ended.set()
        self._rings.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)
