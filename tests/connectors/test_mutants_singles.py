"""Connectors with one fault each in reading single records or notices: the suite must reject every one."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pytest

from crm_kare.errors import AccessError
from crm_kare.ports import LabelField, Notice, Page, StreamSpec, Told
from crm_kare.testing.memory import MemoryConnector
from crm_kare.testing.memory.notices import ORGANISATION, notice, told

Reject = Callable[[type[MemoryConnector], str], None]


class FetchesOneColumn(MemoryConnector):
    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        page = super().fetch(spec, ids)
        blank = [pa.nulls(page.records.num_rows, pa.string()) for _ in spec.fields[1:]]
        columns = [page.records.column(0), *blank]
        return replace(page, records=pa.RecordBatch.from_arrays(columns, schema=spec.arrow_schema()))


class FetchesFromAnIndex(MemoryConnector):
    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        page = super().fetch(spec, ids)
        rows = [{**row, "name": "as indexed"} for row in page.records.to_pylist()]
        return replace(page, records=pa.RecordBatch.from_pylist(rows, schema=spec.arrow_schema()))


class LeavesOutWhatIsGone(MemoryConnector):
    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        return replace(super().fetch(spec, ids), deleted=())


class FetchesTheFirstPage(MemoryConnector):
    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        return super().fetch(spec, ids[:4])


class AsksForNothing(MemoryConnector):
    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        self.schema(spec.source)
        return super().fetch(spec, ids)


class FetchesWhateverIsThere(MemoryConnector):
    def fetch(self, spec: StreamSpec, ids: Sequence[str]) -> Page:
        known = self.schema_of(spec.source)
        fields = tuple(one for one in spec.fields if one.source in known)
        return super().fetch(replace(spec, fields=fields), ids)


class Listens(MemoryConnector):
    """Reads notices in a way of its own."""

    def notified(
        self, notice: Notice, specs: Sequence[StreamSpec], fields: Sequence[LabelField], organisation: str
    ) -> Told:
        del fields
        return self.heard(notice, specs, organisation)

    def heard(self, came: Notice, specs: Sequence[StreamSpec], organisation: str) -> Told:
        return told(came, self._crm.token, self._crm.clock.now(), specs, organisation)


class HearsNothing(Listens):
    def heard(self, came: Notice, specs: Sequence[StreamSpec], organisation: str) -> Told:
        return replace(super().heard(came, specs, organisation), records={})


class BelievesEverybody(Listens):
    def heard(self, came: Notice, specs: Sequence[StreamSpec], organisation: str) -> Told:
        with suppress(AccessError):
            return super().heard(came, specs, organisation)
        genuine = notice({}, self._crm.token, self._crm.clock.now())
        return super().heard(genuine, specs, organisation)


class KnowsNoTime(Listens):
    def heard(self, came: Notice, specs: Sequence[StreamSpec], organisation: str) -> Told:
        at = datetime.fromisoformat(came.body.decode().partition('"at": "')[2].partition('"')[0])
        return told(came, self._crm.token, at, specs, organisation)


class ListensToEveryOrganisation(Listens):
    def heard(self, came: Notice, specs: Sequence[StreamSpec], organisation: str) -> Told:
        del organisation
        return super().heard(came, specs, ORGANISATION)


class TellsNoNoticeFromAnother(Listens):
    def heard(self, came: Notice, specs: Sequence[StreamSpec], organisation: str) -> Told:
        return replace(super().heard(came, specs, organisation), key="notice")


CAUGHT = (
    (FetchesOneColumn, "a_fetched_record_is_as_a_pull_brings_it"),
    (FetchesFromAnIndex, "a_fetch_sees_what_changed_in_this_moment"),
    (LeavesOutWhatIsGone, "a_fetch_tells_what_is_gone"),
    (FetchesTheFirstPage, "a_fetch_of_many_brings_each_once"),
    (AsksForNothing, "a_fetch_of_nothing_brings_nothing"),
    (FetchesWhateverIsThere, "missing_fields_stop_a_fetch_and_are_all_named"),
    (HearsNothing, "a_notice_names_the_records"),
    (BelievesEverybody, "a_notice_that_was_altered_is_refused"),
    (KnowsNoTime, "an_old_notice_is_refused"),
    (ListensToEveryOrganisation, "a_notice_of_another_organisation_names_nothing"),
    (TellsNoNoticeFromAnother, "a_notice_can_be_told_from_the_next"),
)


@pytest.mark.parametrize(("mutant", "check"), CAUGHT, ids=lambda one: getattr(one, "__name__", one))
def test_the_suite_rejects_a_listener(mutant: type[MemoryConnector], check: str, reject: Reject) -> None:
    reject(mutant, check)
