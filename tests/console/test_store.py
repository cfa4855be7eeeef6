import tracemalloc
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.console.span import Origin, Span
from plait.console.store import Limits, Query, TraceStore


def test_a_trace_is_found_by_its_id_with_its_spans_in_order_of_arrival(a_span):
    store = TraceStore()

    store.add([a_span(2, 1), a_span(1)])

    trace = store.get(f"{1:032x}")
    assert trace is not None
    assert [span.span_id for span in trace.spans] == [f"{2:016x}", f"{1:016x}"]
    assert trace.refused == 0
    assert store.get(f"{2:032x}") is None


def test_late_spans_join_their_trace(a_span):
    store = TraceStore()
    store.add([a_span(1)])
    store.add([a_span(1, trace=2)])

    store.add([a_span(2, 1)])

    assert len(store) == 2
    assert len(store.get(f"{1:032x}").spans) == 2


def test_a_span_that_came_before_is_ignored(a_span):
    store = TraceStore()
    first = a_span(1, name="first")
    store.add([first])
    version, size = store.version, store.size

    refused = store.add([a_span(1, name="again")])

    assert store.get(first.trace_id).spans == (first,)
    assert (store.version, store.size, refused.total()) == (version, size, 0)


def test_every_change_has_a_new_version_also_of_its_trace(a_span):
    store = TraceStore()
    store.add([a_span(1), a_span(1, trace=2)])
    one, other = store.get(f"{1:032x}").version, store.get(f"{2:032x}").version

    store.add([a_span(2, trace=2)])

    assert store.get(f"{1:032x}").version == one
    assert store.get(f"{2:032x}").version > other
    assert store.version == store.get(f"{2:032x}").version


@pytest.mark.parametrize(("stored", "kept"), [(2, [1, 2]), (3, [1, 2, 3]), (4, [2, 3, 4])])
def test_beyond_the_number_of_traces_the_one_that_began_first_goes(a_span, stored, kept):
    store = TraceStore(Limits(traces=3))

    for trace in range(1, stored + 1):
        store.add([a_span(1, trace=trace)])

    assert [trace for trace in range(1, 5) if store.get(f"{trace:032x}")] == kept
    assert store.evicted == stored - len(kept)


def test_a_span_of_a_trace_that_had_to_go_begins_it_anew(a_span):
    store = TraceStore(Limits(traces=1))
    store.add([a_span(1), a_span(1, trace=2)])

    store.add([a_span(2, 1)])

    assert [span.span_id for span in store.get(f"{1:032x}").spans] == [f"{2:016x}"]
    assert len(store) == 1


@pytest.mark.parametrize(("sent", "refused"), [(2, 0), (3, 0), (4, 1)])
def test_spans_beyond_the_bound_of_one_trace_are_refused_and_counted(a_span, sent, refused):
    store = TraceStore(Limits(trace_spans=3))

    reasons = store.add([a_span(number) for number in range(1, sent + 1)])

    trace = store.get(f"{1:032x}")
    assert len(trace.spans) == min(sent, 3)
    assert trace.refused == refused == reasons.total()
    assert all("beyond 3 spans" in reason for reason in reasons)


@pytest.mark.parametrize(("spare", "refused"), [(1, 0), (0, 0), (-1, 1)])
def test_a_span_larger_than_its_bound_is_refused(a_span, spare, refused):
    span = a_span(1, details=b"x" * 100)
    store = TraceStore(Limits(span_bytes=span.size + spare))

    reasons = store.add([span])

    assert reasons.total() == refused
    assert len(store) == 1 - refused


@pytest.mark.parametrize(("spare", "kept"), [(1, 2), (0, 2), (-1, 1)])
def test_a_trace_grows_to_its_bytes_and_no_further(a_span, spare, kept):
    spans = [a_span(1, details=b"x" * 100), a_span(2, details=b"x" * 100)]
    probe = TraceStore()
    probe.add(spans)
    limits = Limits(span_bytes=1000, trace_bytes=probe.size + spare, total_bytes=10**6)
    store = TraceStore(limits)

    refused = store.add(spans)

    assert len(store.get(f"{1:032x}").spans) == kept
    assert refused.total() == 2 - kept


@pytest.mark.parametrize(("spare", "kept"), [(1, [1, 2]), (0, [1, 2]), (-1, [2])])
def test_beyond_the_bytes_of_all_the_trace_that_began_first_goes(a_span, spare, kept):
    spans = [a_span(1, details=b"x" * 1000), a_span(1, trace=2, details=b"x" * 1000)]
    probe = TraceStore()
    probe.add(spans)
    limits = Limits(span_bytes=2000, trace_bytes=6000, total_bytes=probe.size + spare)
    store = TraceStore(limits)

    store.add(spans)

    assert [trace for trace in (1, 2) if store.get(f"{trace:032x}")] == kept


def test_a_resource_that_many_spans_share_counts_once(a_span):
    store = TraceStore()
    store.add([a_span(1)])
    alone = store.size

    store.add([a_span(2)])

    assert store.size == alone + a_span(2).size


def test_a_resource_too_large_for_a_trace_is_refused_without_a_trace(a_span):
    store = TraceStore()
    origin = Origin(service="x", resource=b"x" * Limits().trace_bytes)

    refused = store.add(
        [Span(trace_id="1" * 32, span_id="1" * 16, name="", start=0, end=1, origin=origin)]
    )

    assert refused.total() == 1
    assert len(store) == 0
    assert store.size == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"span_bytes": 0},
        {"trace_bytes": Limits().span_bytes},
        {"total_bytes": Limits().trace_bytes},
        {"traces": 0},
        {"trace_spans": 0},
    ],
)
def test_bounds_that_leave_no_room_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        Limits(**wrong)


def test_a_search_finds_the_newest_first_and_no_more_than_asked(a_span):
    store = TraceStore()
    store.add(
        [a_span(1, trace=trace, start=start, end=99) for trace, start in ((1, 5), (2, 9), (3, 7))]
    )

    found = store.search(Query(limit=2))

    assert [summary.start for summary in found] == [9, 7]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(), {1, 2}),
        (Query(service="gateway"), {1, 2}),
        (Query(service="catalog"), {1}),
        (Query(service="nobody"), set()),
        (Query(operation="Get"), {1}),
        (Query(service="catalog", operation="Get"), {1}),
        (Query(service="gateway", operation="Get"), set()),
        (Query(failed=True), {1}),
        (Query(failed=False), {2}),
        (Query(min_duration=99), {1, 2}),
        (Query(min_duration=100), {1, 2}),
        (Query(min_duration=101), {2}),
        (Query(service="catalog", min_duration=101), set()),
    ],
)
def test_a_search_asks_for_service_operation_status_and_duration(a_span, query, found):
    store = TraceStore()
    store.add(
        [
            a_span(1, service="gateway", name="GET /", end=100),
            a_span(2, 1, service="catalog", name="Get", error=True),
            a_span(1, trace=2, service="gateway", name="POST /", end=200),
        ]
    )

    assert {int(summary.trace_id, 16) for summary in store.search(query)} == found


def test_the_operations_of_every_service_are_known(a_span):
    store = TraceStore()
    store.add(
        [a_span(1), a_span(2, name="List"), a_span(1, trace=2, service="gateway", name="GET /")]
    )

    assert store.operations() == {
        "catalog": frozenset({"GetProduct", "List"}),
        "gateway": frozenset({"GET /"}),
    }


def test_a_search_sees_what_came_after_the_search_before(a_span):
    store = TraceStore()
    store.add([a_span(1)])
    before = store.search(Query())

    store.add([a_span(2, 1, error=True)])

    assert (before[0].spans, before[0].failed) == (1, False)
    after = store.search(Query())
    assert (after[0].spans, after[0].failed) == (2, True)


SPANS = st.builds(
    lambda trace, span, size, service: Span(
        trace_id=f"{trace:032x}",
        span_id=f"{span:016x}",
        name="work",
        start=0,
        end=1,
        origin=Origin(service=service),
        details=b"x" * size,
    ),
    trace=st.integers(1, 8),
    span=st.integers(1, 12),
    size=st.sampled_from([0, 10, 700, 4000, 5000]),
    service=st.sampled_from(["a", "b"]),
)


@given(st.lists(st.lists(SPANS, max_size=8), max_size=20))
def test_whatever_comes_the_bounds_hold_and_what_is_kept_can_be_read(batches):
    limits = Limits(
        traces=4, trace_spans=5, span_bytes=5000, trace_bytes=12_000, total_bytes=30_000
    )
    store = TraceStore(limits)

    for batch in batches:
        store.add(batch)

        kept = [trace for number in range(9) if (trace := store.get(f"{number:032x}"))]
        assert len(kept) == len(store) <= limits.traces
        assert all(1 <= len(trace.spans) <= limits.trace_spans for trace in kept)
        assert store.size <= limits.total_bytes
        assert sum(span.size for trace in kept for span in trace.spans) <= store.size
        assert {one.trace_id for one in store.search(Query())} == {one.trace_id for one in kept}
        for trace in kept:
            assert len({span.span_id for span in trace.spans}) == len(trace.spans)
            assert {span.trace_id for span in trace.spans} == {trace.trace_id}


@given(
    st.lists(SPANS, min_size=1, max_size=30, unique_by=lambda span: (span.trace_id, span.span_id))
)
def test_within_the_bounds_every_span_that_came_is_kept(spans):
    store = TraceStore()

    assert not store.add(spans)

    kept = [span for trace in {span.trace_id for span in spans} for span in store.get(trace).spans]
    assert sorted(kept, key=hash) == sorted(spans, key=hash)
    assert store.evicted == 0


def test_a_flood_of_a_hundred_thousand_spans_stays_within_the_counted_memory(a_span):
    limits = Limits(
        traces=500, trace_spans=100, span_bytes=2000, trace_bytes=400_000, total_bytes=8_000_000
    )
    store = TraceStore(limits)
    numbers = count()

    def flood(spans: int) -> None:
        for _ in range(spans):
            number = next(numbers)
            details = b"%020d" % number * 20
            store.add(
                [a_span(number + 1, trace=1 + number // 20, name=f"n{number}", details=details)]
            )

    tracemalloc.start()
    try:
        flood(100_000)
        store.search(Query())  # makes the summaries, which count too
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(store) <= limits.traces
    assert store.size <= limits.total_bytes
    assert store.size > limits.total_bytes * 0.9  # full, or the next line says little
    assert used <= store.size
    assert store.evicted > 4000
