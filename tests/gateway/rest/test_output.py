import pytest

from plait.gateway.errors import InvalidRequest
from plait.gateway.rest.output import PLAIN, Output, output_of


@pytest.mark.parametrize("query", ["", "a=1&alt=xml", "price=%241"])
def test_without_system_parameters_the_output_is_plain(query):
    assert output_of(query) == PLAIN


@pytest.mark.parametrize(
    ("query", "output"),
    [
        ("$alt=json", PLAIN),
        ("$alt=json;enum-encoding=int", Output(enums_as_numbers=True)),
        ("$alt=json;emit=defaults", Output(defaults=True)),
        ("a=1&%24alt=json%3Bnames%3Dproto", Output(proto_names=True)),
        ("$alt=json;int64=number", Output(int64_as_number=True)),
        ("$prettyPrint=true", Output(pretty=True)),
        ("$prettyPrint", Output(pretty=True)),
        ("$prettyPrint=false", PLAIN),
        (
            "$prettyPrint=true&$alt=json;enum-encoding=int;emit=defaults;names=proto;int64=number",
            Output(
                enums_as_numbers=True,
                defaults=True,
                proto_names=True,
                int64_as_number=True,
                pretty=True,
            ),
        ),
    ],
)
def test_system_parameters_choose_how_json_is_written(query, output):
    assert output_of(query) == output


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("$alt=xml", 'expected "json", found "xml"'),
        ("$alt=json;", r'after "json;", found ""'),
        ("$alt=json;names=camel", "expected one of enum-encoding=int, emit=defaults, names=proto"),
        ("$prettyPrint=yes", 'expected "true" or "false", found "yes"'),
    ],
)
def test_an_unknown_value_of_a_system_parameter_is_refused(query, problem):
    with pytest.raises(InvalidRequest, match=problem) as caught:
        output_of(query)

    assert caught.value.violations[0].field in query
