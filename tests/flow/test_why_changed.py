"""Why a label changed: told by the facts that differ."""

from datetime import date, timedelta

import pytest
from flow.worlds import World

from crm_kare.journal import HeldLabel
from crm_kare.report.why import with_why
from crm_kare.sync.flow import Options, sync

FORCE = Options(force=True)


def entry(shown: str | None, reason: str, *, computed: str | None = None, badge: str | None = None) -> HeldLabel:
    day = date(2026, 11, 3)
    return HeldLabel("a", computed or shown, shown, badge, reason, day, day, "1-x", "run")


def whys(*newest_first: HeldLabel) -> list[str]:
    return [why for _, why in with_why(newest_first)]


def test_the_facts_that_came_are_told_and_those_that_went_and_not_what_stayed() -> None:
    before = entry("Keep", "Last order 18 Jun 2026; usually every 52 days; room unknown.")
    after = entry(
        "Recapture", "Usually every 52 days; silent beyond 2 intervals since 30 Sep 2026; last order 18 Jun 2026."
    )
    assert whys(after, before) == [
        "Keep → Recapture: silent beyond 2 intervals since 30 Sep 2026 (before: room unknown)",
        "First label, Keep: Last order 18 Jun 2026; usually every 52 days; room unknown.",
    ]


def test_overrides_badges_and_profiles_that_go_are_told_as_such() -> None:
    plain = entry("Keep", "12 orders")
    overridden = entry("Attain", "12 orders", computed="Keep")
    assert whys(overridden, plain)[0] == "Keep → Attain: a person's override, the rules say Keep"
    assert whys(plain, overridden)[0] == "Attain → Keep: a person's override ended"
    assert whys(entry("Keep", "At risk; 12 orders", badge="At risk"), plain)[0] == "Keep, badge none → At risk: at risk"
    assert whys(entry(None, "ICP Low"), plain)[0] == "Keep → no profile: ICP Low (before: 12 orders)"
    moved = entry("Attain", "2 orders", computed="Recapture")
    assert whys(moved, overridden)[0].startswith("Keep → Recapture (a person's override shows Attain): 2 orders")


@pytest.mark.slow
def test_by_the_real_rules_a_silent_customer_is_told_by_its_silence(empty: World) -> None:
    empty.add("acme")
    empty.regular("acme", "a1")
    runtime = empty.open()
    sync(runtime, [], FORCE)
    for _ in range(4):
        empty.clock.advance(timedelta(days=130).total_seconds())
        sync(runtime, [], FORCE)
    told = whys(*runtime.journal.labels.of_account("acme", "a1"))
    runtime.close()
    (lapsed,) = [one for one in told if one.startswith("Keep → ")]
    assert "silent beyond" in lapsed
    assert "since" in lapsed
    assert told[-1].startswith("First label, Keep")
    assert len(told) == len(set(told))
