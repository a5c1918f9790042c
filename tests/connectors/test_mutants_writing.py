"""As `test_mutants`, with faults in writing, in meeting people's edits, and in trouble."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from crm_kare.errors import ConfigError, KareError, RetryError
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import (
    Context,
    LabelField,
    Page,
    StreamSpec,
    WriteRequest,
)
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.memory import MemoryConnector, MemoryCrm

Reject = Callable[[type[MemoryConnector], str], None]


class IgnoresPartialFailures(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        return [
            Outcome(one.account_id, OutcomeStatus.CHANGED) if one.status is OutcomeStatus.REJECTED else one
            for one in super().write(request)
        ]


class SinksTheWholeBatch(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        outcomes = super().write(request)
        if all(one.status is not OutcomeStatus.REJECTED for one in outcomes):
            return outcomes
        return [replace(one, status=OutcomeStatus.REJECTED, code="BATCH_FAILED") for one in outcomes]


class WritesAllFields(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        names = [one.label.name for one in request.fields]
        records = [
            replace(
                one,
                values=dict.fromkeys(names, None) | dict(one.values),
                expected=self.read(request.source, [one.account_id], request.fields).get(one.account_id, {}),
            )
            for one in request.records
        ]
        return super().write(replace(request, records=tuple(records)))


class TouchesPeoplesFields(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        outcomes = super().write(request)
        for one in outcomes:
            if one.status is OutcomeStatus.CHANGED:
                self._crm.edit(request.source, one.account_id, {"kare_override": None})
        return outcomes


class CreatesRecords(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        there = self._crm.records(request.source)
        for one in request.records:
            if one.account_id not in there:
                self._crm.insert(request.source, {}, one.account_id)
        return super().write(request)


class OverwritesAPersonsEdit(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        held = self.read(request.source, [one.account_id for one in request.records], request.fields)
        records = [replace(one, expected=held.get(one.account_id, {})) for one in request.records]
        return super().write(replace(request, records=tuple(records)))


class WritesTheRestOfAConflict(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        outcomes = super().write(request)
        fields = {one.label.name: one.field for one in request.fields}
        for record, one in zip(request.records, outcomes, strict=True):
            if one.status is OutcomeStatus.CONFLICT:
                kept = dict(one.present)
                rest = {name: text for name, text in record.values.items() if kept[name] == record.expected.get(name)}
                self._crm.edit(request.source, one.account_id, {fields[name]: text for name, text in rest.items()})
        return outcomes


class CallsWhatPeopleDoAConflict(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        held = self.read(request.source, [one.account_id for one in request.records], request.fields)
        return [
            Outcome(record.account_id, OutcomeStatus.CONFLICT)
            if any(held.get(record.account_id, {}).get(name) != text for name, text in record.expected.items())
            else one
            for record, one in zip(request.records, super().write(request), strict=True)
        ]


class ReordersOutcomes(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        return sorted(super().write(request), key=lambda one: one.account_id)


class LeavesOutWhatIsSame(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        return [one for one in super().write(request) if one.status is not OutcomeStatus.SAME]


class WritesWhatIsThereAlready(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        fields = {one.label.name: one.field for one in request.fields}
        updates = [
            (one.account_id, {fields[name]: text for name, text in one.values.items()}) for one in request.records
        ]
        outcomes = super().write(request)
        self._call("write", request.source, lambda: self._crm.update(request.source, updates))
        return outcomes


class LosesTheLastRecordOfAFullBatch(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        if len(request.records) < self.capabilities.write_batch:
            return super().write(request)
        last = request.records[-1].account_id
        return [
            *super().write(replace(request, records=request.records[:-1])),
            Outcome(last, OutcomeStatus.CHANGED),
        ]


class WritesEmptyTextForBlank(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        outcomes = super().write(request)
        fields = {one.label.name: one.field for one in request.fields}
        for record, one in zip(request.records, outcomes, strict=True):
            if one.status is OutcomeStatus.CHANGED:
                blank = {fields[name]: "" for name, text in record.values.items() if text is None}
                self._crm.edit(request.source, record.account_id, blank)
        return outcomes


class CallsALostAnswerRejected(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        return [
            replace(one, status=OutcomeStatus.REJECTED) if one.status is OutcomeStatus.UNKNOWN else one
            for one in super().write(request)
        ]


class CallsADeadServerChanged(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        try:
            return super().write(request)
        except RetryError:
            return [Outcome(one.account_id, OutcomeStatus.CHANGED) for one in request.records]


class GivesUpAtTheFirstTrouble(MemoryConnector):
    def _counted(self, verb: str, call: Any) -> Any:
        try:
            return super()._counted(verb, call)
        except Exception as error:
            if "500" in str(error):
                raise RetryError("The CRM is unavailable.", where="accounts") from error
            raise


class HammersAServerThatIsDown(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for _ in range(10):
            with suppress(RetryError):
                yield from super().pull(spec, cursor)
                return
        yield from super().pull(spec, cursor)


class TakesTroubleForAnEmptyAnswer(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        try:
            yield from super().pull(spec, cursor)
        except ConfigError:
            raise
        except KareError:
            yield Page(_empty(spec), cursor or "{}")


class ReadsWhatIsGone(MemoryConnector):
    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        there = super().read(source, account_ids, fields)
        return {key: there.get(key, dict.fromkeys(one.label.name for one in fields)) for key in account_ids}


class FlattensLineBreaks(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        records = [
            replace(one, values={name: text and text.replace("\n", " ") for name, text in one.values.items()})
            for one in request.records
        ]
        return super().write(replace(request, records=tuple(records)))


class TakesAnyValue(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        fields = {one.label.name: one.field for one in request.fields}
        for one in request.records:
            self._crm.edit(request.source, one.account_id, {fields[name]: text for name, text in one.values.items()})
        return [Outcome(one.account_id, OutcomeStatus.CHANGED) for one in request.records]


class StampsWhatItReads(MemoryConnector):
    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        self._call("write", source, lambda: self._crm.update(source, [(key, {}) for key in account_ids]))
        return super().read(source, account_ids, fields)


class CallsAnOverrideAConflict(MemoryConnector):
    def write(self, request: WriteRequest) -> list[Outcome]:
        there = self._crm.records(request.source)
        return [
            replace(one, status=OutcomeStatus.CONFLICT) if there.get(one.account_id, {}).get("kare_override") else one
            for one in super().write(request)
        ]


class NeverRenewsItsLogin(MemoryConnector):
    def _try(self, verb: str, call: Any) -> Any:
        return self._counted(verb, call)


class DoesNotWait(MemoryConnector):
    def __init__(self, crm: MemoryCrm, context: Context) -> None:
        super().__init__(crm, replace(context, clock=FakeClock()))


class StaysBroken(MemoryConnector):
    broken: KareError | None = None

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        if self.broken is not None:
            raise self.broken
        try:
            yield from super().pull(spec, cursor)
        except KareError as error:
            self.broken = error
            raise


CAUGHT = (
    (IgnoresPartialFailures, "one_bad_row_sinks_no_other"),
    (SinksTheWholeBatch, "one_bad_row_sinks_no_other"),
    (WritesAllFields, "nothing_else_is_touched"),
    (TouchesPeoplesFields, "nothing_else_is_touched"),
    (CreatesRecords, "no_record_is_created_or_deleted"),
    (OverwritesAPersonsEdit, "a_persons_edit_since_is_a_conflict"),
    (WritesTheRestOfAConflict, "a_persons_edit_since_is_a_conflict"),
    (CallsWhatPeopleDoAConflict, "a_person_who_typed_what_we_wanted_is_no_conflict"),
    (ReordersOutcomes, "outcomes_come_in_the_order_given"),
    (LeavesOutWhatIsSame, "outcomes_come_in_the_order_given"),
    (WritesWhatIsThereAlready, "writing_twice_is_same"),
    (LosesTheLastRecordOfAFullBatch, "batch_borders_hold"),
    (WritesEmptyTextForBlank, "blank_is_written_as_blank"),
    (CallsALostAnswerRejected, "a_lost_answer_to_a_write_is_neither_lost_nor_doubled"),
    (CallsADeadServerChanged, "a_write_on_a_server_that_is_down_writes_nothing_and_says_so"),
    (GivesUpAtTheFirstTrouble, "one_server_error_on_reading_is_repeated"),
    (HammersAServerThatIsDown, "a_server_that_stays_down_is_a_retry_error"),
    (TakesTroubleForAnEmptyAnswer, "html_is_an_answer_that_cannot_be_read"),
    (ReadsWhatIsGone, "accounts_that_are_gone_are_not_read"),
    (OverwritesAPersonsEdit, "an_edit_by_a_person_in_a_blank_field_is_a_conflict"),
    (OverwritesAPersonsEdit, "a_value_cleared_by_a_person_is_a_conflict"),
    (WritesWhatIsThereAlready, "an_empty_request_writes_nothing"),
    (TakesTroubleForAnEmptyAnswer, "a_login_refused_always_is_an_access_error"),
    (TakesTroubleForAnEmptyAnswer, "a_missing_permission_is_an_access_error"),
    (TakesTroubleForAnEmptyAnswer, "a_used_up_allowance_is_a_quota_error"),
    (TakesTroubleForAnEmptyAnswer, "half_an_answer_cannot_be_read"),
    (FlattensLineBreaks, "what_is_written_is_read_back"),
    (TakesAnyValue, "a_value_outside_the_picklist_is_rejected"),
    (StampsWhatItReads, "reading_writes_nothing"),
    (CallsAnOverrideAConflict, "an_edit_of_another_field_is_no_conflict"),
    (NeverRenewsItsLogin, "a_login_refused_once_is_renewed"),
    (DoesNotWait, "too_fast_waits_as_asked"),
    (StaysBroken, "after_trouble_the_same_connector_works"),
)


@pytest.mark.parametrize(("mutant", "check"), CAUGHT, ids=lambda one: getattr(one, "__name__", one))
def test_the_suite_rejects(mutant: type[MemoryConnector], check: str, reject: Reject) -> None:
    reject(mutant, check)


def _empty(spec: StreamSpec) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in spec.fields], schema=spec.arrow_schema())
