import json
import math

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from protobuf import ScalarType

from plait.gateway.rest.fields import (
    RANGES,
    TextError,
    elements_of,
    expected,
    has_text,
    is_single,
    json_float,
    oneof_of,
    reader,
    text_of,
)

NAMES = [
    "text",
    "bool_value",
    "int32_value",
    "int64_value",
    "uint32_value",
    "uint64_value",
    "sint32_value",
    "sint64_value",
    "fixed32_value",
    "fixed64_value",
    "sfixed32_value",
    "sfixed64_value",
    "float_value",
    "double_value",
    "bytes_value",
    "color",
    "mood",
    "time",
    "wait",
    "mask",
    "struct",
    "value",
    "list",
    "wrapped_bool",
    "wrapped_int32",
    "wrapped_int64",
    "wrapped_uint32",
    "wrapped_uint64",
    "wrapped_float",
    "wrapped_double",
    "wrapped_text",
    "wrapped_bytes",
]


def field_of(descriptor, name):
    return next(field for field in descriptor.fields if field.name == name)


@pytest.fixture(scope="session")
def read(everything):
    """Read the text of one field of Everything."""

    def read_text(name, text):
        return reader(elements_of(field_of(everything, name)))(text)

    return read_text


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(data=st.data())
def test_text_and_value_agree_with_google_protobuf(name, data, types, message_class, random_fields):
    descriptor = types("Everything")
    field = field_of(descriptor, name)
    theirs = data.draw(random_fields(name))
    ours = descriptor.type.from_binary(theirs.SerializeToString())
    element = elements_of(field)

    text = text_of(element, ours[field])
    back = descriptor.type()
    back[field] = reader(element)(text)

    assert ours[field] is not None
    assert message_class("plait.testing.v1.Everything").FromString(back.to_binary()) == theirs or (
        text == "NaN"
    )
    written = json_format.MessageToDict(theirs, always_print_fields_with_no_presence=True)
    value = written[field.json_name]
    if name in {"struct", "value", "list"}:
        assert json.loads(text) == value
    elif isinstance(value, str):
        assert text == value
    elif "float" not in name:
        assert json.loads(text) == value


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(data=st.data())
def test_any_text_is_a_value_or_a_documented_error(name, data, types):
    descriptor = types("Everything")
    field = field_of(descriptor, name)
    text = data.draw(
        st.text(max_size=8) | st.text(alphabet='0123456789-+.eEsTZ:"{}[],', max_size=9)
    )

    try:
        value = reader(elements_of(field))(text)
    except TextError as error:
        said = str(error)
    else:
        message = descriptor.type()
        message[field] = value
        said = f"expected {message.to_binary()!r}, found it"

    assert said.startswith("expected ")
    assert ", found " in said


@pytest.mark.parametrize("scalar", list(RANGES))
def test_an_integer_is_bounded_by_its_type(scalar):
    low, high = RANGES[scalar]
    read_integer = reader(scalar)

    assert read_integer(str(low)) == low
    assert read_integer(str(high)) == high
    for outside in (low - 1, high + 1, 10**40):
        with pytest.raises(TextError, match=f"expected an integer from {low} to {high}"):
            read_integer(str(outside))


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "+1", "01", "1.0", "1e2", "0x1", "1_0", "\u0661", "--1"]
)
def test_only_decimal_digits_are_an_integer(read, text):
    with pytest.raises(TextError, match="expected an integer"):
        read("int32_value", text)


@pytest.mark.parametrize("text", ["", "1.", ".5", "1e", "inf", "nan", "+1", " 1", "1e999", "0x1p3"])
def test_only_a_json_number_is_a_double(read, text):
    with pytest.raises(TextError, match="expected a number"):
        read("double_value", text)


def test_a_float_is_bounded_and_may_be_infinite(read):
    assert read("float_value", "3.4028234663852886e38") == 3.4028234663852886e38
    assert read("float_value", "-Infinity") == -math.inf
    assert math.isnan(read("double_value", "NaN"))
    with pytest.raises(TextError, match="expected a number"):
        read("float_value", "3.5e38")


@pytest.mark.parametrize("text", ["True", "1", "", "yes", "false "])
def test_only_true_and_false_are_a_bool(read, text):
    with pytest.raises(TextError, match="expected true or false"):
        read("bool_value", text)


@pytest.mark.parametrize("text", ["-_8", "+/8", "-_8=", "+/8="])
def test_bytes_are_base64_of_either_alphabet_padded_or_not(read, text):
    assert read("bytes_value", text) == b"\xfb\xff"


@pytest.mark.parametrize("text", ["a", "+_8=", "a b=", "====", "é", "AAAA=", "AA===", "A="])
def test_other_text_is_not_base64(read, text):
    with pytest.raises(TextError, match="expected bytes in base64"):
        read("bytes_value", text)


def test_an_enum_is_a_name_or_a_number(read):
    assert read("color", "GREEN") == 2
    assert read("color", "2") == 2
    assert read("color", "NAVY") == 3
    assert read("color", "99") == 99
    assert read("mood", "-1") == -1


def test_a_number_of_a_closed_enum_is_one_that_it_has(library):
    size = library.registry.enum("plait.testing.v1.Legacy.Size")

    assert reader(size)("2") == 2
    with pytest.raises(TextError, match='expected one of SMALL, LARGE, found "3"'):
        reader(size)("3")


@pytest.mark.parametrize("text", ["green", "", "1.0", "2147483648"])
def test_another_text_is_not_an_enum(read, text):
    with pytest.raises(TextError, match=r"expected (one of COLOR_UNSPECIFIED, RED|an integer)"):
        read("color", text)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("title", ["title"]),
        ("createTime,book.pageCount", ["create_time", "book.page_count"]),
        ("create_time", ["create_time"]),
        ("*", ["*"]),
        ("book.*", ["book.*"]),
    ],
)
def test_a_mask_takes_camel_and_proto_names(read, text, paths):
    assert read("mask", text).paths == paths


@pytest.mark.parametrize("text", [",", "a,", "a..b", "a b", "a-b", ".a"])
def test_another_text_is_not_a_mask(read, text):
    with pytest.raises(TextError, match="expected names of fields, separated by commas"):
        read("mask", text)


@pytest.mark.parametrize("text", ["1h", "1", "s", "1.5S", "1.0000000001s", "315576000001s", ""])
def test_a_duration_is_in_seconds(read, text):
    with pytest.raises(TextError, match=r"expected a duration in seconds such as 1\.5s"):
        read("wait", text)


def test_a_duration_may_be_negative_and_has_nanoseconds(read):
    assert (read("wait", "-1.5s").seconds, read("wait", "-1.5s").nanos) == (-1, -500_000_000)


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00:00", "yesterday", "2026-13-01T"])
def test_a_timestamp_has_a_time_and_a_zone(read, text):
    with pytest.raises(TextError, match="expected a timestamp of RFC 3339"):
        read("time", text)


@pytest.mark.parametrize(("name", "text"), [("struct", "[]"), ("value", "a"), ("list", "{}")])
def test_json_of_another_kind_is_refused(read, name, text):
    with pytest.raises(TextError, match="expected a JSON"):
        read(name, text)


def test_json_that_nests_too_deep_is_refused_before_it_is_read(read):
    with pytest.raises(TextError, match="at most 200 levels"):
        read("struct", "[" * 100_000)


def test_a_wrong_text_is_shown_only_in_part():
    with pytest.raises(TextError, match=r'found "x{64}\.\.\."$'):
        reader(ScalarType.BOOL)("x" * 100)


def test_ordinary_messages_and_any_have_no_text(everything):
    without = {"child", "any", "empty", "price", "legacy"}

    assert {name for name in without if has_text(elements_of(field_of(everything, name)))} == set()
    assert all(has_text(elements_of(field_of(everything, name))) for name in NAMES)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text", "a string"),
        ("bytes_value", "bytes in base64"),
        ("wrapped_bool", "true or false"),
        ("float_value", "a number"),
        ("child", "an object"),
        ("mask", "names of fields, separated by commas, such as title,createTime"),
    ],
)
def test_what_is_expected_can_be_said(everything, name, words):
    assert expected(elements_of(field_of(everything, name))) == words


def test_of_an_enum_with_many_values_some_are_named(library):
    many = library.registry.enum("google.protobuf.FieldDescriptorProto.Type")

    assert expected(many).endswith("TYPE_BOOL or one of 10 others")


def test_shapes_of_fields_are_told_apart(everything):
    assert is_single(field_of(everything, "child"))
    assert not is_single(field_of(everything, "lines"))
    assert not is_single(field_of(everything, "labels"))
    assert oneof_of(field_of(everything, "chosen_text")).name == "choice"
    assert oneof_of(field_of(everything, "maybe_text")) is None
    assert oneof_of(field_of(everything, "labels")) is None


def test_floats_that_json_does_not_have_are_text():
    assert json_float(1.5) == 1.5
    assert [json_float(v) for v in (math.inf, -math.inf, math.nan)] == [
        "Infinity",
        "-Infinity",
        "NaN",
    ]
