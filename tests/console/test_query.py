import pytest

from plait.console.query import MAX_LIMIT, BadQuery, parse
from plait.console.store import Query


def test_nothing_asked_finds_everything():
    assert parse([]) == Query()
    assert parse([("service", ""), ("status", ""), ("min_duration", ""), ("limit", "")]) == Query()


def test_all_parameters_are_read():
    query = parse(
        [
            ("service", " catalog "),
            ("operation", "GET /v1/products/{product}"),
            ("status", "error"),
            ("min_duration", "1.5ms"),
            ("limit", "7"),
        ]
    )

    assert query == Query(
        service="catalog",
        operation="GET /v1/products/{product}",
        failed=True,
        min_duration=1_500_000,
        limit=7,
    )


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("7ns", 7),
        ("250us", 250_000),
        ("250µs", 250_000),
        ("5 ms", 5_000_000),
        ("0.3s", 300_000_000),
        ("2m", 120 * 10**9),
    ],
)
def test_a_duration_is_read_with_its_unit(text, nanos):
    assert parse([("min_duration", text)]).min_duration == nanos


@pytest.mark.parametrize(
    "text",
    ["5", "ms", "-5ms", "5h", "1e3s", "5ms ms", "\N{ARABIC-INDIC DIGIT FIVE}ms", "9" * 50 + "s"],
)
def test_a_duration_that_cannot_be_read_is_refused_with_an_example(text):
    with pytest.raises(BadQuery, match="5ms") as refused:
        parse([("min_duration", text)])

    assert refused.value.violations[0].field == "min_duration"


@pytest.mark.parametrize(("text", "failed"), [("ok", False), ("error", True)])
def test_the_status_is_ok_or_error(text, failed):
    assert parse([("status", text)]).failed is failed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "bad"),
        ("limit", "0"),
        ("limit", str(MAX_LIMIT + 1)),
        ("limit", "-1"),
        ("limit", "many"),
        ("limit", "9" * 5000),
        ("colour", "red"),
    ],
)
def test_what_is_wrong_is_named(name, value):
    with pytest.raises(BadQuery, match=name):
        parse([(name, value)])


@pytest.mark.parametrize("limit", [1, MAX_LIMIT])
def test_a_limit_within_its_bounds_is_taken(limit):
    assert parse([("limit", str(limit))]).limit == limit


def test_a_parameter_that_comes_twice_is_refused():
    with pytest.raises(BadQuery, match="service once"):
        parse([("service", "a"), ("service", "b")])
