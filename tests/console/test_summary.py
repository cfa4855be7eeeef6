from plait.console.summary import first_span, summarize


def test_a_trace_is_named_after_its_root(a_span):
    root = a_span(1, service="gateway", name="GET /", code="200", start=10, end=110)
    child = a_span(2, 1, start=20, end=900, error=True)

    summary = summarize("t", [child, root])

    assert (summary.name, summary.service, summary.code) == ("GET /", "gateway", "200")
    assert (summary.start, summary.duration) == (10, 100)  # what follows the answer does not count
    assert (summary.spans, summary.errors, summary.failed) == (2, 1, True)
    assert summary.complete
    assert summary.services == (("gateway", 1), ("catalog", 1))
    assert summary.operations == {("gateway", "GET /"), ("catalog", "GetProduct")}


def test_without_a_root_the_earliest_of_the_orphans_stands_for_it(a_span):
    late = a_span(3, 77, name="late", start=50, end=60)
    early = a_span(2, 99, name="early", start=20, end=30)
    below = a_span(4, 2, name="below", start=5, end=99)

    summary = summarize("t", [late, early, below])

    assert summary.name == "early"
    assert not summary.complete
    assert (summary.start, summary.duration) == (5, 94)  # the extent of all that came


def test_of_two_roots_the_earlier_names_the_trace(a_span):
    assert first_span([a_span(2, start=9), a_span(1, start=3)]) == a_span(1, start=3)


def test_a_trace_of_a_circle_has_a_summary_too(a_span):
    summary = summarize("t", [a_span(1, 2, start=4), a_span(2, 1, start=3)])

    assert summary.start == 3
    assert not summary.complete


def test_a_clock_that_went_back_makes_no_negative_duration(a_span):
    assert summarize("t", [a_span(1, start=9, end=3)]).duration == 0
    assert summarize("t", [a_span(1, 5, start=9, end=3)]).duration == 0


def test_services_come_in_order_of_appearance_with_their_spans(a_span):
    spans = [
        a_span(1, service="gateway"),
        a_span(3, 2, service="catalog", start=2),
        a_span(2, 1, service="orders", start=1),
        a_span(4, 2, service="catalog", start=3),
    ]

    assert summarize("t", spans).services == (("gateway", 1), ("orders", 1), ("catalog", 2))
