import pytest

from plait.console.span import Origin


def test_a_duration_is_never_negative(a_span):
    assert a_span(start=5, end=9).duration == 4
    assert a_span(start=9, end=5).duration == 0


def test_the_service_is_that_of_the_origin(a_span):
    assert a_span(service="orders").service == "orders"


@pytest.mark.parametrize("field", ["name", "code", "details"])
def test_every_variable_part_of_a_span_counts(a_span, field):
    text = "x" * 1000

    larger = a_span(**{field: text.encode() if field == "details" else text})

    smaller = a_span(**{field: b"" if field == "details" else ""})
    assert larger.size == smaller.size + 1000


@pytest.mark.parametrize("field", ["service", "resource", "scope"])
def test_every_variable_part_of_an_origin_counts(field):
    empty = Origin(service="", resource=b"", scope=b"")

    value = "x" * 10 if field == "service" else b"x" * 10

    assert Origin(**{"service": "", field: value}).size == empty.size + 10
