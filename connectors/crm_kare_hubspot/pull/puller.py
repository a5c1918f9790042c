"""Pulls streams of one portal: what to ask, and where to begin."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.ports import Context, Page, StreamSpec
from crm_kare_hubspot.client import Client
from crm_kare_hubspot.columns import PRODUCT, missing, missing_error, readers, stage_texts, wanted
from crm_kare_hubspot.cursor import EXPORT, IDLE, LIST, SEARCH, Position, mark, position
from crm_kare_hubspot.definitions import Definitions
from crm_kare_hubspot.owners import owners
from crm_kare_hubspot.pull.changes import changes
from crm_kare_hubspot.pull.doubts import Doubts
from crm_kare_hubspot.pull.export import Terms, exportable, exported
from crm_kare_hubspot.pull.kin import Kin
from crm_kare_hubspot.pull.listing import full
from crm_kare_hubspot.pull.records import Pull, properties
from crm_kare_hubspot.records import Products
from crm_kare_hubspot.rows import Decoder
from crm_kare_hubspot.stages import StageBook, changed, meanings

_OVERLAP: Final = 60
"""Seconds for which HubSpot's search may not show a change; some thirty are reported."""

_ARCHIVED_PAGES: Final = 2


class Puller:
    """Pulls streams of one portal.

    Options of the mapping: `overlap_seconds`, `archived_pages` and `export_from`.
    """

    def __init__(self, client: Client, definitions: Definitions, context: Context) -> None:
        self._client, self._definitions = client, definitions
        self._options, self._clock = context.options, context.clock
        self._kin = Kin(context.state)

    def pages(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        """See `Connector.pull`. A cursor of another mapping, or from before a stage changed its meaning, means all."""
        if spec.source == "owners":
            yield from owners(self._client, spec, _first(mark(spec), "", self._client.now()).text())
            return
        at = position(cursor)
        pull = self.prepared(spec, kept=at is not None and at.mark == mark(spec))
        at = self._start(pull, at)
        least = _number(self._options, "export_from", 0)
        if at.phase == EXPORT or (least and _begins(at) and exportable(pull)):
            yield from exported(pull, at, Terms(least, self._definitions.properties(spec.source), self._clock))
        else:
            yield from full(pull, at) if at.phase == LIST else changes(pull, at)

    def prepared(self, spec: StreamSpec, *, kept: bool = True) -> Pull:
        """What a stream needs; where `kept` is set, property definitions of today may serve.

        Raises:
            ConfigError: mapped properties are missing, or an option is no number.
        """
        want = wanted(spec)
        source = spec.source
        types = self._types(spec, kept=kept)
        if want.products:
            self._require_products(spec)
        anew = partial(self._definitions.stages, source, again=True)
        stages = StageBook(self._definitions.stages(source) if want.needs_stages else {}, anew)
        return Pull(
            client=self._client,
            spec=spec,
            want=want,
            readers=readers(spec, types, stages),
            decoder=Decoder(source, properties(want), want.targets),
            stages=stages,
            products=Products(self._client, want.products),
            doubts=Doubts(spec),
            kin=self._kin,
            require=partial(self._require, spec),
            overlap=timedelta(seconds=_number(self._options, "overlap_seconds", _OVERLAP)),
            archived_pages=_number(self._options, "archived_pages", _ARCHIVED_PAGES),
        )

    def _types(self, spec: StreamSpec, *, kept: bool) -> Mapping[str, str]:
        known = self._definitions.types(spec.source, kept=kept)
        if kept and missing(spec, known):
            known = self._definitions.types(spec.source, kept=False)
        if gone := missing(spec, known):
            raise missing_error(spec, gone, known)
        return known

    def _require(self, spec: StreamSpec, _names: Sequence[str]) -> None:
        self._types(spec, kept=False)

    def _require_products(self, spec: StreamSpec) -> None:
        known = self._definitions.types("products", kept=True)
        asked = [one for one in spec.fields if one.source.startswith(PRODUCT)]
        if gone := [one for one in asked if one.source.removeprefix(PRODUCT) not in known]:
            raise missing_error(spec, gone, [f"{PRODUCT}{name}" for name in known])

    def _start(self, pull: Pull, at: Position | None) -> Position:
        now = self._client.now()
        asked, stages = mark(pull.spec), meanings(pull.stages.known(), partial(stage_texts, pull.spec))
        if at is None:
            return _first(asked, stages, now)
        if at.mark != asked or changed(at.stages, stages):
            new = _first(asked, stages, now)
            return replace(new, archived_since=at.archived_since, archived=at.archived, renewed=True)
        if at.phase != IDLE:
            return at
        since = at.started - pull.back(at)
        return replace(at, phase=SEARCH, stages=stages, since=since, started=now, after="")


def _first(asked: str, stages: str, now: datetime) -> Position:
    """Where a full pull begins."""
    return Position(LIST, now, asked, since=now, archived_since=now, stages=stages)


def _begins(at: Position) -> bool:
    """Whether all is to be read into an empty mirror, and nothing was yet."""
    return at.phase == LIST and not at.after and not at.renewed


def _number(options: Mapping[str, Any], name: str, default: int) -> int:
    given = options.get(name, default)
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ConfigError("This option must be a whole number, 0 or more.", where=name, fix="Correct it.")
    return given
