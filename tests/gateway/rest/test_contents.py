import pytest

from plait.gateway.rest.contents import holds_alias, holds_any, holds_float


@pytest.mark.parametrize(
    ("name", "any_", "float_", "alias"),
    [
        ("plait.testing.v1.Everything", True, True, True),
        ("plait.testing.v1.Plain", False, False, False),
        ("plait.testing.v1.Book", False, False, False),
        ("google.protobuf.Any", True, False, False),
        ("google.protobuf.FloatValue", False, True, False),
        ("google.protobuf.Struct", False, False, False),
    ],
)
def test_what_a_message_can_hold_is_known(library, name, any_, float_, alias):
    message = library.registry.message(name)

    assert holds_any(message) == any_
    assert holds_float(message) == float_
    assert holds_alias(message) == alias
