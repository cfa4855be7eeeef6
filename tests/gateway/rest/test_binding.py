import json

import pytest

from plait.gateway.contracts import load
from plait.gateway.errors import InvalidRequest, MalformedJson
from plait.gateway.rest.binding import Binding


@pytest.fixture
def bind(library):
    def binding(name, index=0):
        method = next(method for method in library.methods if method.rpc.name == name)
        return Binding(method, method.rules[index], library)

    return binding


def test_a_request_becomes_the_bytes_of_its_message(bind, message_class):
    found = bind("CreateBook").request(
        {"parent": "shelves/a"}, "bookId=b&requestId=r", b'{"title":"t"}', {}
    )

    kind = message_class("plait.testing.v1.CreateBookRequest")
    assert kind.FromString(found) == kind(
        parent="shelves/a", book={"title": "t"}, book_id="b", request_id="r"
    )


def test_a_message_becomes_a_reply(bind, message_class):
    book = message_class("plait.testing.v1.Book")(title="t", page_count=7)

    found = bind("GetBook").response(book.SerializeToString())

    assert found == ("application/json", b'{"title":"t","pageCount":"7"}', ())


def test_a_binding_says_what_goes_through_it(bind):
    def of(name):
        binding = bind(name)
        return binding.takes_body, binding.raw_request, binding.raw_response

    assert of("GetBook") == (False, False, False)
    assert of("CreateBook") == (True, False, False)
    assert of("PutCover") == (True, True, False)
    assert of("GetCover") == (False, False, True)
    assert of("Webhook") == (True, True, True)
    assert of("Download") == (False, False, True)


@pytest.mark.parametrize("value", ["2147483648", "-2147483649", "99999999999999999999"])
def test_an_enum_that_has_no_binary_form_is_refused(descriptor_set, value):
    contracts = load(descriptor_set, ["plait.testing.v1.PlainService"])
    (echo,) = contracts.methods
    body = f'{{"mood":{value}}}'.encode()

    for rule, field in zip(echo.rules, ("mood", "child.mood"), strict=True):
        binding = Binding(echo, rule, contracts)
        with pytest.raises(InvalidRequest) as caught:
            binding.request({"text": "t"}, "", body, {})
        assert [violation.field for violation in caught.value.violations] == [field]


def test_each_item_of_a_stream_is_a_message_with_the_same_path_and_query(bind, message_class):
    kind = message_class("plait.testing.v1.CreateBookRequest")
    item = bind("ImportBooks").stream({"parent": "shelves/a"}, "requestId=r", {})

    found = [kind.FromString(item(b'{"title":"%d"}' % n, n)) for n in (1, 2)]

    assert found == [
        kind(parent="shelves/a", request_id="r", book={"title": str(n)}) for n in (1, 2)
    ]


def test_the_path_wins_over_the_items_of_a_stream(bind, contract, library, message_class):
    item = bind("Chat").stream({}, "", {})

    kind = message_class("plait.testing.v1.ChatMessage")
    assert kind.FromString(item(b'{"text":"a"}', 1)) == kind(text="a")


def test_a_wrong_item_is_named_by_its_number(bind):
    item = bind("ImportBooks").stream({"parent": "shelves/a"}, "", {})

    with pytest.raises(InvalidRequest, match=r"message 7 of the stream, book\.titel: .* \"title\""):
        item(b'{"titel":"x"}', 7)
    with pytest.raises(
        MalformedJson, match="message 8 of the stream is not JSON: expected a value"
    ):
        item(b'{"title":}', 8)


def test_what_surrounds_a_stream_is_refused_at_once(bind):
    with pytest.raises(InvalidRequest, match="the query, nope: there is no field"):
        bind("ImportBooks").stream({"parent": "shelves/a"}, "nope=1", {})


def test_each_chunk_of_an_upload_is_a_message(bind, message_class):
    kind = message_class("plait.testing.v1.PutCoverRequest")
    item = bind("Upload").stream({"name": "n"}, "", {"content-type": "image/png"})

    found = kind.FromString(item(b"\x00", 1))

    assert found == kind(name="n", content={"content_type": "image/png", "data": b"\x00"})


def test_a_message_of_a_stream_is_one_line(bind, message_class):
    found = bind("ExportBooks").response(
        message_class("plait.testing.v1.WatchBooksResponse")(
            book={"title": "a\nb"}
        ).SerializeToString()
    )

    assert found.body.count(b"\n") == 0
    assert json.loads(found.body) == {"title": "a\nb"}


def test_all_requests_of_a_rule_are_independent(bind, message_class):
    kind = message_class("plait.testing.v1.ListBooksRequest")
    binding = bind("ListBooks")

    binding.request({"parent": "a"}, "maxPrice.units=5", b"", {})
    found = kind.FromString(binding.request({"parent": "b"}, "", b"", {}))

    assert found == kind(parent="b")
