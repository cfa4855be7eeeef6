import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protobuf.wkt import Value

from plait.errors import Violation
from plait.gateway.rest.explain import malformed, problems_of, refusal


def explained(text: bytes, where: str = "the body"):
    with pytest.raises(json.JSONDecodeError) as caught:
        Value.from_json(text)
    return malformed(caught.value, text, where)


@pytest.mark.parametrize(
    ("text", "line", "column", "expected", "found"),
    [
        (b"", 1, 1, "expected a value", "the end"),
        (b'{"a":}', 1, 6, "expected a value", "`}`"),
        (b'{"a" 1}', 1, 6, "expected `:`", "`1`"),
        (b'{"a":1 "b":2}', 1, 8, "expected `,` or `}`", '`"`'),
        (b"[1 2]", 1, 4, "expected `,` or `]`", "`2`"),
        (b'{"a":1,}', 1, 8, "expected no comma before the end of an object or array", "`}`"),
        (b'{"a":1', 1, 7, "expected `,` or `}`", "the end"),
        (b"[1", 1, 3, "expected `,` or `]`", "the end"),
        (b'{"a":1}}', 1, 8, "expected the end", "`}`"),
        (b"{'a':1}", 1, 2, "expected a key in double quotes", "`'`"),
        (b'"abc', 1, 5, "expected the end of a string", "the end"),
        (b'"\\x"', 1, 3, "expected an escape of JSON after `\\`", "`x`"),
        (b'"\\ud800"', 1, 8, "expected both halves of a surrogate pair", '`"`'),
        (b'"\\udc00"', 1, 7, "expected both halves of a surrogate pair", "`0`"),
        (b'"a\tb"', 1, 3, "expected an escape such as \\n instead of a control char", "'\\t'"),
        (b"[01]", 1, 3, "expected a number of JSON", "`1`"),
        (b"NaN", 1, 1, "expected a value", "`N`"),
        (b"tru]", 1, 4, "expected true, false or null", "`]`"),
        (b'{\n  "a": 1,\n  "b" 2\n}', 3, 7, "expected `:`", "`2`"),
        ('{"é": "ü",\n "ö" "ß"}'.encode(), 2, 6, "expected `:`", '`"`'),
    ],
)
def test_malformed_json_says_line_column_and_what_was_expected(text, line, column, expected, found):
    error = explained(text)

    assert (error.metadata["line"], error.metadata["column"]) == (str(line), str(column))
    assert error.reason == "MALFORMED_JSON"
    assert error.message.startswith(f"the body is not JSON: {expected}")
    assert error.message.endswith(f"found {found} at line {line}, column {column}")


def test_a_byte_that_is_not_utf_8_has_a_place():
    error = explained(b'{"a": "\xff"}', "message 7 of the stream")

    assert error.message.startswith("message 7 of the stream is not JSON: expected UTF-8, found")


@given(
    text=st.binary(max_size=20) | st.text(alphabet='{}[]":,a1é\\ \n', max_size=20).map(str.encode)
)
def test_any_malformed_text_can_be_explained(text):
    try:
        Value.from_json(text)
    except json.JSONDecodeError as error:
        found = malformed(error, text, "it")
        assert int(found.metadata["line"]) >= 1
        assert int(found.metadata["column"]) >= 1
    except RecursionError:
        return


def test_problems_of_a_message_and_of_a_field_have_their_paths(everything, library):
    lines = next(field for field in everything.fields if field.name == "lines")

    of_message = problems_of(b'{"text":1}', everything, library.registry, "item")
    of_field = problems_of(b'[{"sku":1}]', lines, library.registry, "lines", 1)

    assert [found.field for found in of_message] == ["item.text"]
    assert [found.field for found in of_field] == ["lines[0].sku"]


def test_a_key_that_stands_three_times_is_one_problem(everything, library):
    text = b'{"text":"a","texts":[],"text":"b","text":"c"}'

    assert [found.field for found in problems_of(text, everything, library.registry)] == ["text"]


def test_numbers_with_very_many_digits_are_explained(everything, library):
    digits = b"9" * 10_000

    found = problems_of(b'{"int64Value":' + digits + b"}", everything, library.registry)
    assert [problem.rule for problem in found] == ["json.type"]
    assert len(found[0].description) < 200


def deep(levels: int, inner: bytes) -> bytes:
    return b'{"child":' * levels + inner + b"}" * levels


@pytest.mark.parametrize("inner", [b'{"text":\xff}', b'{"text":"a"', b'{"doubleValue":NaN}'])
def test_malformed_json_is_found_where_a_value_could_not_be(inner, everything, library):
    text = deep(80, inner)

    with pytest.raises(json.JSONDecodeError) as caught:
        problems_of(text, everything, library.registry)

    assert malformed(caught.value, text, "the body").metadata["line"] == "1"


def test_a_problem_is_found_where_a_value_could_not_be(everything, library):
    found = problems_of(deep(80, b'{"text":1}'), everything, library.registry)

    assert [problem.rule for problem in found] == ["json.type"]


def test_more_nesting_than_python_can_read_is_too_deep(everything, library):
    found = problems_of(deep(100_000, b"1"), everything, library.registry, "item")

    assert [(problem.field, problem.rule) for problem in found] == [("item", "json.depth")]


def test_a_refusal_names_the_first_problem_and_counts_the_others():
    problems = [Violation(field=f"f{i}", description=f"d{i}", rule="json.type") for i in range(3)]

    error = refusal(problems, "the body")

    assert error.message == "the body, f0: d0 (and 2 more)"
    assert error.violations == tuple(problems)
    assert refusal(problems[:1], "the body").message == "the body, f0: d0"
    rootless = Violation(field="", description="none", rule="r")
    assert refusal([rootless], "the body").message == "the body: none"
