import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from plait.console.encoding import Malformed, TooMany
from plait.console.frames import MAX_FIELDS, groups

REQUESTS = st.builds(
    lambda outer: ExportTraceServiceRequest(resource_spans=outer),
    st.lists(
        st.builds(
            lambda dropped, scoped, url: ResourceSpans(
                resource=Resource(dropped_attributes_count=dropped),
                scope_spans=scoped,
                schema_url=url,
            ),
            st.integers(0, 2**32 - 1),
            st.lists(
                st.builds(
                    lambda name, spans: ScopeSpans(
                        scope=InstrumentationScope(name=name), spans=spans
                    ),
                    st.text(max_size=5),
                    st.lists(
                        st.builds(lambda name: Span(name=name), st.text(max_size=300)), max_size=4
                    ),
                ),
                max_size=3,
            ),
            st.text(max_size=5),
        ),
        max_size=3,
    ),
)


@given(REQUESTS)
def test_an_export_is_taken_apart_as_protobuf_itself_would(request_):
    found = groups(request_.SerializeToString())

    expected = [
        (outer.resource, scoped.scope, list(scoped.spans))
        for outer in request_.resource_spans
        for scoped in outer.scope_spans
    ]
    assert [
        (
            Resource.FromString(group.resource),
            InstrumentationScope.FromString(group.scope),
            [Span.FromString(bytes(item)) for item in group.items],
        )
        for group in found
    ] == expected


def field(number: int, value: bytes) -> bytes:
    size = len(value)
    assert size < 128
    return bytes([number << 3 | 2, size]) + value


def test_a_resource_may_come_after_its_spans():
    (group,) = groups(field(1, field(2, field(2, b"span")) + field(1, b"res")))

    assert (group.resource, [bytes(item) for item in group.items]) == (b"res", [b"span"])


@pytest.mark.parametrize(
    "unknown",
    [b"\x50\x96\x01", b"\x51" + b"x" * 8, b"\x55" + b"x" * 4, field(10, b"x")],
    ids=["varint", "64 bits", "32 bits", "bytes"],
)
def test_fields_of_the_future_are_passed_over(unknown):
    body = unknown + field(1, unknown + field(2, unknown + field(2, b"span")))

    (group,) = groups(body)

    assert [bytes(item) for item in group.items] == [b"span"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\x0a",
        b"\x0a\x05x",
        b"\x0a\x80",
        b"\x50" + b"\x80" * 10 + b"\x01",
        b"\x51x",
        b"\x0b",  # a group, which protobuf gave up long ago
        b"\x0c",
        b"\x0e",
        field(1, b"\x12\x05x"),
        field(1, field(2, b"\x12\x05x")),
        b"{}",
    ],
)
def test_what_is_no_export_is_malformed(body):
    with pytest.raises(Malformed, match="expected a binary export"):
        groups(body)


@given(st.binary(max_size=100))
def test_any_bytes_are_taken_apart_or_refused(body):
    with suppress(Malformed):
        assert isinstance(groups(body), list)


@pytest.mark.parametrize(("fields", "fits"), [(9, True), (10, True), (11, False)])
def test_an_export_has_a_bounded_number_of_fields_on_all_levels_together(fields, fits):
    body = field(1, field(2, field(2, b"x") * (fields - 2)))

    if fits:
        assert len(groups(body, 10)[0].items) == fields - 2
    else:
        with pytest.raises(TooMany, match="smaller batches"):
            groups(body, 10)


@pytest.mark.parametrize("body", [b"\x0a\x00" * 2**20, b"\x50\x00" * 2**20])
def test_two_bytes_do_not_become_a_hundred(body):
    tracemalloc.start()
    try:
        with pytest.raises(TooMany):
            groups(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MAX_FIELDS * 400
