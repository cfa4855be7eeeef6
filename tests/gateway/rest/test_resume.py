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
def test_a_request_goes_on_there_whatever_it_said_before(resume, library, position):
    request = library.registry.message(REQUEST).type(parent="shelves/s1", resume_token="p1")

    resume("WatchBooks").resume(request, position)

    assert (request.parent, request.resume_token) == ("shelves/s1", position)


def test_without_a_position_a_request_stays_as_it_is(resume, library):
    request = library.registry.message(REQUEST).type(resume_token="p1")

    resume("WatchBooks").resume(request, "")

    assert request.resume_token == "p1"


def test_a_method_without_a_resume_token_knows_no_position(resume, library):
    request = library.registry.message("plait.testing.v1.ChatMessage").type(text="a")

    resume("Chat").resume(request, "p1")

    assert resume("Chat").position(b"") == ""
    assert (
        request.to_binary()
        == library.registry.message("plait.testing.v1.ChatMessage").type(text="a").to_binary()
    )
