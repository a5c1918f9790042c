"""A Salesforce org: records in the store, users with their permissions, sessions, the day's allowance, open cursors."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from crm_kare.sandbox.faults import Faults
from crm_kare.sandbox.salesforce import ids
from crm_kare.sandbox.salesforce.bulk.jobs import BulkSettings, Jobs
from crm_kare.sandbox.salesforce.definitions import BY_NAME, OBJECTS, SYSTEM_FIELDS, ObjectDef, master_record
from crm_kare.sandbox.salesforce.errors import RecordError, SalesforceError, bad_request
from crm_kare.sandbox.salesforce.recycle_bin import RecycleBin
from crm_kare.sandbox.salesforce.rights import ObjectAccess, Rights
from crm_kare.sandbox.salesforce.sharing import Sharing
from crm_kare.sandbox.store import FieldDef, Org, Record, Store

VENDOR: Final = "salesforce"
DAY: Final = 86_400.0


@dataclass
class Session:
    """A login: whose, and until when (clock's seconds)."""

    user_id: str
    ends: float


@dataclass
class Credentials:
    """What the org's connected app and its users log in with. Made up, like the org."""

    client_id: str = "3MVG9sandbox.kare.client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105
    username: str = "integration@sandbox.example"
    password: str = "sandbox-password"  # noqa: S105
    security_token: str = "SandboxToken"  # noqa: S105
    refresh_token: str = "5Aep861sandbox-refresh"  # noqa: S105


ValidationRule = Callable[[str, Record], RecordError | None]
"""Given the object's name and the record as it would be: what is wrong with it."""


@dataclass
class Settings:
    """What a test may set in the org.

    Attributes:
        daily_limit: calls allowed in 24 rolling hours.
        session_seconds: how long a login lasts.
        rotate_refresh_tokens: each refresh gives a new token, and the old one is void.
        login_flows: OAuth grants that the connected app allows, and `soap`.
        validation_rules: the customer's own.
        app_name: of the connected app; with one the usage header tells the app's own part too.
        page_limit: rows in a batch at most; a real server may give fewer than were asked for.
        record_types: an untouched org has none, and no field for them.
        multi_currency: on by `money.activate`; `dated_rates`: with advanced currency management.
        person_accounts: on by `persons.activate`.
        record_type_values: values that a record type lets through, by its id and the field; not told = all.
        new_picklists_closed: record types let no value of a picklist through that was made over the API, until told.
        bulk: of the Bulk API.
    """

    daily_limit: int = 100_000
    session_seconds: float = 7_200.0
    rotate_refresh_tokens: bool = False
    login_flows: frozenset[str] = frozenset(
        {"client_credentials", "refresh_token", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer", "soap"}
    )
    validation_rules: list[ValidationRule] = field(default_factory=list)
    app_name: str = ""
    page_limit: int = 2000
    record_types: bool = True
    multi_currency: bool = False
    dated_rates: bool = False
    person_accounts: bool = False
    record_type_values: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    new_picklists_closed: bool = False
    bulk: BulkSettings = field(default_factory=BulkSettings)


class SalesforceOrg:
    """The org in use. `records` is its part of the store."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self.records: Org = store.add_org(VENDOR, ids.mint, resolution=1000)
        self.clock = store.clock
        self.faults = faults
        self.settings = Settings()
        self.bulk = Jobs(store.clock)
        self.bin = RecycleBin(self.records)
        store.at_end.callback(self.bulk.close)
        self.credentials = Credentials()
        self.id = ""
        self.integration_user = ""
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._calls: deque[float] = deque()
        self._serial = 0
        self._app_key: rsa.RSAPrivateKey | None = None
        self._fields: dict[str, tuple[object, Mapping[str, FieldDef]]] = {}
        self.rights = Rights(self.records, self.fields)
        self.sharing = Sharing(self.records)
        for one in OBJECTS:
            self.records.define(one.name, one.fields, one.indexed)

    # objects and fields

    def object(self, name: str, user_id: str, *, tooling: bool = False) -> ObjectDef:
        """The object of that name, without regard to case.

        Raises:
            SalesforceError: 404 where there is none, or none that the user may read.
        """
        for one in self.objects(user_id, tooling=tooling):
            if one.name.lower() == name.lower():
                return one
        raise SalesforceError(404, "NOT_FOUND", "The requested resource does not exist")

    def objects(self, user_id: str, *, tooling: bool = False) -> Iterator[ObjectDef]:
        """The objects that a user may read, as plain REST or as the Tooling API shows them."""
        for one in OBJECTS:
            if one.shows(tooling=tooling) and self.has(one.needs) and "Read" in self.access(one.name, user_id).rights:
                yield one

    def is_tooling(self, name: str) -> bool:
        """Whether the Tooling API alone shows the object."""
        return BY_NAME[name].tooling

    def fields(self, name: str) -> Mapping[str, FieldDef]:
        """All fields of an object, the system ones included, by name in lower case."""
        state = (self.records.version(), self._features())
        held = self._fields.get(name)
        if held is None or held[0] != state:
            held = self._fields[name] = state, self._all_fields(name)
        return held[1]

    def _all_fields(self, name: str) -> Mapping[str, FieldDef]:
        held = BY_NAME[name]
        system = [one for one in SYSTEM_FIELDS if not held.view and (one.name != "IsDeleted" or held.has_bin)]
        system += [master_record(name)] if held.mergeable else []
        own = [one for one in self.records.fields(name).values() if self.has(str(one.extra.get("needs", "")))]
        return {one.name.lower(): one for one in [*system, *own]}

    def _features(self) -> tuple[bool, ...]:
        held = self.settings
        return held.record_types, held.multi_currency, held.dated_rates, held.person_accounts

    def has(self, feature: str) -> bool:
        """Whether the org has a feature; none (`""`) is had by all."""
        return not feature or bool(getattr(self.settings, feature))

    def access(self, name: str, user_id: str) -> ObjectAccess:
        """What a user may do with an object and its fields."""
        return self.rights.of(user_id, name, self._features())

    def visible(self, name: str, user_id: str) -> Mapping[str, FieldDef]:
        """The fields that a user may read, by name in lower case; the others are as if they did not exist."""
        return self.access(name, user_id).visible

    def editable(self, name: str, definition: FieldDef, user_id: str) -> bool:
        """Whether a user may write a field."""
        return definition.name in self.access(name, user_id).editable

    def may(self, user_id: str, permission: str) -> bool:
        """Whether a user has a system permission (`CustomizeApplication`)."""
        return permission in self.rights.system(user_id)

    # sessions and allowance

    def serial(self) -> int:
        """A number that was not given out before."""
        with self._lock:
            self._serial += 1
            return self._serial

    def log_in(self, user_id: str) -> str:
        """A new session's token."""
        token = f"{self.id[:15]}!sandbox{self.serial():06d}.{user_id[-8:]}"
        with self._lock:
            self._sessions[token] = Session(user_id, self.clock.now().timestamp() + self.settings.session_seconds)
        return token

    def session_user(self, token: str) -> str:
        """Whose session it is.

        Raises:
            SalesforceError: 401 where it is none, or over.
        """
        with self._lock:
            session = self._sessions.get(token)
            if session is None or session.ends <= self.clock.now().timestamp():
                raise SalesforceError(401, "INVALID_SESSION_ID", "Session expired or invalid")
            return session.user_id

    def log_out(self, token: str) -> bool:
        """End one session; whether there was one."""
        with self._lock:
            return self._sessions.pop(token, None) is not None

    def app_key(self) -> rsa.RSAPrivateKey:
        """The connected app's key, with which JWT assertions are signed; made when first asked for."""
        with self._lock:
            if self._app_key is None:
                self._app_key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
            return self._app_key

    def end_sessions(self) -> None:
        """All logins are over, as when an admin revokes them."""
        with self._lock:
            self._sessions.clear()

    def count_call(self) -> None:
        """Take one call off the day's allowance.

        Raises:
            SalesforceError: 403 where it is used up.
        """
        if self.used() >= self.settings.daily_limit:
            raise SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        with self._lock:
            self._calls.append(self.clock.now().timestamp())

    def used(self) -> int:
        """Calls in the last 24 hours."""
        with self._lock:
            begin = self.clock.now().timestamp() - DAY
            while self._calls and self._calls[0] <= begin:
                self._calls.popleft()
            return len(self._calls)

    def user(self, user_id: str) -> Record:
        """A user's record."""
        found = self.records.get("User", user_id)
        if found is None:
            raise bad_request("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return found

    def organisation(self) -> Record:
        """The org's own record."""
        return self.records.select("Organization", limit=1)[0]

    def usage(self) -> str:
        """What the usage header says."""
        told = f"api-usage={self.used()}/{self.settings.daily_limit}"
        if not self.settings.app_name:
            return told
        return f"{told}; per-app-api-usage={self.used()}/{self.settings.daily_limit}(appName={self.settings.app_name})"

    # what happens to records apart from plain writes

    def merge(self, name: str, winner: str, loser: str, user_id: str) -> None:
        """As the merge of two accounts or contacts does: the loser is deleted, its children move to the winner."""
        self.bin.merge(name, winner, loser, user_id)

    def undelete(self, name: str, record_id: str, user_id: str) -> None:
        """Take a record out of the recycle bin, with all that was deleted with it."""
        self.bin.undelete(name, record_id, user_id)

    def empty_bin(self) -> None:
        """Somebody empties the recycle bin."""
        self.bin.empty()


def column(definition: FieldDef) -> str:
    """The store's column that holds a field."""
    return str(definition.extra.get("column", definition.name))
