"""What is doubtful about the records of a pull, gathered over its pages and told once."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from crm_kare.model import Problem
from crm_kare.ports import StreamSpec

_NAMED: Final = 1_000
"""Ids that one problem names, at most."""


class _Kind(NamedTuple):
    message: str
    fix: str
    level: str


SEVERAL, NONE, STAGE, LONG = "several-companies", "no-company", "stage-unknown", "archive-long"
UNUSED = "export-unused"

_KINDS: Final = {
    SEVERAL: _Kind(
        "have several {target} and none of them is primary; the lowest id counts",
        "Set the primary one on each record in HubSpot.",
        "warning",
    ),
    NONE: _Kind("belong to none of the {target}", "Associate them in HubSpot.", "info"),
    STAGE: _Kind(
        "are in a stage that no pipeline has; whether they are won or closed is unknown",
        "Move them to a present stage.",
        "warning",
    ),
}


class Doubts:
    """The doubtful records of one stream, by what is doubtful."""

    def __init__(self, spec: StreamSpec) -> None:
        self._spec = spec
        self._ids: dict[tuple[str, str], dict[str, None]] = {}
        self._more: list[Problem] = []

    def add(self, code: str, ids: Iterable[str], target: str = "") -> None:
        """Some records of a page; `target` is the object they ought to belong to."""
        if found := dict.fromkeys(ids):
            self._ids.setdefault((code, target), {}).update(found)

    def long_archive(self) -> None:
        """The list of archived records cannot be read at every run."""
        self._more.append(
            Problem(
                LONG,
                f"The list of archived {self._spec.source} is too long to read at every run; deletions may come late.",
                fix="The periodic full pull takes deleted records out; `crm-kare pull --full` does it now.",
                where=self._spec.source,
                level="info",
            )
        )

    def not_exported(self, reason: str) -> None:
        """All was read by list pages instead."""
        self._more.append(
            Problem(
                UNUSED,
                f"The exported file of {self._spec.source} was not used, and list pages were read: {reason}.",
                fix="Nothing is lost but time and calls. Where it stays so, take `export_from` out of the mapping.",
                where=f"{self._spec.stream} ({self._spec.source})",
                level="info",
            )
        )

    def problems(self) -> tuple[Problem, ...]:
        """One problem a kind, with the ids."""
        told = [self._problem(code, target, list(ids)) for (code, target), ids in self._ids.items()]
        return (*told, *self._more)

    def _problem(self, code: str, target: str, ids: Sequence[str]) -> Problem:
        kind, spec = _KINDS[code], self._spec
        named = ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")
        message = f"{len(ids)} {spec.source} {kind.message.format(target=target)}: {named}."
        return Problem(code, message, fix=kind.fix, where=f"{spec.stream} ({spec.source})", level=kind.level)
