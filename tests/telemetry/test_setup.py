"""Promises of turning telemetry on and off."""

import json
import logging
import socket
import subprocess
import sys
import threading

import pytest
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider

from plait.telemetry import logs, providers
from plait.telemetry.setup import setup, shutdown

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def environment(own_process):
    return own_process.setenv


@pytest.fixture
def exporting(environment, collector):
    """The environment of a process that is told to send everything to the collector."""
    environment("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    yield collector
    shutdown()


@pytest.fixture
def nobody():
    """The address of a port at which nobody listens, for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def lines(capsys):
    """The log lines that were written to standard error."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def work(name="work", **attributes):
    with (
        providers.tracers()
        .get_tracer("test")
        .start_as_current_span(name, attributes=attributes) as span
    ):
        return span.get_span_context()


def measure(name="measured"):
    providers.meters().get_meter("test").create_counter(name).add(1)


def threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("Otel")}


def test_spans_reach_the_collector_with_who_made_them(exporting):
    setup("catalog", version="1.2", instance="catalog-1")
    context = work()
    shutdown()

    [resource] = exporting.resource_spans()
    said = {item.key: item.value.string_value for item in resource.resource.attributes}
    [span] = exporting.spans()
    assert said["service.name"] == "catalog"
    assert said["service.version"] == "1.2"
    assert said["service.instance.id"] == "catalog-1"
    assert span.name == "work"
    assert span.trace_id.hex() == f"{context.trace_id:032x}"


def test_metrics_reach_the_collector_with_who_made_them(exporting):
    setup("catalog", instance="catalog-1")
    measure()
    shutdown()

    said = {
        item.key: item.value.string_value
        for item in exporting.resource_metrics()[0].resource.attributes
    }
    assert said["service.name"] == "catalog"
    assert [metric.name for metric in exporting.metrics()] == ["measured"]


def test_a_span_arrives_soon_without_any_shutdown(exporting):
    setup("catalog")
    work()

    exporting.wait(lambda collector: collector.spans(), seconds=4)


def test_the_delay_can_be_told(exporting, environment):
    environment("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    setup("catalog")
    work()

    with pytest.raises(AssertionError):
        exporting.wait(lambda collector: collector.spans(), seconds=1)
    shutdown()
    assert len(exporting.spans()) == 1


def test_metrics_arrive_as_often_as_told(exporting, environment):
    environment("OTEL_METRIC_EXPORT_INTERVAL", "20")
    setup("catalog")
    measure()

    exporting.wait(lambda collector: collector.metrics())


def test_who_it_is_can_be_told_where_the_process_does_not_know(exporting, environment):
    environment("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-7,deployment=blue")
    setup("catalog")
    work()
    shutdown()

    [resource] = exporting.resource_spans()
    said = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert said["service.instance.id"] == "pod-7"
    assert said["deployment"] == "blue"
    assert said["service.name"] == "catalog"


def test_without_an_endpoint_nothing_is_sent_and_spans_still_have_ids(lines):
    before = threads()

    setup("catalog")
    context = work()

    assert context.is_valid
    assert threads() == before
    shutdown()
    assert lines() == []


def test_without_an_endpoint_nothing_is_measured():
    before = providers.meters()

    setup("catalog")

    assert providers.meters() is before


def test_traces_can_have_their_own_endpoint(environment, collector):
    environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
    setup("catalog")
    work()
    shutdown()

    assert (len(collector.spans()), len(collector.metrics())) == (1, 0)


def test_metrics_can_have_their_own_endpoint(environment, collector):
    environment("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{collector.url}/v1/metrics")
    setup("catalog")
    work()
    measure()
    shutdown()

    assert (len(collector.spans()), len(collector.metrics())) == (0, 1)


@pytest.mark.parametrize(
    ("variable", "spans", "metrics"),
    [("OTEL_TRACES_EXPORTER", 0, 1), ("OTEL_METRICS_EXPORTER", 1, 0)],
)
def test_one_signal_can_be_turned_off(exporting, environment, variable, spans, metrics):
    environment(variable, "none")
    setup("catalog")
    work()
    if metrics:
        measure()
    shutdown()

    assert (len(exporting.spans()), len(exporting.metrics())) == (spans, metrics)


def test_everything_can_be_turned_off_but_logs(exporting, environment, lines):
    environment("OTEL_SDK_DISABLED", "true")
    before = threads(), providers.tracers()

    setup("catalog")
    logging.getLogger("plait.test").info("still here")

    assert (threads(), providers.tracers()) == before
    assert [line["message"] for line in lines()] == ["still here"]


def test_what_is_not_sampled_is_not_sent(exporting, environment):
    environment("OTEL_TRACES_SAMPLER", "always_off")
    setup("catalog")
    context = work()
    shutdown()

    assert context.is_valid
    assert exporting.spans() == []


def test_only_allowed_attributes_leave_the_process(exporting):
    setup("catalog", allowed={"tenant"})
    with (
        pytest.raises(ValueError, match=SECRET),
        providers.tracers().get_tracer("test").start_as_current_span("failed"),
    ):
        raise ValueError(SECRET)
    work(**{"rpc.method": "Get", "tenant": "t1", "password": SECRET})
    shutdown()

    assert SECRET not in str(exporting.requests)
    said = {item.key for span in exporting.spans() for item in span.attributes}
    assert said == {"rpc.method", "tenant"}


def test_logs_know_the_process_and_its_fields(lines):
    setup("catalog", log_level="WARNING", allowed={"tenant"})
    log = logging.getLogger("plait.test")

    log.info("not this")
    log.warning("this", extra={"tenant": "t1", "password": SECRET})

    [line] = lines()
    assert (line["service"], line["message"], line["tenant"]) == ("catalog", "this", "t1")
    assert SECRET not in str(line)


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]
)
def test_a_protocol_that_is_not_spoken_is_said(exporting, environment, lines, variable):
    environment(variable, "grpc")
    environment("OTEL_METRICS_EXPORTER", "none")
    setup("catalog")

    [line] = lines()
    assert f"{variable}=grpc is not heeded" in line["message"]
    assert "4318" in line["message"]


def test_the_protocol_that_is_spoken_is_not_worth_a_word(exporting, environment, lines):
    environment("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")

    setup("catalog")

    assert lines() == []


def test_a_collector_that_is_away_costs_one_line_and_less_than_two_seconds(
    nobody, environment, lines, took
):
    environment("OTEL_EXPORTER_OTLP_ENDPOINT", nobody)
    environment("OTEL_BSP_SCHEDULE_DELAY", "1")
    environment("OTEL_METRIC_EXPORT_INTERVAL", "1")
    setup("catalog")
    measure()
    for _ in range(3000):
        work()

    with took() as seconds:
        shutdown()

    assert seconds() < 2
    delivery = [line for line in lines() if "telemetry is not delivered" in line["message"]]
    assert len(delivery) == 1


@pytest.mark.parametrize("status", [400, 503])
def test_a_collector_that_refuses_does_not_hold_up_the_end(exporting, took, status):
    exporting.status = status
    setup("catalog")
    work()
    measure()

    with took() as seconds:
        shutdown()

    assert seconds() < 2
    assert len(exporting.spans()) >= 1


def test_a_collector_that_refused_before_gets_little_time_at_the_end(exporting, took):
    exporting.status = 400
    setup("catalog")
    for count in (1, 2):  # when the second arrives, the answer to the first is known
        work()
        exporting.wait(lambda collector: len(collector.spans()) >= count)  # noqa: B023 - called at once
    exporting.status = 503
    work()

    with took() as seconds:
        shutdown()

    assert seconds() < 1


def test_a_collector_that_does_not_answer_does_not_hold_up_the_end(exporting, lines, took):
    exporting.hangs = True
    setup("catalog")
    work()
    measure()

    with took() as seconds:
        shutdown()

    assert seconds() < 2
    assert "they are lost" in lines()[-1]["message"]


def test_a_collector_that_comes_back_gets_what_comes_after(exporting):
    exporting.status = 400
    setup("catalog")
    work("lost")
    exporting.wait(lambda collector: collector.spans())
    exporting.status = 200

    work("kept")
    shutdown()

    assert exporting.spans()[-1].name == "kept"


def test_shutting_down_twice_is_shutting_down_once(exporting):
    setup("catalog")
    work()

    shutdown()
    shutdown()

    assert len(exporting.spans()) == 1


def test_shutting_down_what_never_began_does_nothing(lines):
    shutdown()

    assert lines() == []


def test_an_end_that_fails_is_said_and_not_raised(exporting, monkeypatch, lines):
    end = SdkMeterProvider.shutdown

    def fail(self):
        end(self)
        raise RuntimeError(SECRET)

    monkeypatch.setattr(SdkMeterProvider, "shutdown", fail)
    setup("catalog")

    shutdown()

    [line] = lines()
    assert line["message"] == "telemetry did not end well: RuntimeError"


def test_a_second_setup_takes_the_place_of_the_first(exporting):
    setup("catalog")
    work("first")
    setup("orders")
    work("second")
    shutdown()

    names = [
        item.value.string_value
        for resource in exporting.resource_spans()
        for item in resource.resource.attributes
        if item.key == "service.name"
    ]
    assert names == ["catalog", "orders"]
    assert [span.name for span in exporting.spans()] == ["first", "second"]


def test_an_unknown_level_is_refused_before_anything_is_sent(exporting):
    with pytest.raises(ValueError, match="LOUD"):
        setup("catalog", log_level="LOUD")

    assert threads() == set()


def test_importing_starts_nothing_and_does_not_load_what_sends():
    script = (
        "import sys, threading, logging\n"
        "import plait.telemetry.setup\n"
        "assert threading.active_count() == 1\n"
        "assert logging.getLogger().handlers == []\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry.exporter')]\n"
        "assert 'requests' not in sys.modules\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_forked_process_sends_on_its_own(exporting):
    script = (
        "import os\n"
        "from plait.telemetry import export\n"
        "from plait.telemetry.setup import setup, shutdown\n"
        "from opentelemetry import trace\n"
        "for name in ('catalog', 'orders'):\n"
        "    if os.fork() == 0:\n"
        "        setup(name)\n"
        "        with trace.get_tracer('test').start_as_current_span(name): pass\n"
        "        shutdown()\n"
        "        os._exit(0)\n"
        "for _ in range(2): assert os.wait()[1] == 0\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)

    assert sorted(span.name for span in exporting.spans()) == ["catalog", "orders"]


def test_libraries_are_named_once():
    assert len(logs.QUIET) == len({name.lower() for name in logs.QUIET})
