"""Templates as paths of OpenAPI."""

import pytest

from plait.gateway import contracts as gateway_contracts
from plait.gateway.rest.paths import Paths
from plait.gateway.rest.schemas import Schemas
from plait.gateway.rest.template import parse

HEAD = """
import "buf/validate/validate.proto";
message Request { %s }
service Service {
  rpc Get(Request) returns (Request) {
    option (google.api.http) = {get: "%s"};
    option (plait.api.v1.access) = {public: {}};
  }
}
"""


@pytest.fixture
def paths(library):
    return Paths(library, Schemas(library))


@pytest.fixture
def described(contract):
    """The path and the parameters of a contract's one method."""

    def made(fields: str, template: str):
        text = HEAD % (fields, template)
        contracts = gateway_contracts.load(contract(text), ["wrong.v1.Service"])
        (method,) = contracts.methods
        paths = Paths(contracts, Schemas(contracts))
        parsed = method.rules[0].template
        return paths.path(parsed).text, [*paths.parameters(method, parsed)]

    return made


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("/v1/books:search", "/v1/books:search"),
        ("/v1/{name=shelves/*/books/*}", "/v1/shelves/{shelf}/books/{book}"),
        ("/v1/{name=shelves/*/books/*}:archive", "/v1/shelves/{shelf}/books/{book}:archive"),
        ("/v1/{parent=shelves/*}/books", "/v1/shelves/{shelf}/books"),
        ("/v1/{name=shelves/*/books/*/cover}", "/v1/shelves/{shelf}/books/{book}/cover"),
        ("/v1/{book.name=shelves/*/books/*}", "/v1/shelves/{shelf}/books/{book}"),
        ("/v1/files/{path=**}", "/v1/files/{path}"),
        ("/v1/{name=rooms/*/beds/*}", "/v1/rooms/{name}/beds/{name2}"),
        ("/v1/{name=shelves/x/books/*}", "/v1/shelves/x/books/{name}"),
        (
            "/v1/{name=shelves/*/books/*/pages/*}",
            "/v1/shelves/{shelf}/books/{book}/pages/{name}",
        ),
        ("/v1/{text}/{child.text}", "/v1/{text}/{text2}"),
        ("/v1/*/x", "/v1/{segment}/x"),
    ],
)
def test_each_star_is_a_parameter_with_a_name(paths, template, text):
    assert paths.path(parse(template)).text == text


def test_templates_of_one_shape_are_one_path(paths):
    first = paths.path(parse("/v1/{one=things/*}"))

    assert paths.path(parse("/v1/{two=things/*}")) is first
    assert paths.path(parse("/v1/{two=things/*}:verb")) is not first


def test_a_parameter_is_described_by_its_field(described):
    path, (parameter,) = described(
        """
        // How many.
        int32 number = 1 [(buf.validate.field).int32.gte = 5];
        """,
        "/v1/{number}",
    )

    assert path == "/v1/{number}"
    assert parameter == {
        "name": "number",
        "in": "path",
        "required": True,
        "description": "How many.",
        "schema": {"type": "integer", "format": "int32", "minimum": 5, "maximum": 2**31 - 1},
    }


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("^things/[a-z]+$", "^[a-z]+$"),
        ("^things/[a-z]+$|^$", None),
        ("^other/[a-z]+$", None),
        ("things", None),
    ],
)
def test_a_pattern_for_a_whole_name_is_one_for_its_part(described, pattern, part):
    _, (parameter,) = described(
        f'string name = 1 [(buf.validate.field).string.pattern = "{pattern}"];',
        "/v1/{name=things/*}",
    )

    assert parameter["schema"].get("pattern") == part
    assert parameter["schema"]["minLength"] == 1


def test_a_pattern_that_spares_the_empty_name_is_one_for_its_part_too(described):
    _, (parameter,) = described(
        """string name = 1 [
          (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE,
          (buf.validate.field).string.pattern = "^things/[a-z]+/thumb$"
        ];""",
        "/v1/{name=things/*/thumb}",
    )

    assert parameter["schema"]["pattern"] == "^[a-z]+$"


def test_a_whole_segment_is_never_empty(described):
    _, (parameter,) = described(
        """string id = 1 [
          (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE,
          (buf.validate.field).string.pattern = "^[a-z]+$"
        ];""",
        "/v1/{id}",
    )

    assert parameter["schema"] == {"type": "string", "pattern": "^[a-z]+$", "minLength": 1}


def test_a_rest_may_hold_slashes(described):
    _, (parameter,) = described("string path = 1;", "/v1/{path=**}")

    assert "slashes" in parameter["description"]
    assert "minLength" not in parameter["schema"]


def test_a_star_without_a_variable_is_any_segment(described):
    _, (parameter,) = described("string path = 1;", "/v1/*")

    assert parameter == {
        "name": "segment",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    }
