"""Connectors with one fault each, made from the in-memory one: the suite must reject every one of them.

Beside each mutant stands a check that must fail on it: a suite that rejected it for another reason would have a hole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crm_kare.errors import AccessError, ConfigError, KareError, RetryError
from crm_kare.labels import Label
from crm_kare.model import Outcome, OutcomeStatus, Problem
from crm_kare.ports import (
    Calls,
    Capabilities,
    Context,
    FieldInfo,
    LabelField,
    Organisation,
    Page,
    ProvisionStep,
    StreamSpec,
    WriteRequest,
)
from crm_kare.testing.contract import CHECKS
from crm_kare.testing.memory import CAPABILITIES, MemoryConnector, MemoryCrm
from crm_kare.testing.memory.rig import MemoryRig


class DropsTheLastPage(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        pages = list(super().pull(spec, cursor))
        yield from pages if len(pages) == 1 else [*pages[:-2], replace(pages[-2], cursor=pages[-1].cursor)]


class RepeatsThePageBorder(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        last: pa.RecordBatch | None = None
        for page in super().pull(spec, cursor):
            records = page.records
            if last is not None:
                records = pa.Table.from_batches([last, records]).combine_chunks().to_batches()[0]
            yield replace(page, records=records)
            last = page.records.slice(max(0, page.records.num_rows - 1))


class YieldsNothingWhereThereIsNothing(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        return (page for page in super().pull(spec, cursor) if page.records.num_rows)


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


class SwallowsAFailedLogin(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        try:
            yield from super().pull(spec, cursor)
        except AccessError:
            yield Page(_empty(spec), cursor or "{}")


class ForgetsTheTimeZone(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "created_on", lambda text: text and text.removesuffix("Z"))


class CutsPointsInTimeToDays(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "created_on", lambda text: text and text[:10])


class TurnsMoneyIntoFloats(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "annual_revenue", lambda text: text and f"{float(text):.4g}")


class ReadsBlankAsEmptyText(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "industry", lambda text: text or "")


class LosesBorderTies(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield replace(page, cursor=page.cursor.replace("+00:00", ".000001+00:00"))


class StartsTheCursorAtTheEnd(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            state = json.loads(page.cursor)
            if "after" not in state:
                state["since"] = self._context.clock.now().isoformat()
            yield replace(page, cursor=json.dumps(state))


class ForgetsWhereItStopped(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            state = json.loads(page.cursor)
            yield replace(page, cursor=json.dumps({"since": state.get("start", state.get("since"))}))


class ForgetsTombstones(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        return (replace(page, deleted=()) for page in super().pull(spec, cursor))


class AlwaysPullsEverything(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        del cursor
        return super().pull(spec, None)


class HidesAnAbility(MemoryConnector):
    def __init__(self, crm: MemoryCrm, context: Context) -> None:
        super().__init__(crm, context)
        self.capabilities = replace(CAPABILITIES, incremental=False, reasons={"incremental": "It is said."})


class GivesNoReason(MemoryConnector):
    def __init__(self, crm: MemoryCrm, context: Context) -> None:
        super().__init__(crm, context)
        self.capabilities = Capabilities(CAPABILITIES.streams, 5, deletions=False)


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
        if updates:
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


class LogsInWhenConstructed(MemoryConnector):
    def __init__(self, crm: MemoryCrm, context: Context) -> None:
        super().__init__(crm, context)
        with suppress(KareError):
            self.organisation()


class OpensAFileWhenConstructed(MemoryConnector):
    def __init__(self, crm: MemoryCrm, context: Context) -> None:
        super().__init__(crm, context)
        list(context.folder.iterdir())


class ShowsItsToken(MemoryConnector):
    def __repr__(self) -> str:
        return f"ShowsItsToken({self._crm.token})"


class RaisesFromCheck(MemoryConnector):
    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        self.organisation()
        return super().check(specs, fields)


class ChecksTheFirstProblemOnly(MemoryConnector):
    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        return super().check(specs, fields)[:1]


class NamesOneMissingFieldOnly(MemoryConnector):
    def _missing(self, spec: StreamSpec) -> list[Problem]:
        return super()._missing(spec)[:1]


class IgnoresMissingFields(MemoryConnector):
    def _missing(self, spec: StreamSpec) -> list[Problem]:
        del spec
        return []


class BringsEveryField(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            records = page.records.append_column("more", pa.array([None] * page.records.num_rows, pa.string()))
            yield replace(page, records=records)


class ProvisionsInADryRun(MemoryConnector):
    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        steps = super().provision(source, fields, dry_run=dry_run)
        if dry_run:
            super().provision(source, fields, dry_run=False)
        return steps


class AlwaysSaysItCreates(MemoryConnector):
    def provision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        return [replace(one, action="create") for one in super().provision(source, fields, dry_run=dry_run)]


class KeepsFieldsOnDeprovision(MemoryConnector):
    def deprovision(self, source: str, fields: Sequence[LabelField], *, dry_run: bool) -> list[ProvisionStep]:
        del dry_run
        return super().deprovision(source, fields, dry_run=True)


class ReadsWhatIsGone(MemoryConnector):
    def read(
        self, source: str, account_ids: Sequence[str], fields: Sequence[LabelField]
    ) -> Mapping[str, Mapping[str, str | None]]:
        there = super().read(source, account_ids, fields)
        return {key: there.get(key, dict.fromkeys(one.label.name for one in fields)) for key in account_ids}


class SchemaOfNothing(MemoryConnector):
    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        return super().schema(source, fill_rates=fill_rates)[:1]


class HasNoTimeZone(MemoryConnector):
    def organisation(self) -> Organisation:
        return replace(super().organisation(), timezone="local")


class CountsNoCalls(MemoryConnector):
    def calls(self) -> Calls:
        return Calls()


class OtherSignature(MemoryConnector):
    def field_name(self, label: Label, prefix: str = "kare_") -> str:
        return super().field_name(label, prefix)

    def record_url(self, source: str, key: str) -> str:
        return super().record_url(source, key)


@dataclass(frozen=True)
class Mutant:
    kind: type[MemoryConnector]
    caught_by: str


MUTANTS = (
    Mutant(DropsTheLastPage, "every_count_around_a_page_is_whole"),
    Mutant(RepeatsThePageBorder, "every_count_around_a_page_is_whole"),
    Mutant(YieldsNothingWhereThereIsNothing, "every_count_around_a_page_is_whole"),
    Mutant(IgnoresPartialFailures, "one_bad_row_sinks_no_other"),
    Mutant(SinksTheWholeBatch, "one_bad_row_sinks_no_other"),
    Mutant(WritesAllFields, "nothing_else_is_touched"),
    Mutant(TouchesPeoplesFields, "nothing_else_is_touched"),
    Mutant(SwallowsAFailedLogin, "a_wrong_login_is_a_problem_of_check_and_an_error_elsewhere"),
    Mutant(ForgetsTheTimeZone, "golden_rows_come_back_equal"),
    Mutant(CutsPointsInTimeToDays, "golden_rows_come_back_equal"),
    Mutant(TurnsMoneyIntoFloats, "golden_rows_come_back_equal"),
    Mutant(ReadsBlankAsEmptyText, "blank_comes_back_as_none"),
    Mutant(LosesBorderTies, "equal_stamps_at_the_border_lose_nothing"),
    Mutant(StartsTheCursorAtTheEnd, "a_stop_in_mid_pull_keeps_the_starting_point"),
    Mutant(ForgetsWhereItStopped, "a_stop_in_mid_pull_loses_nothing"),
    Mutant(ForgetsTombstones, "deleted_records_become_tombstones"),
    Mutant(AlwaysPullsEverything, "capabilities_hold_in_both_directions"),
    Mutant(HidesAnAbility, "capabilities_hold_in_both_directions"),
    Mutant(GivesNoReason, "capabilities_hold_in_both_directions"),
    Mutant(CreatesRecords, "no_record_is_created_or_deleted"),
    Mutant(OverwritesAPersonsEdit, "a_persons_edit_since_is_a_conflict"),
    Mutant(WritesTheRestOfAConflict, "a_persons_edit_since_is_a_conflict"),
    Mutant(CallsWhatPeopleDoAConflict, "a_person_who_typed_what_we_wanted_is_no_conflict"),
    Mutant(ReordersOutcomes, "outcomes_come_in_the_order_given"),
    Mutant(LeavesOutWhatIsSame, "outcomes_come_in_the_order_given"),
    Mutant(WritesWhatIsThereAlready, "writing_twice_is_same"),
    Mutant(LosesTheLastRecordOfAFullBatch, "batch_borders_hold"),
    Mutant(WritesEmptyTextForBlank, "blank_is_written_as_blank"),
    Mutant(CallsALostAnswerRejected, "a_lost_answer_to_a_write_is_neither_lost_nor_doubled"),
    Mutant(CallsADeadServerChanged, "a_write_on_a_server_that_is_down_writes_nothing_and_says_so"),
    Mutant(GivesUpAtTheFirstTrouble, "one_server_error_on_reading_is_repeated"),
    Mutant(HammersAServerThatIsDown, "a_server_that_stays_down_is_a_retry_error"),
    Mutant(TakesTroubleForAnEmptyAnswer, "html_is_an_answer_that_cannot_be_read"),
    Mutant(LogsInWhenConstructed, "constructing_touches_nothing"),
    Mutant(OpensAFileWhenConstructed, "constructing_touches_nothing"),
    Mutant(ShowsItsToken, "nothing_shows_a_secret"),
    Mutant(RaisesFromCheck, "a_wrong_login_is_a_problem_of_check_and_an_error_elsewhere"),
    Mutant(ChecksTheFirstProblemOnly, "check_lists_all_problems_at_once"),
    Mutant(NamesOneMissingFieldOnly, "missing_fields_stop_the_pull_and_are_all_named"),
    Mutant(IgnoresMissingFields, "missing_fields_stop_the_pull_and_are_all_named"),
    Mutant(BringsEveryField, "only_mapped_fields_come"),
    Mutant(ProvisionsInADryRun, "provisioning_twice_changes_nothing"),
    Mutant(AlwaysSaysItCreates, "provisioning_twice_changes_nothing"),
    Mutant(KeepsFieldsOnDeprovision, "deprovisioning_takes_away_what_provisioning_made"),
    Mutant(ReadsWhatIsGone, "accounts_that_are_gone_are_not_read"),
    Mutant(SchemaOfNothing, "schema_shows_every_mapped_field"),
    Mutant(HasNoTimeZone, "the_organisation_has_a_name_and_a_zone"),
    Mutant(CountsNoCalls, "calls_are_counted"),
    Mutant(OtherSignature, "every_method_has_the_ports_signature"),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.kind.__name__)
def test_the_suite_rejects(mutant: Mutant, tmp_path: Path) -> None:
    (check,) = (one for one in CHECKS if one.__name__ == mutant.caught_by)
    check(MemoryRig(tmp_path))
    with pytest.raises((AssertionError, KareError, pytest.fail.Exception)):
        check(MemoryRig(tmp_path, mutant.kind))


def test_every_check_that_can_skip_runs_on_the_memory_rig(tmp_path: Path) -> None:
    skipped = []
    for check in CHECKS:
        try:
            check(MemoryRig(tmp_path))
        except pytest.skip.Exception:
            skipped.append(check.__name__)
    assert skipped == []


def _empty(spec: StreamSpec) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in spec.fields], schema=spec.arrow_schema())


def _mapped(page: Page, column: str, change: Any) -> Page:
    names = page.records.schema.names
    if column not in names:
        return page
    columns = [
        pa.array([change(text) for text in array.to_pylist()], pa.string()) if name == column else array
        for name, array in zip(names, page.records.columns, strict=True)
    ]
    return replace(page, records=pa.RecordBatch.from_arrays(columns, schema=page.records.schema))
