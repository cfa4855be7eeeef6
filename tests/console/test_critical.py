from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plait.console.critical import critical_path
from plait.console.span import Origin, Span
from plait.console.tree import grow


def path(spans) -> dict[int, tuple]:
    return {int(span, 16): parts for span, parts in critical_path(grow(spans)[0]).items()}


def test_a_span_alone_is_its_own_path(a_span):
    assert path([a_span(1, start=3, end=9)]) == {1: ((3, 9),)}


def test_the_path_goes_through_each_child_in_turn(a_span):
    spans = [a_span(1, end=100), a_span(2, 1, start=10, end=40), a_span(3, 1, start=50, end=90)]

    assert path(spans) == {
        1: ((0, 10), (40, 50), (90, 100)),
        2: ((10, 40),),
        3: ((50, 90),),
    }


def test_of_two_at_the_same_time_only_the_later_one_is_waited_for(a_span):
    spans = [a_span(1, end=100), a_span(2, 1, start=10, end=60), a_span(3, 1, start=10, end=80)]

    assert path(spans) == {1: ((0, 10), (80, 100)), 3: ((10, 80),)}


def test_what_a_child_does_after_its_parent_ended_is_not_waited_for(a_span):
    spans = [a_span(1, end=50), a_span(2, 1, start=10, end=90), a_span(3, 2, start=60, end=80)]

    assert path(spans) == {1: ((0, 10),), 2: ((10, 50),)}


def test_what_begins_after_the_end_or_takes_no_time_is_not_on_the_path(a_span):
    spans = [a_span(1, end=50), a_span(2, 1, start=60, end=90), a_span(3, 1, start=20, end=20)]

    assert path(spans) == {1: ((0, 50),)}


CHILDREN = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 100), st.integers(0, 60)), max_size=9
)


@given(CHILDREN)
def test_the_path_covers_every_moment_of_the_root_exactly_once(children):
    origin = Origin(service="s")
    spans = [Span(trace_id="t", span_id="0", name="root", start=0, end=100, origin=origin)]
    for number, (parent, start, wide) in enumerate(children, 1):
        spans.append(
            Span(
                trace_id="t",
                span_id=str(number),
                parent_id=str(min(parent, number - 1)),
                name="child",
                start=start,
                end=start + wide,
                origin=origin,
            )
        )

    parts = sorted(part for parts in critical_path(grow(spans)[0]).values() for part in parts)

    assert parts[0][0] == 0
    assert parts[-1][1] == 100
    assert all(left[1] == right[0] for left, right in pairwise(parts))
