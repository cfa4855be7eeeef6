"""An error is an answer with all that HTTP wants to know of it."""

from plait.errors import NotFound, Unavailable
from plait.gateway.edge.http import Request
from plait.gateway.edge.refusal import refusal
from plait.gateway.errors import MethodNotAllowed
from plait.mesh.identity.tokens import TokenMissing


def request(accept: str = "") -> Request:
    return Request(verb="GET", path=b"/", query="", headers={"accept": accept}, body=None)


def test_an_error_is_never_cached_and_never_run():
    headers = dict(refusal(NotFound("no"), request()).headers)

    assert headers["cache-control"] == "no-store"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["content-type"] == "application/json"


def test_the_form_is_the_one_that_is_accepted():
    answer = refusal(NotFound("no"), request("application/problem+json"))

    assert dict(answer.headers)["content-type"] == "application/problem+json"


def test_each_status_has_the_headers_that_belong_to_it():
    wrong = dict(refusal(MethodNotAllowed("no", allow=("GET", "HEAD")), request()).headers)
    missing = dict(refusal(TokenMissing("no"), request()).headers)
    away = dict(refusal(Unavailable("no", retry_after=3), request()).headers)

    assert wrong["allow"] == "GET, HEAD"
    assert missing["www-authenticate"] == "Bearer"
    assert away["retry-after"] == "3"
