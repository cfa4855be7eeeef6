import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.console.span import Kind, Origin, Span
from plait.console.tree import grow


def outline(nodes) -> list[tuple[int, int]]:
    """Each node's number and depth, in order."""
    return [(int(node.span_id, 16), node.depth) for node in nodes]


def test_children_follow_their_parent_in_order_of_time(a_span):
    spans = [
        a_span(4, 3, start=7),
        a_span(3, 1, start=6),
        a_span(1),
        a_span(2, 1, start=2),
    ]

    nodes = grow(spans)

    assert outline(nodes) == [(1, 0), (2, 1), (3, 1), (4, 2)]
    assert [node.below for node in nodes] == [3, 0, 1, 0]


def test_siblings_of_one_moment_keep_a_fixed_order(a_span):
    spans = [a_span(1), a_span(3, 1), a_span(2, 1)]

    assert outline(grow(spans)) == outline(grow(spans[::-1])) == [(1, 0), (2, 1), (3, 1)]


def test_a_missing_parent_has_a_place_over_all_its_children(a_span):
    nodes = grow([a_span(2, 99, start=5, end=8), a_span(3, 99, start=7, end=20)])

    assert outline(nodes) == [(99, 0), (2, 1), (3, 1)]
    assert nodes[0].span is None
    assert (nodes[0].start, nodes[0].end) == (5, 20)
    assert "not received" in nodes[0].notes[0]
    assert nodes[1].notes == []


def test_the_root_comes_before_what_has_lost_its_parent(a_span):
    nodes = grow([a_span(2, 99, start=1), a_span(1, start=5), a_span(3, start=4)])

    assert outline(nodes) == [(3, 0), (1, 0), (99, 0), (2, 1)]


def test_a_span_that_is_its_own_parent_stands_on_top(a_span):
    nodes = grow([a_span(1, 1)])

    assert outline(nodes) == [(1, 0)]
    assert "back to itself" in nodes[0].notes[0]


def test_a_circle_of_parents_is_cut_at_its_earliest_span(a_span):
    spans = [
        a_span(1, 3, start=5),
        a_span(2, 1, start=2),
        a_span(3, 2, start=9),
        a_span(4, 3, start=1),  # hangs on the circle, is not in it
    ]

    nodes = grow(spans)

    assert outline(nodes) == [(2, 0), (3, 1), (4, 2), (1, 2)]
    assert [len(node.notes) for node in nodes] == [1, 0, 0, 0]


def test_an_end_before_the_start_is_noted_and_lasts_no_time(a_span):
    (node,) = grow([a_span(1, start=9, end=3)])

    assert (node.start, node.end) == (9, 9)
    assert "before it began" in node.notes[0]


def call(a_span, *, server_start, server_end, failed=False):
    return [
        a_span(1, service="gateway", kind=Kind.CLIENT, start=1000, end=2000, error=failed),
        a_span(2, 1, service="catalog", kind=Kind.SERVER, start=server_start, end=server_end),
        a_span(3, 2, service="catalog", start=server_start, end=server_start + 10),
    ]


@pytest.mark.parametrize(
    ("start", "end", "moved_to"),
    [
        (1000, 1400, 1000),  # at the very moment: possible
        (999, 1399, 1300),  # before its call: into the middle
        (100, 1600, 1000),  # longer than its call: to its start
        (2000, 2400, 2000),  # at the very end: possible
        (2001, 2401, 1300),  # after its call
        (1500, 2600, 1500),  # ends later: the caller may have given up
    ],
)
def test_a_server_whose_clock_differs_is_moved_into_its_call(a_span, start, end, moved_to):
    client, server, below = grow(call(a_span, server_start=start, server_end=end))

    assert client.shift == 0
    assert server.start == moved_to
    assert server.end - server.start == end - start
    assert server.shift == below.shift == moved_to - start
    assert below.start == moved_to  # what one process says keeps together
    assert len(server.notes) == (1 if server.shift else 0)


def test_a_server_may_begin_after_its_caller_gave_up(a_span):
    _, server, _ = grow(call(a_span, server_start=3000, server_end=3500, failed=True))

    assert server.shift == 0


def test_a_third_process_keeps_its_own_clock(a_span):
    spans = [
        a_span(1, service="gateway", kind=Kind.CLIENT, start=1000, end=2000),
        a_span(2, 1, service="orders", kind=Kind.SERVER, start=0, end=800),
        a_span(3, 2, service="orders", kind=Kind.CLIENT, start=100, end=700),
        a_span(4, 3, service="payments", kind=Kind.SERVER, start=1250, end=1300),
    ]

    nodes = grow(spans)

    assert [node.shift for node in nodes] == [0, 1100, 1100, 0]


def test_work_that_goes_on_after_its_parent_is_left_where_it_is(a_span):
    nodes = grow([a_span(1, end=10), a_span(2, 1, service="mail", kind=Kind.CONSUMER, start=50)])

    assert nodes[1].shift == 0


def test_a_tree_as_deep_as_a_trace_may_be_is_no_trouble(a_span):
    nodes = grow([a_span(number, number - 1) for number in range(1, 10_001)])

    assert nodes[-1].depth == 9999
    assert nodes[0].below == 9999


FOREST = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 14), st.integers(0, 50), st.integers(0, 50)),
    unique_by=lambda one: one[0],
    min_size=1,
)


@given(FOREST)
def test_whatever_parents_say_every_span_has_exactly_one_place_below_its_parent(described):
    spans = [
        Span(
            trace_id="t",
            span_id=f"{span:016x}",
            parent_id=f"{parent:016x}" if parent else "",
            name="work",
            kind=Kind(span % 5),
            start=start,
            end=end,
            origin=Origin(service=f"s{span % 3}", resource=b"%d" % (span % 3)),
        )
        for span, parent, start, end in described
    ]

    nodes = grow(spans)

    assert sorted(node.span_id for node in nodes if node.span) == sorted(
        one.span_id for one in spans
    )
    path: list[str] = []
    for node in nodes:
        assert node.depth <= len(path)
        path = [*path[: node.depth], node.span_id]
        if node.depth:
            assert node.span.parent_id == path[-2]
        assert node.end >= node.start
    assert sum(1 + node.below for node in nodes if node.depth == 0) == len(nodes)
