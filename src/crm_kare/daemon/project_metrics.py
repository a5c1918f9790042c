"""What Prometheus reads of many projects: each project's metrics with a label `project`, and what the projects share."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crm_kare import __version__
from crm_kare.daemon.workers import Workers

_SHARED = ("process_", "crm_kare_build_info")
"""Beginnings of what is the process's, not a project's."""

State = Callable[[], Mapping[str, Callable[[], Iterable[Metric]] | None]]
"""Tells every project by name, with what collects its metrics; None where it is out of order."""


class ProjectMetrics:
    """Answers Prometheus for many projects.

    Args:
        state: tells the projects.
        workers: what they share.
    """

    def __init__(self, state: State, workers: Workers) -> None:
        self._registry = CollectorRegistry()
        info = Gauge("crm_kare_build_info", "Always 1; the version is its label.", ["version"], registry=self._registry)
        info.labels(__version__).set(1)
        self._registry.register(_OfProjects(state, workers))
        ProcessCollector(registry=self._registry)

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics, and their content type: the form that `accept` (the request's header) asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _OfProjects(Collector):
    def __init__(self, state: State, workers: Workers) -> None:
        self._state, self._workers = state, workers

    def describe(self) -> list[Metric]:
        """Nothing yet: the registry would ask all databases for it."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Each family once, with the samples of all projects."""
        state = self._state()
        families: dict[str, Metric] = {}
        for project, collect in state.items():
            for metric in collect() if collect else ():
                if not metric.name.startswith(_SHARED):
                    family = families.setdefault(metric.name, _empty(metric))
                    family.samples += [
                        one._replace(labels={"project": project, **one.labels}) for one in metric.samples
                    ]
        yield from families.values()
        yield from self._shared(state)

    def _shared(self, state: Mapping[str, object]) -> Iterator[Metric]:
        up = GaugeMetricFamily("crm_kare_project_up", "1 while a project is in order.", labels=["project"])
        waiting = GaugeMetricFamily("crm_kare_runs_waiting", "Runs that wait for a worker.", labels=["project"])
        for project, collect in state.items():
            up.add_metric([project], collect is not None)
            waiting.add_metric([project], self._workers.waiting(project))
        yield from (up, waiting)
        yield GaugeMetricFamily("crm_kare_workers", "Runs that may take place at a time.", value=self._workers.count)
        yield GaugeMetricFamily("crm_kare_workers_busy", "Runs that take place now.", value=self._workers.busy())


def _empty(metric: Metric) -> Metric:
    return Metric(metric.name, metric.documentation, metric.type, metric.unit)
