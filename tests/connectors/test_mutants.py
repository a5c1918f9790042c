"""Connectors with one fault each in being or reading, made from the in-memory one: the suite must reject every one.

Beside each mutant stands a check that must fail on it: a suite that rejected it for another reason would have a hole.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from crm_kare.errors import AccessError, ConfigError, KareError
from crm_kare.labels import Label
from crm_kare.model import Problem
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
)
from crm_kare.testing.contract import CHECKS
from crm_kare.testing.memory import CAPABILITIES, MemoryConnector, MemoryCrm
from crm_kare.testing.memory.rig import MemoryRig

Reject = Callable[[type[MemoryConnector], str], None]


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


class CollectsAllPages(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        yield from list(super().pull(spec, cursor))


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


class AlwaysFindsSomething(MemoryConnector):
    def check(self, specs: Sequence[StreamSpec], fields: Sequence[LabelField]) -> list[Problem]:
        return [*super().check(specs, fields), Problem("odd", "Something is odd.", "Look.")]


class InventsObjects(MemoryConnector):
    def schema(self, source: str, *, fill_rates: bool = False) -> list[FieldInfo]:
        try:
            return super().schema(source, fill_rates=fill_rates)
        except ConfigError:
            return []


class LosesAnId(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            first = page.records.column(0).to_pylist()[:1]
            yield _mapped(page, spec.fields[0].column, lambda text, first=first: None if [text] == first else text)


class IsNeverTheSame(MemoryConnector):
    pulls = itertools.count()

    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        number = next(self.pulls)
        for page in super().pull(spec, cursor):
            yield _mapped(page, "name", lambda text: f"{text} {number}")


class ReadsLatinOnly(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "name", lambda text: text and text.encode("latin-1", "ignore").decode("latin-1"))


class CutsLongTexts(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "name", lambda text: text and text[:80])


class ForgetsLabels(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            yield _mapped(page, "crm_Override", lambda _: None)


class BringsNothingNew(MemoryConnector):
    def pull(self, spec: StreamSpec, cursor: str | None) -> Iterator[Page]:
        for page in super().pull(spec, cursor):
            again = cursor is not None and "after" not in cursor
            yield replace(page, records=_empty(spec)) if again else page


CAUGHT = (
    (DropsTheLastPage, "every_count_around_a_page_is_whole"),
    (RepeatsThePageBorder, "every_count_around_a_page_is_whole"),
    (YieldsNothingWhereThereIsNothing, "every_count_around_a_page_is_whole"),
    (SwallowsAFailedLogin, "a_wrong_login_is_a_problem_of_check_and_an_error_elsewhere"),
    (ForgetsTheTimeZone, "golden_rows_come_back_equal"),
    (CutsPointsInTimeToDays, "golden_rows_come_back_equal"),
    (TurnsMoneyIntoFloats, "golden_rows_come_back_equal"),
    (ReadsBlankAsEmptyText, "blank_comes_back_as_none"),
    (LosesBorderTies, "equal_stamps_at_the_border_lose_nothing"),
    (StartsTheCursorAtTheEnd, "a_stop_in_mid_pull_keeps_the_starting_point"),
    (ForgetsWhereItStopped, "a_stop_in_mid_pull_loses_nothing"),
    (ForgetsTombstones, "deleted_records_become_tombstones"),
    (CollectsAllPages, "pages_are_yielded_one_by_one"),
    (AlwaysPullsEverything, "capabilities_hold_in_both_directions"),
    (HidesAnAbility, "capabilities_hold_in_both_directions"),
    (GivesNoReason, "capabilities_hold_in_both_directions"),
    (LogsInWhenConstructed, "constructing_touches_nothing"),
    (OpensAFileWhenConstructed, "constructing_touches_nothing"),
    (ShowsItsToken, "nothing_shows_a_secret"),
    (RaisesFromCheck, "a_wrong_login_is_a_problem_of_check_and_an_error_elsewhere"),
    (ChecksTheFirstProblemOnly, "check_lists_all_problems_at_once"),
    (NamesOneMissingFieldOnly, "missing_fields_stop_the_pull_and_are_all_named"),
    (IgnoresMissingFields, "missing_fields_stop_the_pull_and_are_all_named"),
    (BringsEveryField, "only_mapped_fields_come"),
    (ProvisionsInADryRun, "provisioning_twice_changes_nothing"),
    (AlwaysSaysItCreates, "provisioning_twice_changes_nothing"),
    (KeepsFieldsOnDeprovision, "deprovisioning_takes_away_what_provisioning_made"),
    (SchemaOfNothing, "schema_shows_every_mapped_field"),
    (HasNoTimeZone, "the_organisation_has_a_name_and_a_zone"),
    (CountsNoCalls, "calls_are_counted"),
    (OtherSignature, "every_method_has_the_ports_signature"),
    (ChecksTheFirstProblemOnly, "check_finds_label_fields_that_are_not_there"),
    (DropsTheLastPage, "many_equal_stamps_cross_a_page"),
    (LosesBorderTies, "a_record_that_moves_between_pages_is_not_lost"),
    (ForgetsTombstones, "a_record_deleted_in_mid_pull_becomes_a_tombstone_later"),
    (AlwaysFindsSomething, "check_finds_nothing_wrong_when_all_is_well"),
    (InventsObjects, "an_unknown_object_is_a_config_error"),
    (LosesAnId, "ids_are_there_and_unique"),
    (IsNeverTheSame, "pulling_twice_brings_the_same"),
    (ReadsLatinOnly, "hostile_texts_come_back"),
    (CutsLongTexts, "a_long_text_comes_back_whole"),
    (ForgetsLabels, "label_fields_come_with_the_accounts"),
    (BringsNothingNew, "a_second_pull_brings_what_changed"),
)


@pytest.mark.parametrize(("mutant", "check"), CAUGHT, ids=lambda one: getattr(one, "__name__", one))
def test_the_suite_rejects(mutant: type[MemoryConnector], check: str, reject: Reject) -> None:
    reject(mutant, check)


def test_every_check_has_a_mutant() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_mutants*.py"))
    about_the_rig = {"every_label_the_rig_has_is_a_known_one"}
    unproved = {check.__name__ for check in CHECKS if f'"{check.__name__}"' not in text} - about_the_rig
    assert unproved == set()


def test_every_check_runs_on_the_memory_rig(tmp_path: Path) -> None:
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
