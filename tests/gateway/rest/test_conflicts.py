import pytest

from plait.gateway.rest.conflicts import ambiguous
from plait.gateway.rest.router import Found, Route, Router
from plait.gateway.rest.template import parse


def route(text: str) -> Route[str]:
    verb, template = text.split(" ")
    return Route(verb=verb, template=parse(template), target=text)


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ("GET /v1/a", "GET /v1/a", "/v1/a"),
        ("GET /v1/{a}", "GET /v1/{b}", "/v1/x"),
        ("GET /v1/{name=shelves/*}", "GET /v1/shelves/{id}", "/v1/shelves/x"),
        ("GET /v1/%61", "GET /v1/a", "/v1/a"),
        ("GET /v1/{a}:act", "GET /v1/{b}:act", "/v1/x:act"),
        ("* /v1/a", "* /v1/a", "/v1/a"),
        ("GET /v1/a/*", "GET /v1/*/b", "/v1/a/b"),
        ("GET /v1/a/*:act", "GET /v1/*/b:act", "/v1/a/b:act"),
        ("GET /v1/a/**", "GET /v1/**/b", "/v1/a/b"),
        ("GET /v1/**/b", "GET /v1/*/c/**", "/v1/x/c/b"),
        ("GET /**/a", "GET /v1/**", "/v1/a"),
    ],
)
def test_two_routes_that_one_request_could_mean_conflict(one, other, path):
    pair = [route(one), route(other)]

    assert [found[2] for found in ambiguous(pair)] == [path]
    assert [found[2] for found in ambiguous(pair[::-1])] == [path]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /v1/a", "POST /v1/a"),
        ("GET /v1/a", "* /v1/a"),
        ("GET /v1/a", "GET /v1/b"),
        ("GET /v1/a", "GET /v1/a/b"),
        ("GET /v1/a", "GET /v1/a:act"),
        ("GET /v1/{a}", "GET /v1/{a}:act"),
        ("GET /v1/a", "GET /v1/{x}"),
        ("GET /v1/a/{x}", "GET /v1/{y}/{x}"),
        ("GET /v1/{x=**}", "GET /v1/{y}"),
        ("GET /v1/a/**", "GET /v1/**"),
        ("GET /v1/**/a", "GET /v1/**"),
        ("GET /v1/**/a/b", "GET /v1/**/b"),
        ("GET /v1/**/a", "GET /v1/**/b"),
        ("GET /v1/a/**", "GET /v1/b/**"),
    ],
)
def test_routes_that_cannot_meet_or_of_which_one_is_more_specific_do_not_conflict(one, other):
    assert not list(ambiguous([route(one), route(other)]))


def test_the_path_that_shows_a_conflict_leads_to_one_of_the_two():
    pair = [route("GET /v1/a/*"), route("GET /v1/*/b")]

    (_, _, path) = next(ambiguous(pair))

    assert isinstance(Router(pair).find("GET", path.encode()), Found)


def test_of_many_routes_each_pair_is_named():
    three = [route("GET /v1/{a}"), route("GET /v1/{b}"), route("GET /v1/{c}")]

    assert len(list(ambiguous(three))) == 3


def test_a_narrower_route_that_would_come_second_is_refused_at_start():
    narrower, wider = route("GET /{f=**}/a"), route("GET /{f=*}/**")

    found = list(ambiguous([narrower, wider]))

    assert [{one.target, other.target} for one, other, _ in found] == [
        {narrower.target, wider.target}
    ]
