"""Promises of secrets: whatever is wrong with one, no error repeats it."""

import json

import pytest

from plait.errors import Error
from plait.gateway import contracts as gateway_contracts
from plait.gateway.errors import InvalidRequest
from plait.gateway.rest.binding import Binding
from plait.gateway.rest.fields import TextError
from plait.gateway.rest.reading import BODY, _explained
from plait.gateway.rest.secrets import holds_secret, is_secret, reader_of

VAULT = """
message Vault {
  string word = 1 [debug_redact = true];
  int32 number = 2 [debug_redact = true];
  bytes data = 3 [debug_redact = true];
  Kind kind = 4 [debug_redact = true];
  repeated string words = 5 [debug_redact = true];
  map<string, int32> counts = 6 [debug_redact = true];
  Inner inner = 7 [debug_redact = true];
  google.protobuf.Struct any = 8 [debug_redact = true];
  google.protobuf.Timestamp time = 9 [debug_redact = true];
  string plain = 10;
  Inner plain_inner = 11;
  Half half = 12;
  repeated Half halves = 13;
  map<string, Half> halves_by_name = 14;
  int32 pin = 15 [debug_redact = true, (plait.api.v1.http) = {header: "x-pin"}];
  int32 plain_number = 16;
}
message Inner { string text = 1; int32 number = 2; }
message Half { string word = 1 [debug_redact = true]; string plain = 2; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_ONE = 1; }
service Service {
  rpc Put(Vault) returns (google.protobuf.Empty) {
    option (google.api.http) = {
      post: "/v1/vault" body: "*"
      additional_bindings { get: "/v1/vault" }
      additional_bindings { get: "/v1/vault/{number}" }
      additional_bindings { put: "/v1/words" body: "words" }
    };
    option (plait.api.v1.access) = {public: {}};
  }
}
"""
CANARY = "c4n4ry"


@pytest.fixture
def contracts(contract):
    return gateway_contracts.load(contract(VAULT), ["wrong.v1.Service"])


@pytest.fixture
def bind(contracts):
    (method,) = contracts.methods
    return [Binding(method, rule, contracts) for rule in method.rules]


@pytest.fixture
def refused(bind):
    """Return all that is told of a request that is wrong."""

    def told(body=b"", *, query="", variables=None, headers=None, rule=0):
        with pytest.raises(Error) as raised:
            bind[rule].request(variables or {}, query, body, headers or {})
        error = raised.value
        return f"{error.message} {error.violations} {error.metadata}"

    return told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"word": 71234}, "expected a string, found a number"),
        ({"word": True}, "found a boolean"),
        ({"word": [CANARY]}, "found an array"),
        ({"word": {CANARY: CANARY}}, "found an object"),
        ({"number": CANARY}, "expected an integer from -2147483648 to 2147483647, found a string"),
        ({"number": 71234e9}, "found a number"),
        ({"data": f"!{CANARY}"}, "expected bytes in base64, found a string"),
        ({"kind": CANARY}, "expected one of KIND_UNSPECIFIED, KIND_ONE, found a string"),
        ({"kind": "KIND_ON"}, "found a string"),
        ({"words": CANARY}, "expected an array, found a string"),
        ({"words": [1, None]}, "found null"),
        ({"counts": {CANARY: CANARY}}, "found a string"),
        ({"counts": CANARY}, "expected an object, found a string"),
        ({"inner": CANARY}, "expected an object, found a string"),
        ({"inner": {"number": CANARY}}, "found a string"),
        ({"inner": {CANARY: 1}}, "there is no field of this name"),
        ({"inner": {"texT": 1}}, "there is no field of this name"),
        ({"any": CANARY}, "expected an object, found a string"),
        ({"time": CANARY}, "expected a timestamp"),
        ({"half": CANARY}, "half: expected an object, found a string"),
        ({"half": {"word": 71234}}, "found a number"),
        ({"halves": CANARY}, "expected an array, found a string"),
        ({"halves": [CANARY]}, "expected an object, found a string"),
        ({"halvesByName": CANARY}, "expected an object, found a string"),
        ({"halvesByName": {"a": {"word": 71234}}}, "found a number"),
        (CANARY, "expected an object, found a string"),
    ],
)
def test_of_a_wrong_secret_its_kind_is_told_and_nothing_else(refused, value, told):
    said = refused(json.dumps(value).encode())

    assert told in said
    assert CANARY not in said
    assert "71234" not in said


@pytest.mark.parametrize(
    "body",
    [
        b'{"counts": {"c4n4ry": 1, "c4n4ry": 2}}',
        b'{"inner": {"c4n4ry": 1, "c4n4ry": 2}}',
        b'{"any": {"c4n4ry": 1, "c4n4ry": 2}}',
    ],
)
def test_a_key_that_is_twice_in_a_secret_is_not_named(refused, body):
    said = refused(body)

    assert "a key for the second time" in said
    assert CANARY not in said


def test_the_place_that_is_named_is_that_of_the_secret(bind):
    with pytest.raises(InvalidRequest) as raised:
        bind[0].request({}, "", b'{"inner": {"number": "x"}, "plainInner": {"number": "x"}}', {})

    assert [each.field for each in raised.value.violations] == ["inner", "plainInner.number"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"plain": 71234}, "expected a string, found the number 71234"),
        ({"plainInner": CANARY}, f'expected an object, found the string \\"{CANARY}\\"'),
        ({"plainInner": {CANARY: 1}}, f'there is no field \\"{CANARY}\\"'),
        ({"half": {"plain": 71234}}, "found the number 71234"),
        ({"word": 1, "plain": 71234}, "found the number 71234"),
    ],
)
def test_what_is_no_secret_is_told_as_before(refused, value, told):
    assert told.replace("\\", "") in refused(json.dumps(value).encode()).replace("\\", "")


@pytest.mark.parametrize(
    "query",
    [
        *("number=c4n4ry", "data=!c4n4ry", "kind=c4n4ry", "time=c4n4ry", "any=c4n4ry"),
        *("inner.c4n4=1", "inner.number=c4n4ry", "counts[a]=c4n4ry", "counts[a]=1&number=c4n4ry"),
        *("number=1&number=c4n4ry", "word=c4n4ry&word=c4n4ry", "word=c4n4ry%"),
    ],
)
def test_a_query_is_refused_without_its_secrets(refused, query):
    assert CANARY not in refused(query=query, rule=1)


def test_path_and_headers_are_refused_without_their_secrets(refused):
    by_path = refused(variables={"number": CANARY}, rule=2)
    by_header = refused(headers={"x-pin": CANARY}, rule=1)

    assert "expected an integer from -2147483648 to 2147483647, found something else" in by_path
    assert "found something else" in by_header
    assert CANARY not in by_path + by_header


def test_a_body_that_is_a_secret_itself_is_not_told(refused):
    said = refused(json.dumps([1, CANARY, {CANARY: CANARY}]).encode(), rule=3)

    assert "expected a string, found a number" in said
    assert CANARY not in said


def test_what_a_library_says_is_not_repeated_where_it_may_be_a_secret(contracts):
    vault, inner = (contracts.registry.message(f"wrong.v1.{name}") for name in ("Vault", "Inner"))
    fields = {field.name: field for field in vault.fields}

    said = [
        _explained(ValueError(CANARY), b"{}", target, contracts.registry, BODY).message
        for target in (vault, fields["inner"], inner)
    ]

    assert [CANARY in each for each in said] == [False, False, True]


def test_it_is_known_what_is_a_secret_and_what_holds_one(contracts):
    vault, inner = (contracts.registry.message(f"wrong.v1.{name}") for name in ("Vault", "Inner"))
    fields = {field.name: field for field in vault.fields}

    assert is_secret(fields["word"])
    assert not is_secret(fields["plain"])
    assert holds_secret(vault)
    assert not holds_secret(inner)


def test_a_right_secret_is_read_as_any_other(contracts):
    fields = {field.name: field for field in contracts.registry.message("wrong.v1.Vault").fields}

    assert reader_of(fields["number"])("7") == reader_of(fields["plain_number"])("7") == 7
    with pytest.raises(TextError, match='found "x"'):
        reader_of(fields["plain_number"])("x")
    with pytest.raises(TextError, match="found something else"):
        reader_of(fields["number"])("x")
