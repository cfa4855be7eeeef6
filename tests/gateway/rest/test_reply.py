import json

import pytest

from plait.errors import Internal
from plait.gateway.contracts import load
from plait.gateway.rest.output import PLAIN, Output
from plait.gateway.rest.reply import ReplyBinding, header_text


@pytest.fixture
def bind(library):
    def binding(name, index=0):
        method = next(method for method in library.methods if method.rpc.name == name)
        return ReplyBinding(method, method.rules[index], library)

    return binding


@pytest.fixture
def reply(bind, library):
    """Reply with a message, given as JSON."""

    def made(name, index=0, *, message="{}", output=PLAIN):
        method = next(method for method in library.methods if method.rpc.name == name)
        binary = method.response.type.from_json(message, registry=library.registry).to_binary()
        return bind(name, index).reply(binary, output)

    return made


def test_a_message_is_json_with_unset_fields_left_out(reply):
    found = reply("GetBook", message='{"title":"é","pageCount":"0"}')

    assert found.content_type == "application/json"
    assert found.body == '{"title":"é"}'.encode()
    assert found.headers == ()


def test_the_options_of_a_request_are_honoured(reply):
    output = Output(defaults=True, proto_names=True, int64_as_number=True)

    found = json.loads(reply("GetBook", message='{"pageCount":"7"}', output=output).body)

    assert found == {
        "name": "",
        "title": "",
        "authors": [],
        "page_count": 7,
        "etag": "",
        "note": "",
    }


@pytest.mark.parametrize(
    ("index", "message", "body"),
    [
        (0, '{"child":{"text":"a"}}', '{"text":"a"}'),
        (0, "{}", "null"),
        (1, '{"lines":[{"sku":"a"}]}', '[{"sku":"a"}]'),
        (1, "{}", "[]"),
        (2, '{"labels":{"a":"b"}}', '{"a":"b"}'),
        (2, "{}", "{}"),
        (3, '{"text":"a"}', '"a"'),
        (4, '{"int64Value":"7"}', '"7"'),
        (5, '{"color":"RED"}', '"RED"'),
        (6, '{"time":"2026-01-31T12:00:00Z"}', '"2026-01-31T12:00:00Z"'),
    ],
)
def test_one_field_may_be_the_whole_reply(reply, index, message, body):
    assert reply("EchoField", index, message=message).body.decode() == body


def test_one_field_honours_the_options_too(reply):
    pretty = Output(pretty=True, int64_as_number=True)

    assert reply("EchoField", 4, message='{"int64Value":"7"}', output=pretty).body == b"7\n"
    child = reply("EchoField", 0, message='{"child":{"numbers":["7"]}}', output=pretty).body
    assert child == b'{\n  "numbers": [\n    7\n  ]\n}\n'


def test_bytes_are_sent_as_they_are(reply, bind):
    found = reply("GetCover", message='{"contentType":"image/png","data":"AAE="}')

    assert (found.content_type, found.body) == ("image/png", b"\x00\x01")
    assert bind("GetCover").raw
    assert not bind("GetBook").raw


def test_bytes_of_no_type_are_any_bytes(reply):
    found = reply("GetCover", message='{"data":"AAE="}')

    assert (found.content_type, found.body) == ("application/octet-stream", b"\x00\x01")


def test_a_created_resource_has_a_location(reply):
    found = reply("CreateBook", message='{"name":"shelves/a b/books/é?#"}')

    assert found.headers == (("location", "/v1/shelves/a%20b/books/%C3%A9%3F%23"),)


def test_a_field_that_a_header_carries_leaves_the_body(reply):
    found = reply("GetPreferences", message='{"revision":"7","language":"de"}')

    assert found.headers == (("x-revision", "7"),)
    assert found.body == b'{"language":"de"}'
    assert reply("GetPreferences").headers == ()


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05a", b"\x0a\x01\xff"])
def test_an_answer_that_is_no_such_message_is_an_error_of_the_service(bind, message):
    with pytest.raises(Internal, match=r"the answer of plait\..*\.GetBook is"):
        bind("GetBook").reply(message, PLAIN)


def test_a_header_cannot_break_out_of_its_line():
    assert header_text("a b~!é\r\nSet-Cookie: x") == "a b~!%C3%A9%0D%0ASet-Cookie: x"


CREATED = """
message Thing { string name = 1; }
service Things {
  rpc Create(Thing) returns (Thing) {
    option (google.api.http) = {post: "%s" body: "*"};
    option (plait.api.v1.access) = {public: {}};
    option (plait.api.v1.success) = {status: 201};
  }
  rpc Get(Thing) returns (Thing) {
    option (google.api.http) = {get: "%s"};
    option (plait.api.v1.access) = {public: {}};
  }
}
"""


@pytest.mark.parametrize(
    ("create", "get", "location"),
    [
        ("/v1/things", "/api/v2/{name=things/*}", "/api/v2/things/a"),
        ("/v1/things", "/{name=things/*}", "/things/a"),
        ("/v1/things", "/v2/{name=things/*}:read", "/v1/things/a"),
        ("/v1/things", "/v2/{name=things/*}/all", "/v1/things/a"),
        ("/v1/things", "/v2/things", "/v1/things/a"),
        ("/*/things", "/v2/things", "/things/a"),
    ],
)
def test_a_location_is_where_the_resource_is_read(contract, create, get, location):
    contracts = load(contract(CREATED % (create, get)), ["wrong.v1.Things"])
    method = contracts.methods[0]
    message = method.response.type(name="things/a").to_binary()

    found = ReplyBinding(method, method.rules[0], contracts).reply(message, PLAIN)

    assert found.headers == (("location", location),)


BYTES = """
import "google/api/httpbody.proto";
message Picture { google.api.HttpBody content = 1; }
service Pictures {
  rpc Get(google.protobuf.Empty) returns (Picture) {
    option (google.api.http) = {get: "/v1/picture" response_body: "content"};
    option (plait.api.v1.access) = {public: {}};
  }
}
"""


def test_bytes_in_a_field_may_be_the_whole_reply(contract):
    contracts = load(contract(BYTES), ["wrong.v1.Pictures"])
    method = contracts.methods[0]
    binding = ReplyBinding(method, method.rules[0], contracts)
    body = contracts.registry.message("google.api.HttpBody").type
    full = method.response.type(content=body(content_type="a/b\r\n", data=b"x"))

    assert binding.raw
    assert binding.reply(full.to_binary(), PLAIN)[:2] == ("a/b%0D%0A", b"x")
    assert binding.reply(b"", PLAIN)[:2] == ("application/octet-stream", b"")
