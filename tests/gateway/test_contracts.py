import pytest
from google.protobuf import descriptor_pb2

from plait.gateway.contracts import ContractError, load
from plait.gateway.exposure import Deprecation
from plait.mesh.method import SideEffects

LIBRARY = "plait.testing.v1.LibraryService"
EVERYTHING = "plait.testing.v1.EverythingService"
PLAIN = "plait.testing.v1.PlainService"
HIDDEN = "plait.testing.v1.HiddenService"


@pytest.fixture
def methods(library):
    return {method.rpc.name: method for method in library.methods}


def test_the_listed_services_are_loaded_in_their_order(descriptor_set):
    loaded = load(descriptor_set, [EVERYTHING, LIBRARY])

    assert [service.name for service in loaded.services] == [EVERYTHING, LIBRARY]


def test_a_service_that_is_not_listed_is_not_there(library):
    assert HIDDEN not in {service.name for service in library.services}
    assert "GetSecret" not in {method.rpc.name for method in library.methods}


def test_a_method_without_an_http_rule_is_internal(methods):
    assert "Reindex" not in methods
    assert list(methods)[:3] == ["GetBook", "ListBooks", "CreateBook"]


def test_a_method_knows_its_call(methods):
    get = methods["GetBook"]

    assert get.rpc.path == "/plait.testing.v1.LibraryService/GetBook"
    assert get.rpc.deadline == 3.0
    assert get.rpc.side_effects is SideEffects.NONE
    assert get.rpc.access.WhichOneof("caller") == "public"
    assert get.request.type_name == "plait.testing.v1.GetBookRequest"
    assert get.response.type_name == "plait.testing.v1.Book"
    assert (get.name, get.file) == (f"{LIBRARY}.GetBook", "plait/testing/v1/library.proto")


def test_the_shapes_of_calls_are_known(methods):
    shapes = {
        name: (methods[name].rpc.client_streaming, methods[name].rpc.server_streaming)
        for name in ("GetBook", "WatchBooks", "ImportBooks", "Chat")
    }

    assert shapes == {
        "GetBook": (False, False),
        "WatchBooks": (False, True),
        "ImportBooks": (True, False),
        "Chat": (True, True),
    }


def test_all_rules_of_a_method_are_there_the_main_one_first(methods):
    assert [str(rule) for rule in methods["SearchBooks"].rules] == [
        "GET /v1/books:search",
        "POST /v1/books:search",
        "QUERY /v1/books",
        "* /v1/books:any",
    ]
    assert methods["SearchBooks"].rules[1].body == "*"
    assert methods["ExportBooks"].rules[0].response_body == "book"


def test_the_status_of_a_success_is_that_of_the_option(methods):
    names = ("GetBook", "CreateBook", "ArchiveBook", "DeleteBook")

    assert [methods[name].success for name in names] == [200, 201, 202, 204]


def test_a_method_says_when_it_goes_away(methods):
    search = methods["SearchBooks"]

    assert search.descriptor.deprecated
    assert search.deprecation is not None
    assert search.deprecation.since.isoformat() == "2026-01-01"
    assert search.deprecation.sunset is not None
    assert search.deprecation.sunset.isoformat() == "2027-01-01"
    assert search.deprecation.use_instead == "ListBooks"
    assert methods["GetBook"].deprecation is None
    assert isinstance(search.deprecation, Deprecation)


def test_comments_are_what_the_contract_says(library, methods):
    book = library.registry.message("plait.testing.v1.Book")
    color = library.registry.enum("plait.testing.v1.Color")

    assert library.services[0].comment == "Books on shelves.\n\nA second paragraph."
    assert methods["GetBook"].comment == "Reads a book.\n\nFails with NOT_FOUND if there is none."
    assert library.comment(methods["GetBook"].descriptor) == methods["GetBook"].comment
    assert library.comment(library.services[0].descriptor) == library.services[0].comment
    assert library.comment(book) == "A book."
    assert library.comment(book.fields[1]) == "Its title, in one line."
    assert library.comment(color) == "A colour; BLUE and NAVY are one."
    assert library.comment(color.values[1]) == "Like blood."


def test_what_options_say_can_be_asked(library):
    book = library.registry.message("plait.testing.v1.Book")

    assert library.field(book.fields[1]).behavior == {"REQUIRED"}
    assert library.message(book).resource.patterns == ("shelves/{shelf}/books/{book}",)


def test_contracts_without_source_info_have_no_comments(descriptor_set):
    bare = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)
    for file in bare.file:
        file.ClearField("source_code_info")

    loaded = load(bare.SerializeToString(), [LIBRARY])

    assert loaded.services[0].comment == ""
    assert loaded.comments == {}


@pytest.mark.parametrize("text", [b"\xff\xff", b"no descriptors"])
def test_bytes_that_are_no_descriptor_set_are_refused(text):
    with pytest.raises(ContractError, match=r"expected a google\.protobuf\.FileDescriptorSet"):
        load(text, [LIBRARY])


def test_a_missing_import_is_said(descriptor_set):
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)
    del files.file[0]

    with pytest.raises(ContractError, match="with all imports"):
        load(files.SerializeToString(), [LIBRARY])


def test_a_service_that_is_not_in_the_contracts_is_named_with_those_that_are(descriptor_set):
    with pytest.raises(ContractError) as caught:
        load(descriptor_set, ["plait.testing.v1.LibaryService", LIBRARY])

    assert caught.value.problems == (
        (
            'the contracts have no service "plait.testing.v1.LibaryService"; did you mean '
            f'"{LIBRARY}"? They have {EVERYTHING}, {HIDDEN}, {LIBRARY}, {PLAIN}'
        ),
    )


def test_without_any_contracts_no_service_is_there():
    with pytest.raises(ContractError, match=r'no service "a\.B"\. They have none'):
        load(b"", ["a.B"])


WRONG = """
message Request {
  string name = 1;
  repeated string names = 2;
  map<string, string> labels = 3;
  Request child = 4;
  google.protobuf.Timestamp time = 5;
}
service Wrong {
  rpc NoAccess(Request) returns (Request) {
    option (google.api.http) = {get: "/v1/a"};
  }
  rpc Nobody(Request) returns (Request) {
    option (google.api.http) = {get: "/v1/b"};
    option (plait.api.v1.access) = {};
  }
  rpc Internal(Request) returns (Request) {
    option (google.api.http) = {get: "/v1/c"};
    option (plait.api.v1.access) = {internal: {workloads: ["orders"]}};
  }
  rpc Unrouted(Request) returns (Request);
}
"""


def test_a_rule_without_access_or_with_an_internal_one_is_refused(contract):
    with pytest.raises(ContractError) as caught:
        load(contract(WRONG), ["wrong.v1.Wrong"])

    no_access, nobody, internal = caught.value.problems
    missing = "it has an HTTP rule but no option plait.api.v1.access"
    assert no_access.startswith(f"wrong.proto: wrong.v1.Wrong.NoAccess: {missing}")
    assert nobody.startswith(f"wrong.proto: wrong.v1.Wrong.Nobody: {missing}")
    assert internal.startswith(
        "wrong.proto: wrong.v1.Wrong.Internal: it has an HTTP rule but its access is internal"
    )
    assert str(caught.value) == "\n".join(caught.value.problems)


def service(*methods: str) -> str:
    """A service of unary public methods, each given by its rule; `stream` goes before a type."""
    lines = "\n".join(
        f"  rpc Method{number}({kind}Request) returns (stream Request) {{\n"
        f"    option (google.api.http) = {{{rule}}};\n"
        "    option (plait.api.v1.access) = {public: {}};\n  }"
        if kind
        else f"  rpc Method{number}(Request) returns (Request) {{\n"
        f"    option (google.api.http) = {{{rule}}};\n"
        "    option (plait.api.v1.access) = {public: {}};\n  }"
        for number, (kind, _, rule) in enumerate(
            method.partition("!") if "!" in method else ("", "", method) for method in methods
        )
    )
    return f"message Request {{ string name = 1; }}\nservice Wrong {{\n{lines}\n}}\n"


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ('get: "/v1/{name}"', 'get: "/v1/*"', "GET /v1/x"),
        ('get: "/v1/a/{name}"', 'get: "/v1/{name}/b"', "GET /v1/a/b"),
        ('custom: {kind: "get" path: "/v1/a"}', 'get: "/v1/a"', "GET /v1/a"),
    ],
)
def test_two_methods_that_one_request_could_mean_are_both_named(contract, one, other, path):
    with pytest.raises(ContractError) as caught:
        load(contract(service(one, other)), ["wrong.v1.Wrong"])

    (problem,) = caught.value.problems
    assert problem.count("wrong.proto: wrong.v1.Wrong.Method") == 2
    assert "Method0 (rule" in problem
    assert "Method1 (rule" in problem
    assert problem.endswith(f': "{path}" could mean both')


def test_one_method_with_the_same_rule_twice_is_refused(contract):
    rule = 'get: "/v1/a" additional_bindings: {get: "/v1/a"}'

    with pytest.raises(ContractError, match='"GET /v1/a" could mean both'):
        load(contract(service(rule)), ["wrong.v1.Wrong"])


def test_methods_of_a_service_that_is_not_listed_do_not_conflict(contract):
    both = service('get: "/v1/a"') + service('get: "/v1/a"').replace(
        "message Request { string name = 1; }", ""
    ).replace("service Wrong", "service Other")

    assert len(load(contract(both), ["wrong.v1.Wrong"]).methods) == 1
    with pytest.raises(ContractError, match="could mean both"):
        load(contract(both), ["wrong.v1.Wrong", "wrong.v1.Other"])


def test_two_streaming_methods_on_one_path_are_refused(contract):
    both = service('stream !post: "/v1/{name}/x" body: "*"', 'stream !put: "/v1/*/x" body: "*"')

    with pytest.raises(ContractError, match="two streaming methods on one path") as caught:
        load(contract(both), ["wrong.v1.Wrong"])

    assert len(caught.value.problems) == 1


def test_one_streaming_method_may_have_a_path_twice_and_share_it_with_a_single_answer(contract):
    rule = 'post: "/v1/x" body: "*" additional_bindings: {put: "/v1/x" body: "*"}'
    fine = service(f"stream !{rule}", 'get: "/v1/x"', 'stream !post: "/v1/x:verb" body: "*"')

    assert len(load(contract(fine), ["wrong.v1.Wrong"]).methods) == 3
