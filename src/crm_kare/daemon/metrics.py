"""What Prometheus reads at `/metrics`: this process's runs as they end, and what the state store holds when it is asked.

Labels have values of the project file (`crm`) or of lists in the code, never customers' data.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crm_kare import __version__
from crm_kare.daemon.reload import Reload
from crm_kare.daemon.roster import Timetable
from crm_kare.daemon.webhooks import ANSWERS
from crm_kare.errors import KareError
from crm_kare.journal import Journal
from crm_kare.model import OutcomeStatus, RunStatus
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime

WHOLE, WEBHOOK = "sync", "webhook"
"""Kinds of runs: of a whole CRM, and of the records that a CRM told of."""

SENT, FAILED, DROPPED = "sent", "failed", "dropped"
"""What becomes of an alert."""

_MINUTE: Final = 60
_SECONDS: Final = (1, 5, 15, 30, *(_MINUTE * many for many in (1, 2, 5, 10, 20, 30, 60, 120, 240)))
_STREAMS: Final = ("accounts", "opportunities", "deleted")
_DIRECTIONS: Final = ("read", "write")
_MOST_STARTS: Final = 100


@dataclass(frozen=True)
class Now:
    """What the daemon knows at this moment: its project, of each CRM the next start, how many records wait, whether it is paused and
    its timetable, and how it stands with the configuration's files.
    """

    runtime: Callable[[], Runtime]
    next_start: Callable[[str], datetime | None]
    waiting: Callable[[str], int]
    paused: Callable[[str], bool]
    reload: Callable[[], Reload]
    timetable: Callable[[str], Timetable]


class Metrics:
    """Counts what runs did; `page` is what Prometheus is answered. The registry is this object's own.

    Args:
        now: what the daemon knows.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._registry = registry = CollectorRegistry()
        self._runs = Counter("crm_kare_runs", "Runs that ended, by how.", ["crm", "kind", "status"], registry=registry)
        self._seconds = Histogram(
            "crm_kare_run_duration_seconds", "How long runs took.", ["crm", "kind"], buckets=_SECONDS, registry=registry
        )
        self._running = Gauge("crm_kare_runs_in_progress", "Runs under way.", ["crm"], registry=registry)
        self._read = Counter(
            "crm_kare_records_read", "Records that pulls brought, or found gone.", ["crm", "stream"], registry=registry
        )
        self._records = Counter(
            "crm_kare_records", "Accounts to write, by what became of it.", ["crm", "outcome"], registry=registry
        )
        self._calls = Counter("crm_kare_api_calls", "Calls to the CRM.", ["crm", "direction"], registry=registry)
        self._webhooks = Counter(
            "crm_kare_webhook_requests", "Requests of webhooks, by the answer.", ["crm", "code"], registry=registry
        )
        self._alerts = Counter(
            "crm_kare_alert_messages",
            "Alerts by what became of them, for each address.",
            ["outcome"],
            registry=registry,
        )
        for outcome in (SENT, FAILED, DROPPED):
            self._alerts.labels(outcome)
        self._used = Gauge(
            "crm_kare_quota_used", "Calls used of the CRM's day, by all its users, as last told.", ["crm"], registry=registry
        )  # fmt: skip
        self._limit = Gauge("crm_kare_quota_limit", "Calls that the CRM allows a day.", ["crm"], registry=registry)
        info = Gauge("crm_kare_build_info", "Always 1; the version is its label.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        registry.register(_Kept(now))
        ProcessCollector(registry=registry)
        self.adopt()

    def adopt(self) -> None:
        """Take in the CRMs of a changed configuration; what was counted stays."""
        project = self._now.runtime().project
        self._begin_at_zero(project.crms)
        for crm in filter(project.webhooks, project.crms):
            for status in ANSWERS:
                self._webhooks.labels(crm, str(status))

    def begins(self, crm: str) -> None:
        """A run of a CRM begins."""
        self._running.labels(crm).inc()

    def ends(self, crm: str, kind: str, status: str, seconds: float) -> None:
        """It ended, whatever became of it."""
        self._running.labels(crm).dec()
        self._runs.labels(crm, kind, status).inc()
        self._seconds.labels(crm, kind).observe(seconds)

    def count(self, result: RunResult) -> None:
        """What a run did."""
        for stream in _STREAMS:
            self._read.labels(result.crm, stream).inc(getattr(result.pulled, stream))
        for outcome in OutcomeStatus:
            self._records.labels(result.crm, outcome.value).inc(getattr(result.applied, outcome.value))
        for direction in _DIRECTIONS:
            self._calls.labels(result.crm, direction).inc(getattr(result.calls, direction))
        if result.quota.used is not None and result.quota.limit is not None:
            self._used.labels(result.crm).set(result.quota.used)
            self._limit.labels(result.crm).set(result.quota.limit)

    def answered(self, crm: str, status: int) -> None:
        """A webhook's request was answered with an HTTP status."""
        self._webhooks.labels(crm, str(status)).inc()

    def collect(self) -> list[Metric]:
        """All metrics, for a page of many projects."""
        return list(self._registry.collect())

    def alerted(self, outcome: str) -> None:
        """An alert was sent to an address, failed there, or found no room."""
        self._alerts.labels(outcome).inc()

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics, and their content type: the form that `accept` (the request's header) asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _begin_at_zero(self, crms: Iterable[str]) -> None:
        """A counter that appears with its first event has no rate for it."""
        for crm in crms:
            self._running.labels(crm)
            for kind in (WHOLE, WEBHOOK):
                self._seconds.labels(crm, kind)
                for status in set(RunStatus) - {RunStatus.RUNNING}:
                    self._runs.labels(crm, kind, status.value)
            self.count(RunResult("", crm, RunStatus.RUNNING))


class _Kept(Collector):
    """What the state store and the scheduler tell, read when asked: right after a restart too, and whoever ran the CRM."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._began = now.runtime().clock.now()

    @property
    def _runtime(self) -> Runtime:
        return self._now.runtime()

    def collect(self) -> Iterator[Metric]:
        """Every gauge; where the database does not answer, none that needs it."""
        try:
            kept = list(self._kept())
        except KareError:
            kept = []
        yield GaugeMetricFamily("crm_kare_database_up", "Whether the state database answers.", value=bool(kept))
        yield from kept
        yield from self._known()

    def _known(self) -> Iterator[Metric]:
        upcoming = _family("crm_kare_next_start_timestamp_seconds", "When the schedule starts the CRM's next run.")
        waiting = _family("crm_kare_webhook_records_waiting", "Records that webhooks told of, and no run took in yet.")
        paused = _family("crm_kare_paused", "1 while no run of the CRM is to start, since somebody paused it.")
        for crm in self._runtime.project.crms:
            moment = self._now.next_start(crm)
            if moment is not None:
                upcoming.add_metric([crm], moment.timestamp())
            waiting.add_metric([crm], self._now.waiting(crm))
            paused.add_metric([crm], self._now.paused(crm))
        yield from (upcoming, waiting, paused)
        reload = self._now.reload()
        yield GaugeMetricFamily(
            "crm_kare_config_loaded_timestamp_seconds",
            "When the configuration in force was read.",
            value=reload.loaded_at.timestamp(),
        )
        yield GaugeMetricFamily(
            "crm_kare_config_problem",
            "1 while the configuration's files are wrong, and the one before is in force.",
            value=reload.problem is not None,
        )

    def _kept(self) -> Iterator[Metric]:
        journal: Journal = self._runtime.journal
        success = _family(
            "crm_kare_last_success_timestamp_seconds", "When the last whole run that came to its end ended."
        )
        missed = _family(
            "crm_kare_starts_since_success", "Times that the schedule named since then (or since the daemon began)."
        )
        rejections = _family("crm_kare_open_rejections", "Accounts whose last write the CRM refused.")
        refused = journal.changes.count_rejected()
        for crm in self._runtime.project.crms:
            run = journal.runs.last_success(crm)
            ended = run.ended_at if run else None
            if ended is not None:
                success.add_metric([crm], ended.timestamp())
            self._add_missed(missed, crm, ended or self._began)
            rejections.add_metric([crm], refused.get(crm, 0))
        yield from (success, missed, rejections)
        yield from self._labels(journal)

    def _labels(self, journal: Journal) -> Iterator[Metric]:
        accounts = _family("crm_kare_accounts", "Accounts by the profile they show, as last judged.", "profile")
        unknown = _family("crm_kare_unknown_ratio", "Share of the accounts about which too little is known.")
        for crm in self._runtime.project.crms:
            run = journal.runs.last_labelled(crm)
            told: dict[str, Any] = dict(run.summary) if run else {}
            for profile, count in told.get("profiles", {}).items():
                accounts.add_metric([crm, profile], count)
            if told.get("scored"):
                unknown.add_metric([crm], told["profiles"]["unknown"] / told["scored"])
        yield from (accounts, unknown)

    def _add_missed(self, family: GaugeMetricFamily, crm: str, since: datetime) -> None:
        table = self._now.timetable(crm)
        if table.cron:
            family.add_metric([crm], table.count(since, self._runtime.clock.now(), _MOST_STARTS))


def _family(name: str, told: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, labels=["crm", *labels])
