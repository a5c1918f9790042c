"""One HubSpot account: its settings, pipelines, property groups, app tokens, and its records in the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from crm_kare.sandbox.faults import Faults
from crm_kare.sandbox.hubspot.definitions import BY_ADDRESS, OBJECT_TYPES, Group, ObjectType, Property
from crm_kare.sandbox.hubspot.errors import validation
from crm_kare.sandbox.hubspot.exports.task import Exports, ExportSettings
from crm_kare.sandbox.hubspot.limits import Limits, Meter
from crm_kare.sandbox.hubspot.pipelines import Pipeline, Stage
from crm_kare.sandbox.hubspot.rules import Rule
from crm_kare.sandbox.hubspot.saved_list import SavedList
from crm_kare.sandbox.hubspot.watching import PortalOrg
from crm_kare.sandbox.hubspot.webhooks.sender import Sender
from crm_kare.sandbox.hubspot.webhooks.settings import Webhooks
from crm_kare.sandbox.store import Record

TOKEN: Final = "pat-eu1-sandbox-0000-0000"  # noqa: S105  the made-up key of a made-up portal
APP_ID: Final = 4_711_001
ID_LENGTH: Final = 11
"""Digits of every record's id."""

APP: Final = f"app:{APP_ID}"
"""Who wrote, where our token wrote; people are `user:<user id>`."""

EXPORT: Final = "crm.export"
"""The scope of exports, which only a super administrator grants: not among the portal's scopes until it is set."""

ALL_SCOPES: Final = frozenset(
    {"oauth"}
    | {f"crm.objects.{kind.scope}.{verb}" for kind in OBJECT_TYPES for verb in ("read", "write")}
    | {f"crm.schemas.{kind.scope}.{verb}" for kind in OBJECT_TYPES for verb in ("read", "write")}
    | {"crm.objects.owners.read", "crm.lists.read", "crm.lists.write"}
)


@dataclass(frozen=True)
class Settings:
    """What an administrator of the portal, and a test, can set.

    Attributes:
        token: the private app's access token, which has `scopes`.
        others: tokens of other private apps of the account, with all scopes, and the apps' ids. Each app has ten
            seconds of its own; the day and the search second are shared by all.
        client_id, client_secret, refresh_token: the OAuth app's.
        rates: home currency per unit of a foreign one.
        index_lag: seconds until search sees a write.
        longest_url: characters of address and query from which the gateway answers 414.
        limits: rate limits; `None` switches them off.
        most_properties: properties that people may add to one object.
        latency: seconds on the wall clock by which every answer is late; calls wait side by side.
        traced_updates: whether batch/update heeds trace ids, as batch/create does (documented for that one only).
        rules: validation rules by object and property; only dated addresses ask for them.
        uneven_lag: search sees each record after a part of the lag of its own, so that later writes come before others.
        lag_keeps_deleted: what was archived or merged away within the lag is still found by search.
        exports: how exports go.
        webhooks: the app's subscriptions, whose events are signed with `client_secret`; `None` is none.
        links_move_dates: whether what is counted from associations moves `hs_lastmodifieddate` where it changes.
        writes_follow_merges: whether an update by an id that was merged away reaches the survivor; else it is gone.
    """

    portal_id: int = 48_151_623
    timezone: str = "Europe/Berlin"
    currency: str = "EUR"
    token: str = TOKEN
    scopes: frozenset[str] = ALL_SCOPES
    others: Mapping[str, int] = field(default_factory=dict)
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105
    refresh_token: str = "sandbox-refresh"  # noqa: S105
    token_life: int = 1800
    rates: Mapping[str, Decimal] = field(default_factory=lambda: {"USD": Decimal("0.9"), "GBP": Decimal("1.2")})
    index_lag: float = 0.0
    uneven_lag: bool = False
    lag_keeps_deleted: bool = False
    rules: Mapping[tuple[str, str], Rule] = field(default_factory=dict)
    longest_url: int = 8192
    limits: Limits | None = None
    most_properties: int = 1000
    latency: float = 0.0
    traced_updates: bool = True
    exports: ExportSettings = field(default_factory=ExportSettings)
    webhooks: Webhooks | None = None
    links_move_dates: bool = True
    writes_follow_merges: bool = False


@dataclass(frozen=True)
class Grant:
    """An OAuth access token that was given out, and when it ends."""

    ends: datetime


class Portal:
    """The account. Change `settings` (`dataclasses.replace`) to change its behaviour while it runs."""

    def __init__(self, org: PortalOrg, pipelines: tuple[Pipeline, ...], faults: Faults | None = None) -> None:
        self.org = org
        self.faults = faults or Faults()
        self.pipelines = pipelines
        self.settings = Settings()
        self.meter = Meter(org.store.clock)
        self.groups: dict[str, dict[str, Group]] = {kind.name: {kind.group.name: kind.group} for kind in OBJECT_TYPES}
        self.archived: dict[str, dict[str, Property]] = {kind.name: {} for kind in OBJECT_TYPES}
        self.lists: dict[str, SavedList] = {}
        self.labels: dict[tuple[str, str], dict[str, tuple[str, str | None]]] = {}
        self.inverses: dict[str, str] = {}
        self.grants: dict[str, Grant] = {}
        self.codes: dict[str, str] = {}
        self.revoked = False
        self.exports = Exports()
        org.store.at_end.callback(self.exports.close)
        self.webhooks = Sender(org.store, self.faults, lambda: (self.settings.webhooks, self.settings.client_secret))
        self._serial = 0
        self._known: dict[str, tuple[tuple[int, ...], dict[str, Property]]] = {}

    def now(self) -> datetime:
        """The clock's present moment."""
        return self.org.store.clock.now()

    def serial(self) -> int:
        """A number that was not given before: for correlation ids and tokens."""
        self._serial += 1
        return self._serial

    def authorise(self, redirect_uri: str) -> str:
        """The code that HubSpot sends to this address once a person has let the OAuth app in."""
        code = f"code-{self.serial():08d}"
        self.codes[code] = redirect_uri
        return code

    def grant(self) -> str:
        """A new OAuth access token."""
        token = f"CNsandbox{self.serial():08d}"
        self.grants[token] = Grant(self.now() + timedelta(seconds=self.settings.token_life))
        return token

    def properties(self, kind: ObjectType) -> dict[str, Property]:
        """The object type's live properties by name."""
        version, known = self._known.get(kind.name, ((), {}))
        if version != (now := self.org.version()):
            known = {name: one.extra["property"] for name, one in self.org.fields(kind.name).items()}
            self._known[kind.name] = (now, known)
        return known

    def stage(self, stage_id: str | None) -> Stage | None:
        """A stage by id; ids are unique in the portal."""
        return next((one for line in self.pipelines for one in line.stages if one.id == stage_id), None)

    def external(self, kind: ObjectType, values: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, set[str]]:
        """Allowed values of the properties whose options live elsewhere; a stage must be one of the deal's pipeline."""
        allowed: dict[str, set[str]] = {}
        if "hubspot_owner_id" in values:
            allowed["hubspot_owner_id"] = {one["_id"] for one in self.org.select("owners")}
        if kind.name == "deals":
            allowed["pipeline"] = {one.id for one in self.pipelines}
            pipeline = values.get("pipeline") or record.get("pipeline") or "default"
            allowed["dealstage"] = {one.id for line in self.pipelines if line.id == pipeline for one in line.stages}
        return allowed

    def written(self, record: Record | None, kind: ObjectType) -> Record | None:
        """The record that a write by this one's id reaches; `None` where it is gone."""
        if record is not None and record["_merged_into"] and not self.settings.writes_follow_merges:
            return None
        return self.survivor(record, kind)

    def survivor(self, record: Record | None, kind: ObjectType) -> Record | None:
        """The record that stands for this one now: after a merge it has another id; `None` where it is archived."""
        while record is not None and record["_merged_into"]:
            record = self.org.get(kind.name, record["_merged_into"])
        return record if record is not None and not record["_deleted"] else None


def object_type(word: str) -> ObjectType:
    """The object type that an address names.

    Raises:
        HubSpotError: 400, there is none.
    """
    if word not in BY_ADDRESS:
        raise validation(f"Unable to infer object type from: {word}")
    return BY_ADDRESS[word]


def moment(milliseconds: int) -> datetime:
    """A stored stamp as a point in time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
