"""The owners' digest: whose accounts changed their profile and why, the top of each profile, overrides that end.

It holds customers' names by purpose.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from crm_kare.journal import HeldLabel
from crm_kare.model import PRESENT_PREFIX, Profile
from crm_kare.report.why import why
from crm_kare.sync.flow import score_only
from crm_kare.sync.runtime import Runtime

NOBODY: Final = "No owner"
"""Stands for the owner of accounts that have none."""

_OVERRIDE, _UNTIL = f"{PRESENT_PREFIX}Override", f"{PRESENT_PREFIX}Override_Until"
_LABELS: Final = ("account_id", "name", "owner", "profile", "rank", "reason")


@dataclass(frozen=True)
class Account:
    """An account of the mirror: its labels as judged now, and the override that people set."""

    account_id: str
    name: str
    owner: str
    profile: str | None
    rank: int | None
    reason: str
    override: str | None = None
    until: date | None = None


@dataclass(frozen=True)
class Change:
    """An account that shows another profile than before; `before` and `after` are empty for none."""

    account_id: str
    name: str
    before: str
    after: str
    why: str
    on: date


@dataclass(frozen=True)
class Place:
    """An account among the first of its owner's, of one profile."""

    account_id: str
    name: str
    rank: int
    reason: str


@dataclass(frozen=True)
class Ending:
    """An override whose last day comes soon, or is over."""

    account_id: str
    name: str
    override: str
    until: date
    over: bool


@dataclass(frozen=True)
class Part:
    """What concerns one owner. `first` counts accounts that had no label before."""

    owner: str
    changes: tuple[Change, ...]
    first: int
    top: Mapping[str, tuple[Place, ...]]
    endings: tuple[Ending, ...]


@dataclass(frozen=True)
class Digest:
    """What changed in a CRM after the day `since`, up to and with `until`, by owner."""

    crm: str
    since: date
    until: date
    parts: tuple[Part, ...]

    def of(self, owner: str) -> "Digest":
        """The part of one owner alone; without parts where there is none."""
        return Digest(self.crm, self.since, self.until, tuple(one for one in self.parts if one.owner == owner))

    def to_json(self) -> dict[str, Any]:
        """As a JSON document; days as text."""
        told: dict[str, Any] = _plain(asdict(self))
        return told


Moves = Sequence[tuple[HeldLabel, HeldLabel | None]]


def collect(runtime: Runtime, crm: str, *, since: date | None = None) -> Digest:
    """The digest of a CRM, from its mirror and the journal, as `digest:` in the project file sets it.

    Args:
        runtime: the open project.
        crm: the CRM's name.
        since: the day after which changes count; None = so many days ago as is set.

    Raises:
        ConfigError: nothing was pulled yet, or the mapping or the rulebook is wrong.
    """
    settings, judged = runtime.project.digest, score_only(runtime, crm)
    day = since or judged.as_of - timedelta(days=settings.days)
    present = [name for name in (_OVERRIDE, _UNTIL) if name in judged.present.column_names]
    both = judged.labels.select(_LABELS).join(judged.present.select(["account_id", *present]), "account_id")
    accounts = [_account(row) for batch in both.to_batches(max_chunksize=10_000) for row in batch.to_pylist()]
    moves = runtime.journal.labels.moved_since(crm, day)
    ahead = judged.as_of + timedelta(days=settings.days)
    parts = assemble(accounts, moves, today=judged.as_of, ahead=ahead, top=settings.top)
    return Digest(crm, day, judged.as_of, parts)


def assemble(accounts: Iterable[Account], moves: Moves, *, today: date, ahead: date, top: int) -> tuple[Part, ...]:
    """The parts of all owners that have any, by name.

    Args:
        accounts: all of the CRM.
        moves: each account's newest label and the one before, where its shown profile changed.
        today: the day on which it was judged.
        ahead: overrides that end until that day are told, and those that are over.
        top: how many accounts of each profile.
    """
    moved = {now.account_id: (now, before) for now, before in moves}
    owners: dict[str, list[Account]] = {}
    for one in accounts:
        if one.account_id in moved or _placed(one, top) or _ends(one, ahead):
            owners.setdefault(one.owner, []).append(one)
    return tuple(_part(owner, owners[owner], moved, today, ahead, top) for owner in sorted(owners))


def _part(
    owner: str,
    accounts: Sequence[Account],
    moved: Mapping[str, tuple[HeldLabel, HeldLabel | None]],
    today: date,
    ahead: date,
    top: int,
) -> Part:
    mine = [(one, *moved[one.account_id]) for one in accounts if one.account_id in moved]
    changes = [_change(one, now, before) for one, now, before in mine if before is not None]
    endings = [
        Ending(one.account_id, one.name, one.override, one.until, one.until < today)
        for one in accounts
        if one.override and one.until and _ends(one, ahead)
    ]
    return Part(
        owner,
        tuple(sorted(changes, key=lambda one: (one.on, one.name, one.account_id), reverse=True)),
        sum(before is None for _, _, before in mine),
        {profile.value: _top(accounts, profile.value, top) for profile in Profile},
        tuple(sorted(endings, key=lambda one: (one.until, one.name))),
    )


def _change(one: Account, now: HeldLabel, before: HeldLabel) -> Change:
    return Change(
        one.account_id, one.name, before.shown_profile or "", now.shown_profile or "", why(now, before), now.as_of
    )


def _top(accounts: Iterable[Account], profile: str, top: int) -> tuple[Place, ...]:
    """The first of an owner's accounts of a profile, by METHOD's ranking."""
    found = [
        Place(one.account_id, one.name, one.rank, one.reason)
        for one in accounts
        if one.profile == profile and one.rank is not None and one.rank <= top
    ]
    return tuple(sorted(found, key=lambda one: one.rank))


def _placed(one: Account, top: int) -> bool:
    return one.profile is not None and one.rank is not None and one.rank <= top


def _ends(one: Account, ahead: date) -> bool:
    return one.override is not None and one.until is not None and one.until <= ahead


def _account(row: Mapping[str, Any]) -> Account:
    return Account(
        row["account_id"],
        _line(row["name"]) or row["account_id"],
        _line(row["owner"]) or NOBODY,
        row["profile"],
        row["rank"],
        _line(row["reason"]),
        row.get(_OVERRIDE),
        row.get(_UNTIL),
    )


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _plain(value: Any) -> Any:
    """Days as text, all the way down."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def page(digests: Sequence[Digest]) -> str:
    """As an HTML page without script or outside reference, for mail; every text is escaped."""
    return _rendered("digest.html", digests)


def text(digests: Sequence[Digest]) -> str:
    """As plain text."""
    return _rendered("digest.txt", digests)


def document(digests: Sequence[Digest]) -> str:
    """As a JSON document."""
    return json.dumps({"digests": [one.to_json() for one in digests]}, ensure_ascii=False, indent=2) + "\n"


def _rendered(name: str, digests: Sequence[Digest]) -> str:
    environment = Environment(
        loader=PackageLoader("crm_kare.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(digests=digests)
