"""A collector that speaks OTLP over HTTP, and a process whose telemetry is put back afterwards."""

import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from plait.telemetry import logs
from plait.telemetry.export import OnceAMinute
from plait.telemetry.setup import shutdown

REQUESTS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


class Collector:
    """What was sent to it; `status` is what it answers, `hangs` whether it does not answer."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self.hangs = False
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path, content_type, body):
        if self.hangs:
            self._closing.wait(20)
        assert content_type == "application/x-protobuf"
        with self._arrived:
            self.requests.append(REQUESTS[path].FromString(body))
            self._arrived.notify_all()

    def wait(self, condition, seconds=10):
        """Wait until the condition is true of this collector."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: condition(self), seconds), self.requests

    def resource_spans(self):
        found = (r for r in self.requests if isinstance(r, ExportTraceServiceRequest))
        return [spans for request in found for spans in request.resource_spans]

    def spans(self):
        scopes = (scope for resource in self.resource_spans() for scope in resource.scope_spans)
        return [span for scope in scopes for span in scope.spans]

    def resource_metrics(self):
        found = (r for r in self.requests if isinstance(r, ExportMetricsServiceRequest))
        return [metrics for request in found for metrics in request.resource_metrics]

    def metrics(self):
        scopes = (scope for resource in self.resource_metrics() for scope in resource.scope_metrics)
        return [metric for scope in scopes for metric in scope.metrics]

    def close(self):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(collector):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(self.path, self.headers["content-type"], body)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    return Handler


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def own_process(monkeypatch):
    """Forget OpenTelemetry's variables, and put logging and telemetry back as they were."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    _let_everybody_speak()
    yield monkeypatch
    shutdown()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    for logger in map(logging.getLogger, logging.root.manager.loggerDict):
        for muffler in [f for f in logger.filters if isinstance(f, OnceAMinute)]:
            logger.removeFilter(muffler)


@pytest.fixture
def took():
    """Measure seconds: `with took() as seconds: ...; seconds()`."""

    class Took:
        def __enter__(self):
            self._began = time.monotonic()
            return lambda: self._seconds

        def __exit__(self, *args):
            self._seconds = time.monotonic() - self._began

    return Took


def _let_everybody_speak():
    """Undo what other tests of this process have told OpenTelemetry's loggers."""
    logging.disable(logging.NOTSET)
    for name in [n for n in logging.root.manager.loggerDict if n.startswith("opentelemetry")]:
        logger = logging.getLogger(name)
        logger.disabled, logger.propagate, logger.filters[:] = False, True, []
        logger.setLevel(logging.NOTSET)
