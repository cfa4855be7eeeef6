import json
import math

import pytest
from google.protobuf import json_format
from hypothesis import example, given
from hypothesis import strategies as st
from protobuf.wkt import Any, FieldMask, FloatValue, Timestamp, Value

from plait.errors import Internal
from plait.gateway.rest.fields import FLOAT_MAX
from plait.gateway.rest.output import EXACT, PLAIN, Output
from plait.gateway.rest.writing import Writer, dumps, field_value, json_value, pretty

OUTPUTS = st.builds(
    Output,
    enums_as_numbers=st.booleans(),
    defaults=st.booleans(),
    proto_names=st.booleans(),
    int64_as_number=st.booleans(),
    pretty=st.booleans(),
)


@pytest.fixture(scope="session")
def writer(library, everything):
    return Writer(everything, library.registry)


def same(one, other) -> bool:
    """Equality of JSON values in which a whole float is an integer."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) in {type(other), int, float} and one == other


@pytest.mark.parametrize("name", ["Everything", "Plain"])
@given(data=st.data(), output=OUTPUTS)
def test_json_is_what_google_protobuf_writes(name, data, output, types, random_messages):
    message = data.draw(random_messages(f"plait.testing.v1.{name}"))

    parsed = types(name).type.from_binary(message.SerializeToString())
    ours = Writer(types(name), types.registry).text(parsed, output)
    theirs = json_format.MessageToJson(
        message,
        always_print_fields_with_no_presence=output.defaults,
        preserving_proto_field_name=output.proto_names,
        use_integers_for_enums=output.enums_as_numbers,
    )

    found, expected = (comparable(json.loads(text), output) for text in (ours, theirs))
    assert same(found, expected)


def comparable(value, output):
    """What both writers must agree on, of one JSON value."""
    value = numbers_as_text(value) if output.int64_as_number else value
    return without_nulls(value) if output.enums_as_numbers else value


def without_nulls(value):
    """A value without fields of the enum NullValue, which json_format would write as 0."""
    match value:
        case dict():
            return {
                key: without_nulls(item)
                for key, item in value.items()
                if key not in {"null", "chosenNull", "chosen_null"}
            }
        case list():
            return [without_nulls(item) for item in value]
        case _:
            return value


def numbers_as_text(value):
    """All integers as text, so that both ways to write an int64 compare equal."""
    match value:
        case dict():
            return {key: numbers_as_text(item) for key, item in value.items()}
        case list():
            return [numbers_as_text(item) for item in value]
        case bool():
            return value
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return value


@given(data=st.data(), output=OUTPUTS)
def test_the_librarys_writer_and_ours_agree(data, output, types, random_messages):
    message = data.draw(random_messages("plait.testing.v1.Plain"))
    parsed = types("Plain").type.from_binary(message.SerializeToString())

    text = Writer(types("Plain"), types.registry).text(parsed, output)

    assert json.loads(text) == json_value(parsed, output, types.registry)


def test_a_float_has_as_few_digits_as_it_needs(writer, everything):
    message = everything.type(float_value=0.1, double_value=0.1)

    text = writer.text(everything.type.from_binary(message.to_binary()))

    assert text == '{"floatValue":0.1,"doubleValue":0.1}'


@given(value=st.floats(width=32))
@example(value=FLOAT_MAX)
def test_a_float_reads_back_as_the_same_float(value, types):
    message = FloatValue.from_binary(FloatValue(value=value).to_binary())

    written = float(json_value(message, PLAIN, types.registry))

    assert FloatValue(value=written).to_binary() == message.to_binary() or math.isnan(value)


def test_an_int64_is_a_number_on_demand(writer, everything):
    message = everything.type(int64_value=2**62, numbers=[1], counts={3: 4})

    assert writer.text(message) == (
        '{"int64Value":"4611686018427387904","numbers":["1"],"counts":{"3":"4"}}'
    )
    assert writer.text(message, EXACT) == (
        '{"int64_value":4611686018427387904,"numbers":[1],"counts":{"3":4}}'
    )


def test_an_any_of_unknown_type_is_its_type_and_bytes(writer, everything):
    unknown = Any(type_url="type.googleapis.com/no.Such", value=b"\x08\x01")

    text = writer.text(with_any(everything, unknown))

    assert text == '{"any":{"@type":"type.googleapis.com/no.Such","value":"CAE="}}'


def test_an_any_whose_bytes_are_no_such_message_is_shown_all_the_same(writer, everything):
    broken = Any(type_url="type.googleapis.com/plait.testing.v1.Line", value=b"\xff")

    assert json.loads(writer.text(with_any(everything, broken))) == {
        "any": {"@type": "type.googleapis.com/plait.testing.v1.Line", "value": "/w=="}
    }


def test_an_any_inside_of_an_unknown_one_does_not_hide_the_rest(writer, everything, library):
    line = library.registry.message("plait.testing.v1.Line").type(sku="a", quantity=2)
    known = Any(type_url="type.googleapis.com/plait.testing.v1.Line", value=line.to_binary())
    message = with_any(everything, known)
    message.text = "x"

    assert json_value(message, PLAIN, library.registry) == {
        "text": "x",
        "any": {"@type": "type.googleapis.com/plait.testing.v1.Line", "sku": "a", "quantity": 2},
    }


def test_an_empty_any_is_an_empty_object(writer, everything, library):
    message = with_any(everything, Any())

    assert json_value(message, PLAIN, library.registry) == {"any": {}}


def with_any(everything, value):
    message = everything.type()
    field = next(field for field in everything.fields if field.name == "any")
    message[field] = field.value.message.type.from_binary(value.to_binary())
    return message


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a_b", "aB"), ("field_3_name", "field_3_name"), ("fooBar", "fooBar"), ("a__b", "a__b")],
)
def test_a_mask_without_a_camel_form_stays_as_it_is(path, expected, library):
    mask = FieldMask(paths=["ok_so", path])

    written = Writer(FieldMask.desc(), library.registry).text(mask)

    assert json.loads(written) == f"okSo,{expected}"


def test_a_value_without_a_kind_is_null(library):
    assert Writer(Value.desc(), library.registry).text(Value()) == "null"


def test_a_time_that_json_cannot_say_is_an_error_of_the_service(library):
    late = Timestamp(seconds=253402300800)

    with pytest.raises(Internal, match="a message has no JSON form"):
        Writer(Timestamp.desc(), library.registry).text(late)


def test_an_enum_number_without_a_name_stays_a_number(library, everything):
    message = everything.type.from_json('{"color":99}')

    assert json_value(message, PLAIN, library.registry) == {"color": 99}


def test_of_two_names_for_one_number_the_first_is_written(library, everything):
    message = everything.type.from_json('{"color":"NAVY"}')

    assert json_value(message, PLAIN, library.registry) == {"color": "BLUE"}
    assert Writer(everything, library.registry).text(message) == '{"color":"BLUE"}'


def test_extensions_are_written_by_their_full_names(library):
    book = library.registry.message("plait.testing.v1.Book")
    options = book.fields[1].proto.options

    written = json_value(options, EXACT, library.registry)

    assert written["[google.api.field_behavior]"] == ["REQUIRED"]
    assert written["[buf.validate.field]"]["string"] == {"min_len": 1, "max_len": 200}


def test_one_field_is_written_alone_set_or_not(library, everything):
    fields = {field.name: field for field in everything.fields}
    message = everything.type(texts=["a"], labels={"k": "v"})

    def value(name):
        return field_value(message, fields[name], PLAIN, library.registry)

    assert value("texts") == ["a"]
    assert value("labels") == {"k": "v"}
    assert value("lines") == []
    assert value("child") is None
    assert value("int64_value") == "0"
    assert value("color") == "COLOR_UNSPECIFIED"


def test_text_is_on_one_line_unless_pretty(writer, everything):
    message = everything.type(text="é\n", texts=["a"])

    assert writer.text(message) == '{"text":"é\\n","texts":["a"]}'
    assert writer.text(message, Output(pretty=True)) == (
        '{\n  "text": "é\\n",\n  "texts": [\n    "a"\n  ]\n}\n'
    )
    assert pretty(dumps({"a": 1})) == '{\n  "a": 1\n}\n'
