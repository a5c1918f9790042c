"""Why a label changed, in one sentence: what is said of the account now and was not said before, and the other way round."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from crm_kare.journal import HeldLabel

_NONE: Final = "no profile"
_BETWEEN: Final = "; "


def with_why(history: Sequence[HeldLabel]) -> list[tuple[HeldLabel, str]]:
    """Each entry of an account's history (newest first, as the journal tells it) with the sentence that led to it."""
    return [(one, why(one, before)) for one, before in zip_longest(history, history[1:])]


def why(one: HeldLabel, before: HeldLabel | None) -> str:
    """`Keep → Recapture: silent beyond 2 intervals since 30 Sep 2026 (before: 3 orders since 3 Mar 2026)`.

    The facts are those of the two reasons, which cite days and figures; what both say is left out.
    """
    if before is None:
        return f"First label, {one.shown_profile or _NONE}: {one.reason or 'no reason was kept'}"
    if one.shown_profile != before.shown_profile and one.computed_profile == before.computed_profile:
        return f"{_move(before.shown_profile, one.shown_profile)}: {_person(one)}"
    now, then = _parts(one.reason), _parts(before.reason)
    news = [part for part in now if part not in then]
    gone = [part for part in then if part not in now]
    told = _BETWEEN.join(news or now) or "no reason was kept"
    return f"{_what(one, before)}: {told}" + (f" (before: {_BETWEEN.join(gone)})" if gone else "")


def _what(one: HeldLabel, before: HeldLabel) -> str:
    """Which part of the label moved."""
    if one.computed_profile != before.computed_profile:
        computed = _move(before.computed_profile, one.computed_profile)
        shown = one.shown_profile or _NONE
        return (
            computed if one.shown_profile == one.computed_profile else f"{computed} (a person's override shows {shown})"
        )
    if one.badge != before.badge:
        return f"{one.shown_profile or _NONE}, badge {before.badge or 'none'} → {one.badge or 'none'}"
    return f"{one.shown_profile or _NONE}, rules {before.rules_version} → {one.rules_version}"


def _person(one: HeldLabel) -> str:
    if one.shown_profile == one.computed_profile:
        return "a person's override ended"
    return f"a person's override, the rules say {one.computed_profile or _NONE}"


def _move(before: str | None, after: str | None) -> str:
    return f"{before or _NONE} → {after or _NONE}"


def _parts(reason: str | None) -> list[str]:
    """A reason's facts; the first letter of each counts as small, for it begins a sentence in one place and not in another."""
    parts = (reason or "").strip().rstrip(".").split(_BETWEEN)
    return [part[:1].lower() + part[1:] if part[1:2].islower() else part for part in parts if part]
