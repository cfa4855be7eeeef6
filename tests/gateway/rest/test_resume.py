"""Where a stream resumes, out of answers and into requests."""

import pytest

from plait.gateway.rest.resume import Resume

REQUEST = "plait.testing.v1.WatchBooksRequest"
RESPONSE = "plait.testing.v1.WatchBooksResponse"


@pytest.fixture
def resume(library):
    methods = {method.rpc.name: method for method in library.methods}
    return lambda name: Resume(methods[name], library)


def test_a_message_says_where_to_go_on_after_it(resume, message_class):
    message = message_class(RESPONSE)(position="p7").SerializeToString()

    assert resume("WatchBooks").position(message) == "p7"


@pytest.mark.parametrize("position", ["p9", "x" * 200, "ä→"])
def test_a_request_goes_on_there_whatever_it_said_before(resume, message_class, position):
    kind = message_class(REQUEST)
    request = kind(parent="shelves/s1", resume_token="p1").SerializeToString()

    resumed = kind.FromString(resume("WatchBooks").resumed(request, position))

    assert (resumed.parent, resumed.resume_token) == ("shelves/s1", position)


def test_without_a_position_a_request_stays_as_it_is(resume, message_class):
    request = message_class(REQUEST)(resume_token="p1").SerializeToString()

    assert resume("WatchBooks").resumed(request, "") == request


def test_a_method_without_a_resume_token_knows_no_position(resume):
    assert resume("Chat").position(b"") == ""
    assert resume("Chat").resumed(b"", "p1") == b""
