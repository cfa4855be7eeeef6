"""Promises of what is read from a contract."""

from plait.mesh.method import SideEffects, find_descriptor, known_method, method_of
from tests.mesh.echo import SERVICE


def test_a_method_says_its_path_and_shape():
    method = known_method(f"/{SERVICE}/Tell")

    assert method is not None
    assert method.path == f"/{SERVICE}/Tell"
    assert (method.client_streaming, method.server_streaming, method.streams) == (False, True, True)


def test_a_method_says_what_its_options_say():
    brief, plain = known_method(f"/{SERVICE}/SayBriefly"), known_method(f"/{SERVICE}/Say")

    assert brief is not None
    assert plain is not None
    assert (brief.deadline, plain.deadline) == (0.05, None)
    assert plain.access is not None
    assert plain.access.HasField("public")
    assert plain.side_effects is SideEffects.UNKNOWN


def test_a_real_contract_is_read_as_it_is_written():
    from shop.catalog.v1 import catalog_pb2  # noqa: PLC0415 - only this test needs it

    [service] = catalog_pb2.DESCRIPTOR.services_by_name.values()

    create = method_of(service.methods_by_name["CreateProduct"])
    read = method_of(service.methods_by_name["GetProduct"])

    assert create.side_effects is SideEffects.UNKNOWN
    assert read.side_effects is SideEffects.NONE


def test_a_method_that_nobody_has_loaded_is_not_known():
    assert known_method("/no.such.Service/Say") is None
    assert known_method(f"/{SERVICE}/NoSuchMethod") is None
    assert find_descriptor("nonsense") is None


def test_a_method_without_access_has_none():
    method = known_method("/plait.test.v1.BrokenService/NoAccess")

    assert method is not None
    assert method.access is None
