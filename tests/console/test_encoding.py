import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from plait.console.encoding import (
    MAX_JSON_VALUES,
    Encoding,
    Malformed,
    TooMany,
    encode,
    parse,
    to_binary,
)

# The example of the OTLP specification, section "JSON Protobuf Encoding", shortened.
EXAMPLE = {
    "resourceSpans": [
        {
            "resource": {
                "attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]
            },
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "5B8EFFF798038103D269B633813FC60C",
                            "spanId": "EEE19B7EC3C1B174",
                            "parentSpanId": "EEE19B7EC3C1B173",
                            "name": "I'm a server span",
                            "startTimeUnixNano": "1544712660000000000",
                            "endTimeUnixNano": "1544712661000000000",
                            "kind": 2,
                            "links": [
                                {
                                    "traceId": "5B8EFFF798038103D269B633813FC60C",
                                    "spanId": "EEE19B7EC3C1B174",
                                }
                            ],
                            "aFieldOfTheFuture": 1,
                        }
                    ]
                }
            ],
        }
    ]
}


def spans(body: bytes) -> ExportTraceServiceRequest:
    binary = to_binary(ExportTraceServiceRequest, body, Encoding.JSON)
    return ExportTraceServiceRequest.FromString(binary)


def test_json_has_ids_in_hexadecimal_and_fields_that_are_not_known():
    request = spans(json.dumps(EXAMPLE).encode())

    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert span.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert span.span_id.hex() == "eee19b7ec3c1b174"
    assert span.parent_span_id.hex() == "eee19b7ec3c1b173"
    assert span.links[0].span_id.hex() == "eee19b7ec3c1b174"
    assert span.start_time_unix_nano == 1544712660000000000
    assert span.kind == 2


def test_binary_stays_as_it_is():
    assert to_binary(ExportTraceServiceRequest, b"\xff", Encoding.BINARY) == b"\xff"


def test_a_message_is_read_from_its_bytes():
    request = spans(json.dumps(EXAMPLE).encode())

    assert parse(ExportTraceServiceRequest, memoryview(encode(request, Encoding.BINARY))) == request


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)])
def test_json_has_a_bounded_number_of_values(more, fits):
    body = b'{"x": [' + b"1," * (MAX_JSON_VALUES - 1 + more) + b"1]}"

    if fits:
        assert spans(body) == ExportTraceServiceRequest()
    else:
        with pytest.raises(TooMany, match="250000 values"):
            spans(body)


def test_metrics_in_json_may_carry_exemplars_with_ids_in_hexadecimal():
    data = {"exemplars": [{"spanId": "EEE19B7EC3C1B174"}], "bucketCounts": ["1"], "count": "1"}
    body = {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"histogram": {"dataPoints": [data]}}]}]}
        ]
    }

    binary = to_binary(ExportMetricsServiceRequest, json.dumps(body).encode(), Encoding.JSON)
    request = ExportMetricsServiceRequest.FromString(binary)

    assert (
        request.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[0].count == 1
    )


def test_an_answer_is_written_in_both_encodings():
    assert encode(ExportTraceServiceResponse(), Encoding.BINARY) == b""
    assert encode(ExportTraceServiceResponse(), Encoding.JSON) == b"{}"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"resourceSpans": [}', "line 1, column 20"),
        (b"", "line 1, column 1"),
        (b"\xff", "UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b"9" * 5000, "expected JSON"),
        (b"[]", "expected JSON"),
        (b"1", "expected JSON"),
        (b"null", "expected JSON"),
        (b'{"resourceSpans": 1}', "expected JSON"),
        (b'{"resourceSpans": [1]}', "expected JSON"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": {}}]}]}]}', "expected JSON"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}', "'xyz'"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}', "expected JSON"),
    ],
)
def test_a_json_body_that_is_wrong_is_refused_with_the_place(body, what):
    with pytest.raises(Malformed, match=r"expected") as refused:
        spans(body)

    assert what in refused.value.message


@pytest.mark.parametrize("body", [b"\x0a\x05x", b"\xff\xff\xff", b"{}"])
def test_a_binary_body_that_is_wrong_is_refused(body):
    with pytest.raises(Malformed, match="expected a binary opentelemetry"):
        parse(ExportTraceServiceRequest, body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceSpans",
                    "scopeSpans",
                    "spans",
                    "traceId",
                    "links",
                    "attributes",
                    "value",
                    "kind",
                    "startTimeUnixNano",
                    "stringValue",
                    "intValue",
                    "bytesValue",
                    "key",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_or_refused(document):
    body = json.dumps(
        {"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}, document]}
    ).encode()

    with suppress(Malformed):
        assert isinstance(spans(body), ExportTraceServiceRequest)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with suppress(Malformed):
        assert isinstance(spans(body), ExportTraceServiceRequest)
    with suppress(Malformed):
        assert isinstance(parse(ExportTraceServiceRequest, body), ExportTraceServiceRequest)
