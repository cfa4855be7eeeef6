import itertools
import time
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plait.gateway.errors import MalformedPath
from plait.gateway.rest.conflicts import ambiguous
from plait.gateway.rest.router import ANY, Found, Route, Router, WrongMethod
from plait.gateway.rest.template import ONE, REST, parse


def router(*routes: str) -> Router[str]:
    """A router whose targets are the routes' own texts, such as "GET /v1/{a}"."""
    return Router([route(text) for text in routes])


def route(text: str) -> Route[str]:
    verb, template = text.split(" ")
    return Route(verb=verb, template=parse(template), target=text)


def target(found):
    assert isinstance(found, Found), found
    return found.target


SPECIFIC = (
    "GET /v1/users/{id}",
    "GET /v1/users/me",
    "GET /v1/users/{id}/orders/{order}",
    "GET /v1/users/me/orders/**",
    "GET /v1/**",
    "POST /v1/users/me",
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/v1/users/me", "GET /v1/users/me"),
        (b"/v1/users/you", "GET /v1/users/{id}"),
        (b"/v1/users/me/orders/o1", "GET /v1/users/me/orders/**"),
        (b"/v1/users/you/orders/o1", "GET /v1/users/{id}/orders/{order}"),
        (b"/v1/users/you/invoices", "GET /v1/**"),
        (b"/v1", "GET /v1/**"),
    ],
)
def test_the_most_specific_route_wins(path, expected):
    assert target(router(*SPECIFIC).find("GET", path)) == expected


def test_a_dead_end_leads_back_to_the_next_best_route():
    routes = router("GET /v1/a/b/c", "GET /v1/{x}/b/d", "GET /v1/{path=**}")

    found = routes.find("GET", b"/v1/a/b/d")

    assert found == Found("GET /v1/{x}/b/d", {"x": "a"})


def test_a_route_of_another_method_does_not_hide_a_less_specific_one():
    routes = router("POST /v1/foo", "GET /v1/{id}")

    assert routes.find("GET", b"/v1/foo") == Found("GET /v1/{id}", {"id": "foo"})


def test_a_path_without_a_route_is_not_found():
    routes = router("GET /v1/users/{id}")

    assert routes.find("GET", b"/v1/users") is None
    assert routes.find("GET", b"/v1/users/a/b") is None
    assert routes.find("GET", b"/") is None
    assert routes.find("GET", b"v1/users/a") is None
    assert routes.find("OPTIONS", b"*") is None


@pytest.mark.parametrize("path", [b"/v1/users/", b"/v1/users/me/", b"/v1//me", b"/v1/users//"])
def test_an_empty_segment_is_another_path(path):
    assert router("GET /v1/users/{id}", "GET /v1/users/me").find("GET", path) is None


@pytest.mark.parametrize("path", [b"/v1/files/", b"/v1/files/a/", b"/v1/files//a"])
def test_no_wildcard_takes_an_empty_segment(path):
    assert router("GET /v1/files/**").find("GET", path) is None


def test_the_wrong_method_says_which_are_right():
    routes = router("GET /v1/{id}", "DELETE /v1/{id}", "PATCH /v1/me")

    assert routes.find("PUT", b"/v1/me") == WrongMethod(
        ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH")
    )
    assert router("POST /v1/a").find("GET", b"/v1/a") == WrongMethod(("OPTIONS", "POST"))


def test_a_route_for_any_method_takes_what_no_other_of_its_path_does():
    routes = router(f"{ANY} /v1/hook", "GET /v1/hook")

    assert target(routes.find("GET", b"/v1/hook")) == "GET /v1/hook"
    assert target(routes.find("PURGE", b"/v1/hook")) == f"{ANY} /v1/hook"


def test_two_stars_take_zero_or_more_segments():
    routes = router("GET /v1/files/{path=**}")

    assert routes.find("GET", b"/v1/files").variables == {"path": ""}
    assert routes.find("GET", b"/v1/files/a").variables == {"path": "a"}
    assert routes.find("GET", b"/v1/files/a/b/c").variables == {"path": "a/b/c"}


def test_two_stars_may_stand_at_the_root():
    routes = router("GET /{path=**}")

    assert routes.find("GET", b"/").variables == {"path": ""}
    assert routes.find("GET", b"/a/b").variables == {"path": "a/b"}


def test_what_follows_two_stars_is_found_from_the_end():
    routes = router("GET /v1/{path=files/**}/versions/{version}", "GET /v1/{path=files/**}")

    assert routes.find("GET", b"/v1/files/a/b/versions/7").variables == {
        "path": "files/a/b",
        "version": "7",
    }
    assert routes.find("GET", b"/v1/files/versions/7").variables == {
        "path": "files",
        "version": "7",
    }
    assert routes.find("GET", b"/v1/files/versions").variables == {"path": "files/versions"}
    assert routes.find("GET", b"/v1/versions/7") is None


VERBS = (
    "GET /v1/{name=books/*}",
    "POST /v1/{name=books/*}:archive",
    "GET /v1/{name=books/*}:preview",
    "GET /v1/books:search",
    "GET /v1/{path=files/**}:scan",
)


@pytest.mark.parametrize(
    ("verb", "path", "expected"),
    [
        ("POST", b"/v1/books/b1:archive", Found(VERBS[1], {"name": "books/b1"})),
        ("GET", b"/v1/books/b1:preview", Found(VERBS[2], {"name": "books/b1"})),
        ("GET", b"/v1/books:search", Found(VERBS[3], {})),
        ("GET", b"/v1/files:scan", Found(VERBS[4], {"path": "files"})),
        ("GET", b"/v1/files/a/b:scan", Found(VERBS[4], {"path": "files/a/b"})),
    ],
)
def test_a_verb_leads_to_the_route_that_declares_it(verb, path, expected):
    assert router(*VERBS).find(verb, path) == expected


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/v1/books/a:b", "books/a:b"),
        (b"/v1/books/a:search", "books/a:search"),
        (b"/v1/books/urn:isbn:1", "books/urn:isbn:1"),
        (b"/v1/books/a:", "books/a:"),
        (b"/v1/books/:a", "books/:a"),
        (b"/v1/books/a%3Apreview", "books/a:preview"),
        (b"/v1/books/a:archive", "books/a:archive"),
    ],
)
def test_a_colon_without_a_declared_verb_is_part_of_the_value(path, name):
    assert router(*VERBS).find("GET", path) == Found(VERBS[0], {"name": name})


def test_the_methods_of_both_readings_of_a_colon_are_allowed():
    found = router(*VERBS).find("DELETE", b"/v1/books/a:archive")

    assert found == WrongMethod(("GET", "HEAD", "OPTIONS", "POST"))


def test_one_segment_decodes_everything():
    routes = router("GET /v1/{name}/x")

    assert routes.find("GET", b"/v1/a%2Fb%20c%C3%A9%25/x").variables == {"name": "a/b cé%"}


def test_many_segments_decode_everything_but_a_slash():
    routes = router("GET /v1/{name=books/*}", "GET /v2/{name=**}")

    assert routes.find("GET", b"/v1/books/a%2Fb%2fc%20%3A").variables == {
        "name": "books/a%2Fb%2fc :"
    }
    assert routes.find("GET", b"/v2/a%2Fb").variables == {"name": "a%2Fb"}


def test_a_plus_in_a_path_is_a_plus():
    assert router("GET /v1/{name}").find("GET", b"/v1/a+b").variables == {"name": "a+b"}


def test_an_escaped_literal_is_the_same_literal():
    routes = router("GET /v1/b%C3%BCcher/{id}")

    assert routes.find("GET", b"/v1/b%c3%bccher/1").variables == {"id": "1"}
    assert router("GET /v1/books").find("GET", b"/%76%31/b%6Foks") == Found("GET /v1/books", {})
    assert router("GET /v1/books").find("GET", b"/v1%2Fbooks") is None
    assert router("GET /v1/books").find("GET", b"/v1/books%FF") is None


@pytest.mark.parametrize("wrong", [b"%", b"%z", b"%zz", b"a%2", b"%2%41", b"%%41"])
def test_a_malformed_escape_in_a_value_is_refused(wrong):
    with pytest.raises(MalformedPath, match=r"malformed escape .* \"%25\"") as caught:
        router("GET /v1/{name}").find("GET", b"/v1/" + wrong)

    assert caught.value.reason == "MALFORMED_PATH"
    assert caught.value.domain == "gateway"


@pytest.mark.parametrize("wrong", [b"%FF", b"%C3", b"%ED%A0%80", b"%C0%80"])
def test_a_value_that_is_not_utf_8_is_refused(wrong):
    with pytest.raises(MalformedPath, match="not UTF-8"):
        router("GET /v1/{name}").find("GET", b"/v1/" + wrong)


def test_a_byte_that_is_not_ascii_is_refused():
    with pytest.raises(MalformedPath, match="the byte 0xc3 at position 4"):
        router("GET /v1/{name}").find("GET", "/v1/é".encode())


def test_a_thousand_routes_cost_no_more_than_ten():
    def cost(number: int) -> float:
        names = [f"GET /v1/{{name=things{i}/*}}" for i in range(number)]
        routes = router(*names, *(f"{name}:act" for name in names))
        path = f"/v1/things{number // 2}/x".encode()
        samples = []
        for _ in range(15):
            begin = time.perf_counter()
            for _ in range(200):
                routes.find("GET", path)
            samples.append(time.perf_counter() - begin)
        return min(samples)

    assert cost(1000) < 3 * cost(10)


# A reference that looks at every route and knows no trie.

WORDS = ["a", "b", "c:v", "d%2Fe"]
SEGMENTS = st.sampled_from(["a", "b", "x"])


@st.composite
def routes(draw) -> Route[str]:
    segments = draw(st.lists(SEGMENTS | st.just(ONE), min_size=1, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        segments.insert(draw(st.integers(0, len(segments))), REST)
    start = draw(st.integers(0, len(segments) - 1))
    end = draw(st.integers(start + 1, len(segments)))
    inner = "/".join(segments[start:end])
    parts = [*segments[:start], f"{{f={inner}}}", *segments[end:]]
    verb = draw(st.sampled_from(["", "", ":v"]))
    method = draw(st.sampled_from(["GET", "GET", "POST"]))
    return route(f"{method} /{'/'.join(parts)}{verb}")


def fits(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    first, rest = pattern[0], pattern[1:]
    if first == REST:
        ends = range(len(path) + 1)
        return any(all(path[:end]) and fits(rest, path[end:]) for end in ends)
    return bool(path and path[0]) and first in (ONE, unquote(path[0])) and fits(rest, path[1:])


def reference(candidates: list[Route[str]], verb: str, path: str) -> set[str]:
    """The templates of all routes of the best reading that fit: first with a verb, then without."""
    plain = path[1:].split("/") if path != "/" else []
    readings = [("", plain)]
    if plain and ":" in plain[-1]:
        last, _, suffix = plain[-1].rpartition(":")
        readings.insert(0, (suffix, [*plain[:-1], last]))
    for suffix, segments in readings:
        found = {
            r.target
            for r in candidates
            if (r.verb, r.template.verb) == (verb, suffix)
            and fits([*r.template.segments], segments)
        }
        if found:
            return found
    return set()


@given(
    candidates=st.lists(routes(), min_size=1, max_size=8),
    words=st.lists(st.sampled_from(["a", "b", "x", "c:v", "d%2Fe", "", "x:v"]), max_size=4),
)
def test_the_router_agrees_with_a_reference_that_tries_every_route(candidates, words):
    assume(not list(ambiguous(candidates)))
    path = "/" + "/".join(words)

    found = Router(candidates).find("GET", path.encode())
    expected = reference(candidates, "GET", path)

    assert (found.target if isinstance(found, Found) else None) in (expected or {None})
    for other in expected - {found.target} if isinstance(found, Found) else ():
        by_text = {candidate.target: candidate.template for candidate in candidates}
        chosen, left = by_text[found.target].segments, by_text[other].segments
        assert not more_specific(left, chosen), (found.target, other)


def more_specific(one, other) -> bool:
    """Whether every path that fits `one` fits `other`, and not the other way round: by trial."""
    alphabet = ["a", "b", "x", "y"]
    paths = [list(p) for n in range(6) for p in itertools.product(alphabet, repeat=n)]
    ones = {tuple(p) for p in paths if fits([*one], p)}
    others = {tuple(p) for p in paths if fits([*other], p)}
    return ones < others


@given(value=st.text(min_size=1, max_size=8))
def test_any_text_comes_back_from_a_segment(value):
    path = f"/v1/{quote(value, safe='')}".encode()

    assert router("GET /v1/{name}").find("GET", path).variables == {"name": value}
