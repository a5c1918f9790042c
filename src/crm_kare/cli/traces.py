"""Traces by OpenTelemetry, where its standard environment names a collector: a span a run, and one for each of its steps."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from crm_kare import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OtelSpan

    from crm_kare.sync.tracing import Fact, Span, Tracer

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_MISSING: Final = (
    "Traces are asked for (OTEL_EXPORTER_OTLP_ENDPOINT), and OpenTelemetry is not installed; the command goes on without."
    " Install it: pip install 'crm-kare[tracing]'"
)


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, and does not switch traces off."""
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not off and any(environment.get(name) for name in _ENDPOINTS)


@contextmanager
def tracing(tell: Callable[[str], None]) -> "Iterator[Tracer]":
    """A tracer for the length of the block, which sends what it has at its end. `tell` is told where it is not installed."""
    try:
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  an extra, and heavy

        provider = _provider(TracerProvider)
    except ModuleNotFoundError:
        from crm_kare.sync.tracing import UNTRACED  # noqa: PLC0415  heavy

        tell(_MISSING)
        yield UNTRACED
        return
    try:
        yield _Tracer(provider.get_tracer("crm_kare", __version__))
    finally:
        provider.shutdown()


def _provider(make: Any) -> Any:
    """The exporter reads its settings (endpoint, headers, time-out, certificate) from `OTEL_EXPORTER_OTLP_…` itself."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  an extra
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415  an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  an extra

    ours = Resource({"service.name": "crm-kare", "service.version": __version__})
    provider = make(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class _Tracer:
    """Ours over OpenTelemetry's."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer

    @contextmanager
    def run(self, crm: str, run_id: str, verb: str) -> "Iterator[Span]":
        """A span of its own trace."""
        with _span(self._tracer, f"crm-kare {verb}", None) as span:
            span.note(crm=crm, run_id=run_id, verb=verb)
            yield span


class _Span:
    """A span; its children name it as their parent, since runs of several CRMs go on side by side."""

    def __init__(self, tracer: Any, span: "OtelSpan") -> None:
        self._tracer, self._span = tracer, span

    def note(self, **facts: "Fact") -> None:
        self._span.set_attributes({f"crm_kare.{name}": value for name, value in facts.items()})

    def fail(self, code: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415  an extra

        self._span.set_status(StatusCode.ERROR, code)

    @contextmanager
    def step(self, name: str) -> "Iterator[Span]":
        with _span(self._tracer, name, self._span) as span:
            yield span


@contextmanager
def _span(tracer: Any, name: str, parent: "OtelSpan | None") -> "Iterator[_Span]":
    """An error that ends the block is not recorded by itself: its words may hold customers' data."""
    from opentelemetry.context import Context  # noqa: PLC0415  an extra
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415  an extra

    context = set_span_in_context(parent) if parent else Context()
    span = tracer.start_span(name, context, record_exception=False, set_status_on_exception=False)
    try:
        yield _Span(tracer, span)
    finally:
        span.end()
