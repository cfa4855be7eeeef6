import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.errors import InvalidRequest, MalformedJson
from plait.gateway.rest.explain import problems_of
from plait.gateway.rest.reading import MessageReader, Source, _explained, read_field

KINDS = ["Everything", "Plain"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "1", "RED", "1.5s", "2026-01-31T12:00:00Z", "AA==", "a,bC", "NaN"])
    | st.sampled_from(
        [
            f"x/{name}"
            for name in (
                "google.protobuf.Duration",
                "google.protobuf.Value",
                "google.protobuf.Any",
                "google.protobuf.Empty",
                "google.protobuf.EnumValueDescriptorProto",
                "plait.testing.v1.Line",
                "no.Such",
            )
        ]
    )
)


@pytest.fixture
def read(everything, library):
    return lambda text: MessageReader(everything, library.registry).read(text)


def rules(error: InvalidRequest) -> list[tuple[str, str]]:
    return [(violation.field, violation.rule) for violation in error.violations]


@pytest.mark.parametrize("name", KINDS)
@given(
    data=st.data(),
    options=st.fixed_dictionaries(
        {
            "always_print_fields_with_no_presence": st.booleans(),
            "preserving_proto_field_name": st.booleans(),
            "use_integers_for_enums": st.booleans(),
            "ensure_ascii": st.booleans(),
            "indent": st.sampled_from([None, 2]),
        }
    ),
)
def test_what_google_protobuf_writes_reads_back(name, data, options, types, random_messages):
    message = data.draw(random_messages(f"plait.testing.v1.{name}"))
    text = json_format.MessageToJson(message, **options).encode()
    if options["use_integers_for_enums"]:
        text = text.replace(b'"null": 0', b'"null": null').replace(b'Null": 0', b'Null": null')

    read = MessageReader(types(name), types.registry).read(text)

    back = type(message).FromString(read.to_binary())
    assert back.SerializeToString(deterministic=True) == message.SerializeToString(
        deterministic=True
    )


@st.composite
def bodies(draw, descriptor) -> bytes:
    """JSON that is nearly, or quite, a message: known and other keys, fitting and other values."""
    names = [field.json_name for field in descriptor.fields]
    names += [field.name for field in descriptor.fields]
    keys = st.sampled_from([*names, "nope", "@type", "value"])
    values = st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
        max_leaves=4,
    )
    pairs = draw(st.lists(st.tuples(keys, values), max_size=3))
    members = (f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs)
    return ("{" + ",".join(members) + "}").encode()


def serialized(reader, text) -> bytes:
    """Read and write a message as a binding does."""
    try:
        return reader.read(text).to_binary()
    except OverflowError as error:
        raise reader.explained(error, text) from None


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_the_cold_path_agrees_with_the_library(name, data, types):
    descriptor = types(name)
    text = data.draw(bodies(descriptor))

    problems = problems_of(text, descriptor, types.registry)
    reader = MessageReader(descriptor, types.registry)
    try:
        serialized(reader, text)
    except InvalidRequest as error:
        found = list(error.violations)
        assert found  # the library has refused it, so the cold path must say why
    else:
        found = []

    assert found == problems


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_what_is_accepted_is_what_google_protobuf_reads(name, data, types, message_class):
    descriptor = types(name)
    text = data.draw(bodies(descriptor))
    kind = message_class(f"plait.testing.v1.{name}")
    try:
        ours = MessageReader(descriptor, types.registry).read(text)
        theirs = json_format.Parse(text, kind())
    except (InvalidRequest, json_format.ParseError):
        return

    assert kind.FromString(ours.to_binary()).SerializeToString(
        deterministic=True
    ) == theirs.SerializeToString(deterministic=True)


@pytest.mark.parametrize("name", KINDS)
@given(
    text=st.binary(max_size=30)
    | st.text(alphabet='{}[]":,\\ntexau0123456789-.eE é', max_size=30).map(str.encode)
)
def test_any_bytes_are_a_message_or_a_documented_error(name, text, types):
    try:
        MessageReader(types(name), types.registry).read(text)
    except MalformedJson as error:
        said = error.metadata["line"]
    except InvalidRequest as error:
        said = error.violations[0].description
    else:
        said = "a message"

    assert said


@given(
    data=st.data(),
    name=st.sampled_from(
        [
            "text",
            "int64_value",
            "color",
            "lines",
            "labels",
            "texts",
            "time",
            "child",
            "value",
            "null",
            "numbers",
            "bytes_value",
        ]
    ),
)
def test_any_bytes_are_a_field_or_a_documented_error(data, name, types):
    field = next(field for field in types("Everything").fields if field.name == name)
    values = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(), SCALARS)
    text = data.draw(values.map(json.dumps).map(str.encode) | st.binary(max_size=10))
    try:
        message = read_field(field, text, types.registry)
    except (MalformedJson, InvalidRequest):
        return

    assert [found.name for found in message] in ([], [name])


@pytest.mark.parametrize(
    "text",
    [
        b'{"text":"a","text":"b"}',
        b'{"text":"a" ,"text" : "b"}',
        b'{"text":"\\u0061","t\\u0065xt":"b"}',
        b'{"text":"a:","text":"b"}',
        b'{"text":"\\":","text":"b"}',
        b'{"int64Value":"1","int64_value":"2"}',
        b'{"child":{"text":"a","text":"b"}}',
        b'{"lines":[{"sku":"a","sku":"b"}]}',
        b'{"labels":{"a":"1","a":"2"}}',
        b'{"counts":{"1":"1","01":"2"}}',
        b'{"struct":{"a":1,"a":2}}',
        b'{"value":[{"a":1,"a":2}]}',
        b'{"any":{"@type":"x/plait.testing.v1.Line","sku":"a","sku":"b"}}',
        b'{"time":"2026-01-01T00:00:00+01:00","text":"a","text":"b"}',
        b'{"text":"a","text":"b","any":{"@type":"x/google.protobuf.Value","value":{}}}',
        b'{"text":"","text":""}',
        b'{"text":null,"text":"a"}',
    ],
)
def test_a_key_that_stands_twice_is_refused(read, text):
    with pytest.raises(InvalidRequest) as caught:
        read(text)

    assert [violation.rule for violation in caught.value.violations] == ["json.duplicate_key"]


@pytest.mark.parametrize(
    "text",
    [b'{"chosenText":"a","chosenNumber":1}', b'{"chosenText":"","chosenChild":{}}'],
)
def test_two_members_of_a_oneof_are_refused(read, text):
    with pytest.raises(InvalidRequest) as caught:
        read(text)

    assert [violation.rule for violation in caught.value.violations] == ["json.oneof"]


@pytest.mark.parametrize(
    "text",
    [
        b'{"text":"a\\":b:\\\\"}',
        b'{"text":":::","labels":{":":":"}}',
        b'{"text":"","int32Value":0,"child":null,"texts":[]}',
        b'{"time":"2026-01-01T00:00:00+01:00"}',
        b'{"mask":"field3Name"}',
        b'{"lines":[' + b",".join([b'{"sku":"a"}'] * 100) + b"]}",
    ],
)
def test_what_is_in_doubt_is_looked_at_and_accepted(read, text):
    assert read(text) is not None


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"nan"])
def test_tokens_that_json_does_not_have_are_malformed(read, text):
    with pytest.raises(MalformedJson, match="the body is not JSON"):
        read(b'{"doubleValue":' + text + b"}")


def test_a_number_that_no_double_holds_is_refused(read):
    for text in (b'{"value":1e999}', b'{"doubleValue":1e999}', b'{"struct":{"a":-1e999}}'):
        with pytest.raises(InvalidRequest) as caught:
            read(text)
        assert [violation.rule for violation in caught.value.violations] == ["json.type"]


@pytest.mark.parametrize("text", [b"[]", b"null", b"1", b'"a"', b"true"])
def test_a_message_is_an_object(read, text):
    with pytest.raises(InvalidRequest, match="the body: expected an object, found"):
        read(text)


def nested(levels: int) -> bytes:
    return b'{"child":' * levels + b"{}" + b"}" * levels


def test_nesting_is_bounded(read):
    assert read(nested(99)) is not None
    assert read(nested(100)) is not None
    for levels in (101, 200, 201, 1_000, 100_000):
        with pytest.raises(InvalidRequest) as caught:
            read(nested(levels))
        assert [violation.rule for violation in caught.value.violations] == ["json.depth"]


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"any":{"x":' + b"[" * 100_000,
        b'{"color":' + b'{"a":' * 100_000,
    ],
)
def test_brackets_that_would_kill_the_parser_are_refused_before(read, text):
    with pytest.raises(InvalidRequest, match="at most 200 levels of nested arrays and objects"):
        read(text)


def test_a_request_counts_the_messages_that_a_field_lies_in(everything, library):
    inner = Source(at="child", depth=1)

    assert MessageReader(everything, library.registry).read(nested(99), inner) is not None
    with pytest.raises(InvalidRequest):
        MessageReader(everything, library.registry).read(nested(100), inner)


def test_where_a_problem_lies_is_said_with_the_source(everything, library):
    source = Source(where="message 3 of the stream", at="item", depth=1)

    with pytest.raises(InvalidRequest, match=r"message 3 of the stream, item\.text: exp") as caught:
        MessageReader(everything, library.registry).read(b'{"text":1}', source)

    assert rules(caught.value) == [("item.text", "json.type")]


def test_what_is_both_wrong_and_malformed_is_malformed(read):
    with pytest.raises(MalformedJson, match="line 2, column 1"):
        read(b'{"text":1,\n}')


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lines", b'[{"sku":"a"}]', [{"sku": "a"}]),
        ("labels", b'{"a":"b"}', {"a": "b"}),
        ("int64_value", b"7", "7"),
        ("color", b'"RED"', "RED"),
    ],
)
def test_one_field_is_read_alone(name, text, value, everything, library):
    field = next(field for field in everything.fields if field.name == name)

    message = read_field(field, text, library.registry)

    assert json.loads(message.to_json()) == {field.json_name: value}


def test_half_of_a_surrogate_pair_is_malformed_however_deep_it_lies(everything, library):
    lines = next(field for field in everything.fields if field.name == "lines")
    levels = 40
    text = b'[{"parts":' * levels + b'[{"sku":"\\ud800"}]' + b"}]" * levels

    with pytest.raises(MalformedJson, match="both halves of a surrogate pair"):
        read_field(lines, text, library.registry)


def test_a_mask_that_could_not_be_written_again_is_read(library):
    plain = library.registry.message("plait.testing.v1.Plain")

    message = MessageReader(plain, library.registry).read(b'{"mask":"a,"}')

    assert message.to_binary() == b"\x9a\x01\x05\n\x01a\n\x00"


def test_what_only_the_library_refuses_is_still_an_invalid_request(everything, library):
    refused = _explained(ValueError("no"), b"{}", everything, library.registry, Source(at="a"))

    assert refused.message == "the body, a: expected JSON that fits the contract: no"
    assert rules(refused) == [("a", "json.type")]


@pytest.mark.parametrize("text", [b'[],"text":"x"', b"[]}", b"[] []", b'[{"sku":"a","sku":"b"}]'])
def test_the_text_of_one_field_cannot_be_more(text, everything, library):
    field = next(field for field in everything.fields if field.name == "lines")

    with pytest.raises((MalformedJson, InvalidRequest)):
        read_field(field, text, library.registry)
