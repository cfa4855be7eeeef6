from plait.console.span import Kind
from plait.console.waterfall import lay_out


def test_a_row_says_when_its_span_began_and_how_long_it_took(a_span):
    fall = lay_out([a_span(1, start=1000, end=1100), a_span(2, 1, start=1010, end=1060)])

    assert (fall.start, fall.duration, fall.depth) == (1000, 100, 2)
    root, child = fall.rows
    assert (root.depth, root.offset, root.width, root.children, root.below) == (0, 0, 100, 1, 1)
    assert (child.depth, child.offset, child.width, child.children) == (1, 10, 50, 0)
    assert child.span == a_span(2, 1, start=1010, end=1060)


def test_own_time_is_that_in_which_no_child_was_at_work(a_span):
    spans = [
        a_span(1, start=100, end=200),
        a_span(2, 1, start=110, end=150),
        a_span(3, 1, start=120, end=160),  # overlaps
        a_span(4, 1, start=125, end=130),  # inside of both
        a_span(5, 1, start=190, end=300),  # reaches beyond
    ]

    assert lay_out(spans).rows[0].own == 10 + 30


def test_the_critical_parts_count_from_the_start_of_the_trace(a_span):
    fall = lay_out([a_span(1, start=1000, end=1100), a_span(2, 1, start=1010, end=1060)])

    assert [row.critical for row in fall.rows] == [((0, 10), (60, 100)), ((10, 60),)]


def test_work_after_the_root_makes_the_waterfall_longer(a_span):
    fall = lay_out([a_span(1, end=100), a_span(2, 1, start=150, end=180)])

    assert fall.duration == 180


def test_a_clock_that_is_behind_is_corrected_and_said_so(a_span):
    call = a_span(1, service="gateway", kind=Kind.CLIENT, start=5_000_000, end=6_000_000)
    server = a_span(2, 1, service="catalog", kind=Kind.SERVER, start=2_000_000, end=2_500_000)

    fall = lay_out([call, server])

    assert fall.start == 5_000_000
    assert fall.rows[1].offset == 250_000
    assert fall.rows[1].shift == 3_250_000
    assert fall.rows[1].notes == ("moved by +3.250 ms: its clock differs from its caller's",)


def test_a_parent_that_was_not_received_has_a_row_and_no_time_of_its_own(a_span):
    missing, orphan = lay_out([a_span(2, 99, start=10, end=30)]).rows

    assert missing.span is None
    assert missing.span_id == f"{99:016x}"
    assert (missing.offset, missing.width, missing.own, missing.children) == (0, 20, 0, 1)
    assert orphan.depth == 1
    assert "not received" in missing.notes[0]


def test_a_trace_that_took_no_time_has_a_waterfall(a_span):
    fall = lay_out([a_span(1, start=5, end=5)])

    assert (fall.duration, fall.rows[0].width, fall.rows[0].critical) == (0, 0, ())
