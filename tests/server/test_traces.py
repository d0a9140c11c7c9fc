from __future__ import annotations

import builtins
import gzip
import itertools
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from vultus.errors import ExtraMissing
from vultus.server import traces
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # W3C Trace Context's own example
STAGES = ["decode", "detect", "align", "embed", "attributes"]


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where an application that is started now sends its spans."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(traces, "open_provider", lambda _: provider)
    return memory


@pytest.fixture
def client(exporter: InMemorySpanExporter, start_app: Callable[..., Any]) -> Any:
    return start_app(streams=1)


def split(spans: Any) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """The one request's span, and the others in the order of their beginnings."""
    [request] = [span for span in spans if span.kind is SpanKind.SERVER]
    return request, sorted((span for span in spans if span is not request), key=lambda span: span.start_time or 0)


def test_a_request_is_a_span_with_one_for_each_stage_below_it(
    client: Any, exporter: InMemorySpanExporter, squares: Callable[..., bytes]
) -> None:
    answer = client.post(
        "/v1/faces?max_faces=3",
        content=squares((1, 1), (1, 2)),
        headers={
            "content-type": "image/png",
            "x-request-id": "r-1",
            "traceparent": f"00-{TRACE}-{PARENT}-01",
        },
    )
    request, stages = split(exporter.get_finished_spans())
    assert request.name == "POST /v1/faces"
    assert request.context
    assert request.parent
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == PARENT
    told = request.attributes or {}
    assert (told["http.route"], told["http.response.status_code"]) == ("/v1/faces", 200)
    assert (told["vultus.request_id"], told["vultus.pictures"], told["vultus.faces"]) == ("r-1", 1, 2)

    assert [stage.name for stage in stages] == STAGES
    seconds = answer.json()["pictures"][0]["seconds"]
    for stage in stages:
        assert stage.parent is not None
        assert stage.parent.span_id == request.context.span_id
        assert stage.attributes == {"vultus.picture": 0}
        assert stage.start_time
        assert stage.end_time
        assert request.start_time
        assert (stage.end_time - stage.start_time) / 1e9 == pytest.approx(seconds[stage.name], abs=1e-5)
        assert request.start_time - 10**7 <= stage.start_time  # two clocks that may differ a little
    for earlier, later in itertools.pairwise(stages):
        assert earlier.end_time == pytest.approx(later.start_time, abs=1000)


def test_each_picture_has_its_stages_and_one_that_cannot_be_used_has_none(
    client: Any, exporter: InMemorySpanExporter, squares: Callable[..., bytes]
) -> None:
    client.post("/v1/faces", files=[("file", squares()), ("file", b"no"), ("file", squares((1, 1)))])
    request, stages = split(exporter.get_finished_spans())
    assert {stage.attributes["vultus.picture"] for stage in stages if stage.attributes} == {0, 2}
    assert (request.attributes or {})["vultus.pictures"] == 3


def test_a_request_that_fails_has_a_span_too_and_probes_have_none(client: Any, exporter: InMemorySpanExporter) -> None:
    for path in ("/live", "/ready", "/metrics", "/health"):
        assert client.get(path).status_code == 200
    assert not exporter.get_finished_spans()
    client.post("/v1/faces", content=b"x", headers={"content-type": "text/plain"})
    request, stages = split(exporter.get_finished_spans())
    assert (request.attributes or {})["http.response.status_code"] == 415
    assert not stages


def test_no_span_tells_what_was_sent(
    client: Any, exporter: InMemorySpanExporter, squares: Callable[..., bytes]
) -> None:
    named = {"urls": ["http://127.0.0.1:1/picture.jpg?signature=secret"]}
    client.post("/extract", json={"images": named}, headers={"x-api-key": "secret", "authorization": "Bearer secret"})
    spans = exporter.get_finished_spans()
    assert spans
    assert not [span for span in spans if "secret" in span.to_json() or "127.0.0.1:1" in span.to_json()]


def test_unless_a_collector_is_named_there_are_none() -> None:
    assert traces.open_provider(Settings(runtime="dummy"), {}) is None
    assert traces.telemetry_of(None)["tracing"] is False


@pytest.mark.parametrize(
    ("given", "environment", "named"),
    [
        ({"otel_endpoint": "http://127.0.0.1:4318"}, {}, "otel_endpoint"),
        ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_without_the_extra_a_collector_is_an_error_that_says_what_to_do(
    given: dict[str, Any], environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def lacking(name: str, *more: Any) -> Any:
        if name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(ExtraMissing, match=rf"^{named} is set.*vultus\[otel\]"):
        traces.open_provider(Settings(runtime="dummy", **given), environment)


def test_an_endpoint_is_an_address() -> None:
    with pytest.raises(ValueError, match="otel_endpoint"):
        Settings(otel_endpoint="collector:4318")


class Collector(HTTPServer):
    """Keeps what is exported to it."""

    def __init__(self) -> None:
        self.got: list[tuple[str, ExportTraceServiceRequest]] = []
        super().__init__(("127.0.0.1", 0), self._Handler)

    class _Handler(BaseHTTPRequestHandler):
        server: Collector

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            self.server.got.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("by_setting", [True, False])
def test_spans_reach_the_collector_at_the_latest_when_the_server_ends(
    collector: Collector, by_setting: bool, monkeypatch: pytest.MonkeyPatch, start_app: Callable[..., Any]
) -> None:
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    if by_setting:
        given: dict[str, Any] = {"otel_endpoint": f"{address}/"}
    else:
        given = {}
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    ready = threading.Event()
    app = create_app(Settings(runtime="dummy", streams=1, **given), on_ready=lambda _: ready.set())
    with type(start_app(streams=1))(app) as client:
        assert ready.wait(30)
        client.get("/v1/info")
    [(path, exported)] = collector.got
    assert path == "/v1/traces"
    [resource] = exported.resource_spans
    names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
    assert names["service.name"] == "vultus"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["GET /v1/info"]
