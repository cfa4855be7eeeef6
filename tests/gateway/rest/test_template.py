import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.rest.template import ONE, REST, Template, TemplateError, Variable, parse

LITERALS = st.from_regex(r"[a-zA-Z0-9_.~!$&'()+,;@-]{1,6}|%[0-9A-F]{2}x", fullmatch=True)
FIELDS = st.from_regex(r"[a-z_][a-z0-9_]{0,4}(\.[a-z][a-z0-9_]{0,3}){0,2}", fullmatch=True)


@st.composite
def templates(draw) -> Template:
    """Any template that the grammar allows."""
    segments = draw(st.lists(LITERALS | st.just(ONE), min_size=1, max_size=6))
    if draw(st.booleans()):
        segments.insert(draw(st.integers(0, len(segments))), REST)
    names = draw(st.lists(FIELDS, unique=True, max_size=3))
    variables, position = [], 0
    for name in names:
        if position >= len(segments):
            break
        start = draw(st.integers(position, len(segments) - 1))
        position = draw(st.integers(start + 1, len(segments)))
        variables.append(Variable(field=name, start=start, end=position))
    verb = draw(st.just("") | LITERALS)
    return Template(segments=tuple(segments), variables=tuple(variables), verb=verb)


@given(template=templates())
def test_a_template_that_is_printed_parses_to_itself(template):
    assert parse(str(template)) == template


@given(text=st.text(alphabet="/*{}=:.ab%4 é", max_size=20))
def test_any_text_is_a_template_or_an_error_with_a_position(text):
    try:
        template = parse(text)
    except TemplateError as error:
        position, said = error.position, str(error)
    else:
        position, said = 0, text
        assert parse(str(template)) == template

    assert 0 <= position <= len(text)
    assert text in said


def test_a_variable_without_a_pattern_is_one_segment():
    template = parse("/v1/{name}/books/{id=*}")

    assert template.segments == ("v1", ONE, "books", ONE)
    assert template.variables == (
        Variable(field="name", start=1, end=2),
        Variable(field="id", start=3, end=4),
    )
    assert str(template) == "/v1/{name}/books/{id}"


def test_a_variable_may_have_many_segments_and_a_path_of_fields():
    template = parse("/v1/{book.name=shelves/*/books/*}:archive")

    assert template.segments == ("v1", "shelves", ONE, "books", ONE)
    assert template.variables == (Variable(field="book.name", start=1, end=5),)
    assert template.verb == "archive"


def test_two_stars_may_have_a_tail_and_a_verb():
    template = parse("/v1/{path=files/**}/versions/*:read")

    assert template.segments == ("v1", "files", REST, "versions", ONE)
    assert template.verb == "read"


def test_templates_of_one_shape_differ_in_names_and_escapes_only():
    assert parse("/v1/{a}/%62ooks").shape == parse("/v1/*/books").shape
    assert parse("/v1/%2A").shape != parse("/v1/*").shape


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, 'expected "/", found the end'),
        ("v1", 0, 'expected "/", found "v"'),
        ("/", 1, 'expected a literal, "*", "**" or "{", found the end'),
        ("/v1/", 4, 'expected a literal, "*", "**" or "{", found the end'),
        ("/v1//a", 4, 'expected a literal, "*", "**" or "{", found "/"'),
        ("/v1/{}", 5, 'expected the name of a field, found "}"'),
        ("/v1/{1a}", 5, 'expected the name of a field, found "1"'),
        ("/v1/{a.}", 7, 'expected the name of a field, found "}"'),
        ("/v1/{a", 6, 'expected "}", found the end'),
        ("/v1/{a=}", 7, 'expected a literal, "*", "**" or "{", found "}"'),
        ("/v1/{a={b}}", 7, "a variable inside of a variable"),
        ("/v1/{a}/{a}", 9, 'the variable "a" for the second time'),
        ("/v1/**/**", 7, 'a second "**"'),
        ("/v1/{a=**}/x/**", 13, 'a second "**"'),
        ("/v1/a:", 6, "expected a verb, found the end"),
        ("/v1/a:b:c", 7, 'expected "/", ":" or the end, found ":"'),
        ("/v1/a:b/c", 7, 'expected "/", ":" or the end, found "/"'),
        ("/v1/a b", 5, 'expected "/", ":" or the end, found " "'),
        ("/v1/%zz", 4, 'expected a literal, "*", "**" or "{", found "%"'),
        ("/v1/***", 6, 'expected "/", ":" or the end, found "*"'),
        ("/v1/a?b=c", 5, 'expected "/", ":" or the end, found "?"'),
    ],
)
def test_a_wrong_template_says_where_and_what_was_expected(text, position, problem):
    with pytest.raises(TemplateError) as caught:
        parse(text)

    assert caught.value.position == position
    assert str(caught.value) == f'{problem} at position {position} of the template "{text}"'
