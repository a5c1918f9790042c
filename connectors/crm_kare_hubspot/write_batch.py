"""One batch on its way: look what HubSpot holds, send what is due at once, and look again before anything is repeated.

HubSpot has no conditional update, and its search lags: only the read right before the write lets a person's edit of a
minute ago survive. For the same reason nothing is sent twice blindly, though writing our values twice would do no harm:
between a lost answer and its repetition a person may have edited the record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crm_kare.errors import KareError, RetryError
from crm_kare.http import CallError, pause
from crm_kare.labels import Label
from crm_kare.model import Outcome, OutcomeStatus
from crm_kare.ports import Clock, LabelField, RecordWrite, WriteRequest
from crm_kare_hubspot.answers import Detail, Json, RefusalError, details, meaning
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.definitions import Definitions, Property
from crm_kare_hubspot.records import MERGED, merged_ids, read_batch
from crm_kare_hubspot.values import label_value, written
from crm_kare_hubspot.write_outcomes import Present, gone, judged, refused

_ROUNDS: Final = 6
"""How often a batch is looked at and sent, with waits of 1, 2, 4, 8 and 16 seconds."""

_REFUSED: Final = {"request", "gone"}
_HOPELESS: Final = {"login", "permission", "quota"}
_CALLS_OF_A_ROUND: Final = 2


class Job:
    """One `WriteRequest` on its way: what its batches share."""

    def __init__(self, client: Client, clock: Clock, crm: str, request: WriteRequest, definitions: Definitions) -> None:
        self.client, self.crm, self.request = client, crm, request
        self.labels: Mapping[str, Label] = {one.label.name: one.label for one in request.fields}
        self.columns: Mapping[str, str] = {one.label.name: one.field for one in request.fields}
        names = {name for one in request.records for name in one.values}
        self.fields = tuple(one for one in request.fields if one.label.name in names)
        self.over = False
        """A batch failed for good: those that have not begun do not."""
        self._clock, self._definitions = clock, definitions

    def wait(self, seconds: float) -> None:
        """Wait between two rounds; raises as `pause`."""
        pause(self._clock, seconds)

    def definitions(self) -> Mapping[str, Property]:
        """The properties as HubSpot defines them; none where it does not tell."""
        try:
            return self._definitions.properties(self.request.source)
        except KareError:
            return {}


@dataclass(frozen=True)
class Refusal:
    """Records that HubSpot refused together, none of which was written, and what it said."""

    records: list[RecordWrite]
    told: list[Detail]


class Batch:
    """Up to a hundred records on their way, in one thread."""

    def __init__(self, job: Job, records: Sequence[RecordWrite]) -> None:
        self.job = job
        self.left = list(records)
        self.done: dict[str, Outcome] = {}
        self.seen: dict[str, Present] = {}
        """What each record held when it was last looked at."""
        self.tried: set[str] = set()
        """Ids whose write may have arrived."""
        self.proof: tuple[str, str] | None = None
        """A record and a label on it which holds something else since HubSpot took it from us."""
        self.sent = False
        """Whether anything was."""
        self.error: KareError | None = None
        """What ended it before all records were settled."""
        self._last: CallError | None = None

    def carry_out(self, deliver: Callable[["Batch", list[RecordWrite]], None]) -> None:
        """Settle each record, or find out that it cannot be done now; `deliver` sends them."""
        if self.job.over:
            return
        try:
            self._rounds(deliver)
        except KareError as error:
            self.error, self.job.over = error, True

    def settle(self, outcome: Outcome) -> None:
        """The fate of a record is known."""
        self.done[outcome.account_id] = outcome
        self.tried.discard(outcome.account_id)

    def refuse(self, record: RecordWrite, detail: Detail) -> None:
        """HubSpot refused it."""
        self.settle(refused(record, detail, self.job.labels, self.job.crm))

    def fields(self, record: RecordWrite) -> dict[str, str | None]:
        """What is to be written, by property."""
        return {self.job.columns[name]: value for name, value in record.values.items()}

    def send(self, part: list[RecordWrite]) -> Refusal | None:
        """Send records, and settle those that were written; the others where HubSpot refused them.

        A record that the answer names neither as written nor as refused stays unsettled.

        Raises:
            CallError: it is not known what became of them, or nothing was done; worth another round.
            KareError: nor is there any use in one.
        """
        self.sent = True
        try:
            answer = self.job.client.send(self._update(part)).body
        except CallError as error:
            if error.trouble.kind in _REFUSED:
                return _refusal(part, error)
            if error.trouble.kind in _HOPELESS:
                raise meaning(error, self.job.request.source) from error
            if error.trouble.applied:
                self.tried.update(one.account_id for one in part)
            raise
        return self._sorted_out(part, answer)

    # -- rounds ------------------------------------------------------------------------------------------------------

    def _rounds(self, deliver: Callable[["Batch", list[RecordWrite]], None]) -> None:
        for attempt in range(_ROUNDS):
            if attempt:
                self.job.wait(max(2.0 ** (attempt - 1), self._asked()))
            with self.job.client.together(_CALLS_OF_A_ROUND):
                self._look()
                self._round(deliver)
            if not self.left:
                return
        self._look()
        if self.left:
            raise self._reason()

    def _round(self, deliver: Callable[["Batch", list[RecordWrite]], None]) -> None:
        self._last = None
        try:
            if self.left:
                deliver(self, self.left)
        except CallError as error:
            self._last = error
        self.left = [one for one in self.left if one.account_id not in self.done]

    def _look(self) -> None:
        """Settle the records that hold what is wanted, that a person moved, or that are gone."""
        if not self.left:
            return
        request, ids = self.job.request, [one.account_id for one in self.left]
        names = [*(one.field for one in self.job.fields), MERGED]
        found = read_batch(self.job.client, request.source, ids, names)
        held = {str(one.get("id")): present_values(one, self.job.fields) for one in found}
        survivors = {old: str(one.get("id")) for one in found for old in merged_ids(one)}
        for record in self.left:
            if outcome := self._judged(record, held.get(record.account_id), survivors):
                self.settle(outcome)
            self.tried.discard(record.account_id)
        self.left = [one for one in self.left if one.account_id not in self.done]

    def _judged(self, record: RecordWrite, held: Present | None, survivors: Mapping[str, str]) -> Outcome | None:
        if held is None:
            return gone(record, survivors.get(record.account_id), self.job.crm)
        self.seen[record.account_id] = held
        return judged(record, held, self.job.labels, tried=record.account_id in self.tried)

    def _asked(self) -> float:
        """Seconds that HubSpot's last answer asked us to wait."""
        return (self._last.trouble.retry_after if self._last else None) or 0.0

    def _reason(self) -> KareError:
        if self._last:
            return meaning(self._last, self.job.request.source)
        return RetryError("HubSpot did not take the records, again and again.", where=self.job.request.source)

    # -- one call ----------------------------------------------------------------------------------------------------

    def _update(self, part: Sequence[RecordWrite]) -> Call:
        inputs = [
            {"id": one.account_id, "objectWriteTraceId": one.account_id, "properties": self._properties(one)}
            for one in part
        ]
        request = self.job.request
        path = self.job.client.paths.objects(request.source, "batch", "update")
        return Call("POST", path, request.source, body={"inputs": inputs}, writes=True, repeatable=False, attempts=1)

    def _properties(self, record: RecordWrite) -> dict[str, str]:
        return {self.job.columns[name]: written(value, self.job.labels[name]) for name, value in record.values.items()}

    def _sorted_out(self, part: list[RecordWrite], answer: Json) -> Refusal | None:
        """Read a 200 or 207 record by record; its order is not ours."""
        written_ids = {str(one.get("id")) for one in answer.get("results") or () if isinstance(one, dict)}
        for record in part:
            if record.account_id in written_ids:
                self._changed(record)
        rest = [one for one in part if one.account_id not in written_ids]
        told = list(details(answer))
        if rest and told:
            return Refusal(rest, told)
        self.tried.update(one.account_id for one in rest)
        return None

    def _changed(self, record: RecordWrite) -> None:
        self.settle(Outcome(record.account_id, OutcomeStatus.CHANGED))
        held = self.seen[record.account_id]
        fresh = (name for name, value in record.values.items() if value and value != held[name])
        if self.proof is None and (name := next(fresh, None)):
            self.proof = record.account_id, name


def present_values(record: Json, fields: Sequence[LabelField]) -> Present:
    """Values by label name of one record as HubSpot answered it."""
    told = record.get("properties") or {}
    return {one.label.name: label_value(told.get(one.field), one.label) for one in fields}


def _refusal(part: list[RecordWrite], error: CallError) -> Refusal:
    told = list(error.details) if isinstance(error, RefusalError) else []
    return Refusal(part, told or [Detail(error.trouble.code, error.trouble.message)])
