"""The owners' digest: what it tells, how it is written, and that names in it can do no harm."""

import json
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flow.worlds import RULES, World

from crm_kare.journal import HeldLabel
from crm_kare.report.digest import NOBODY, Account, Digest, assemble, collect, document, page, text
from crm_kare.sync.flow import Options, sync

TODAY = date(2026, 11, 10)
EVIL = "<script>alert(1)</script> & Sons"


def held(account_id: str, profile: str | None, day: int, reason: str = "last order 18 Jun 2026") -> HeldLabel:
    on = date(2026, 11, day)
    return HeldLabel(account_id, profile, profile, None, reason, on, on, "v1", f"r{day}")


def account(account_id: str, owner: str = "Ann", **more: object) -> Account:
    values = {"name": f"Firm {account_id}", "profile": "Keep", "rank": None, "reason": "a reason", **more}
    return Account(account_id, owner=owner, **values)  # type: ignore[arg-type]


def made(*accounts: Account, moves: tuple[tuple[HeldLabel, HeldLabel | None], ...] = (), top: int = 5) -> Digest:
    parts = assemble(accounts, moves, today=TODAY, ahead=TODAY + timedelta(days=7), top=top)
    return Digest("one", TODAY - timedelta(days=7), TODAY, parts)


def test_each_owner_has_the_changes_of_their_own_accounts_newest_first() -> None:
    moves = (
        (held("a", "Recapture", 8, "silent since 30 Sep 2026"), held("a", "Keep", 1)),
        (held("b", None, 9), held("b", "Attain", 1)),
        (held("c", "Attain", 9), None),
        (held("gone", "Keep", 9), None),
    )
    ann, bob = made(account("a"), account("b"), account("c", "Bob"), account("d", "Cid"), moves=moves).parts
    assert [(one.account_id, one.before, one.after, one.on.day) for one in ann.changes] == [
        ("b", "Attain", "", 9),
        ("a", "Keep", "Recapture", 8),
    ]
    assert "Keep → Recapture: silent since 30 Sep 2026" in ann.changes[1].why
    assert (ann.first, bob.owner, bob.first, bob.changes) == (0, "Bob", 1, ())


def test_the_top_goes_by_rank_within_the_owner_and_the_profile() -> None:
    accounts = [account(f"k{rank}", rank=rank) for rank in (3, 1, 2, 6)]
    (ann, bob) = made(*accounts, account("e1", profile="Expand", rank=1), account("x", "Bob", rank=1), top=3).parts
    assert [one.account_id for one in ann.top["Keep"]] == ["k1", "k2", "k3"]
    assert [one.account_id for one in ann.top["Expand"]] == ["e1"]
    assert ann.top["Recapture"] == ()
    assert [one.account_id for one in bob.top["Keep"]] == ["x"]


def test_overrides_that_end_soon_or_are_over_are_told_and_no_others() -> None:
    ends = {"over": -1, "today": 0, "soon": 7, "later": 8}
    accounts = [account(name, override="Expand", until=TODAY + timedelta(days=days)) for name, days in ends.items()]
    (ann,) = made(*accounts, account("open", override="Keep"), account("none", until=TODAY)).parts
    assert [(one.account_id, one.over) for one in ann.endings] == [("over", True), ("today", False), ("soon", False)]


class Tags(HTMLParser):
    """Which tags a page has, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"href", "src", "onload"}

    def handle_data(self, data: str) -> None:
        self.words += data


def test_every_form_tells_the_same_and_html_is_escaped() -> None:
    moves = ((held("a", "Recapture", 8, EVIL), held("a", "Keep", 1)),)
    found = made(account("a", EVIL, name=EVIL, rank=1, reason=EVIL, override="Expand", until=TODAY), moves=moves)
    told, read = Tags(), json.loads(document([found]))
    told.feed(page([found]))
    assert "script" not in told.tags
    assert told.words.count(EVIL) >= 5
    assert EVIL in text([found])
    (part,) = read["digests"][0]["parts"]
    assert (part["owner"], part["changes"][0]["on"], part["endings"][0]["until"]) == (EVIL, "2026-11-08", "2026-11-10")


def test_an_empty_digest_says_so() -> None:
    assert "Nothing to tell." in text([made()])
    assert "Nothing to tell." in page([made()])
    assert made(account("a", rank=1)).of("Nobody here").parts == ()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "rulebook.yaml").write_text(RULES)
    made = World(tmp_path)
    made.add("one")
    made.judge_by_hand(monkeypatch)
    return made


def test_it_is_read_from_the_mirror_and_the_journal(world: World) -> None:
    for name in ("a1", "a2", "a3"):
        world.account("one", name, owner="Bob" if name == "a3" else "Ann")
    world.crms["one"].edit("accounts", "a3", {"owner": None, "owner_id": None})
    runtime = world.open()
    sync(runtime, ["one"], Options(force=True))
    world.clock.advance(8 * 86400)
    world.verdict["a2"] = "Recapture"
    world.edit("one", "a1", Override="Expand", Override_Until="2026-11-15")
    world.account("one", "a4", owner="Ann")
    sync(runtime, ["one"], Options(force=True))
    found = collect(runtime, "one")
    (ann,) = found.parts
    assert (found.since, found.until) == (date(2026, 11, 4), date(2026, 11, 11))
    assert [(one.name, one.before, one.after) for one in ann.changes] == [
        ("Firm a2", "Keep", "Recapture"),
        ("Firm a1", "Keep", "Expand"),
    ]
    assert ann.first == 1
    assert [(one.account_id, one.until) for one in ann.endings] == [("a1", date(2026, 11, 15))]
    whole = collect(runtime, "one", since=date(2026, 11, 1))
    assert {part.owner: part.first for part in whole.parts} == {"Ann": 3, NOBODY: 1}
    runtime.close()
