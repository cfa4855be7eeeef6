"""A head that is too large is refused; what is exactly as large is taken."""

import pytest

from plait.gateway.edge.limits import Limits, check_head
from plait.gateway.errors import HeadersTooLarge, UriTooLong

LIMITS = Limits(url=20, header_count=3, headers=30)


def scope(path: bytes = b"/", query: bytes = b"", headers=()):
    return {"raw_path": path, "query_string": query, "headers": list(headers)}


@pytest.mark.parametrize(("path", "query"), [(b"/" * 20, b""), (b"/" * 10, b"q" * 9)])
def test_a_url_at_its_limit_is_taken_and_one_byte_more_is_not(path, query):
    check_head(scope(path, query), LIMITS)

    with pytest.raises(UriTooLong, match="21 bytes; expected at most 20"):
        check_head(scope(path + b"/", query), LIMITS)


def test_so_many_headers_are_taken_and_one_more_is_not():
    check_head(scope(headers=[(b"a", b"b")] * 3), LIMITS)

    with pytest.raises(HeadersTooLarge, match="4 headers; expected at most 3"):
        check_head(scope(headers=[(b"a", b"b")] * 4), LIMITS)


def test_so_long_headers_are_taken_and_one_byte_more_is_not():
    check_head(scope(headers=[(b"name", b"x" * 26)]), LIMITS)

    with pytest.raises(HeadersTooLarge, match="31 bytes; expected at most 30"):
        check_head(scope(headers=[(b"name", b"x" * 27)]), LIMITS)


def test_the_refusals_say_their_http_status():
    assert (UriTooLong.http, HeadersTooLarge.http) == (414, 431)
