"""Random messages of any type, made with google.protobuf: what the tests compare with."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from protobuf import DescMessage

from plait.gateway.contracts import Contracts
from plait.gateway.rest.fields import FLOAT_MAX


def _one_nan(value: float) -> float:
    return math.nan if math.isnan(value) else value


TEXT = st.text(max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
SCALARS = {
    FieldDescriptor.TYPE_DOUBLE: st.floats().map(_one_nan),
    # json_format writes the largest float as 3.4028235e+38, which is larger than it.
    FieldDescriptor.TYPE_FLOAT: (
        st.floats(width=32).filter(lambda value: abs(value) != FLOAT_MAX).map(_one_nan)
    ),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: TEXT,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=5),
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_INT32,
            FieldDescriptor.TYPE_SINT32,
            FieldDescriptor.TYPE_SFIXED32,
        ),
        st.integers(-(2**31), 2**31 - 1),
    ),
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_INT64,
            FieldDescriptor.TYPE_SINT64,
            FieldDescriptor.TYPE_SFIXED64,
        ),
        st.integers(-(2**63), 2**63 - 1),
    ),
    **dict.fromkeys(
        (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), st.integers(0, 2**32 - 1)
    ),
    **dict.fromkeys(
        (FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), st.integers(0, 2**64 - 1)
    ),
}


@pytest.fixture(scope="session")
def random_messages(message_class) -> Callable[[str], SearchStrategy[Message]]:
    """Return a strategy for messages of a type, by its full name."""

    def of(name: str) -> SearchStrategy[Message]:
        kind = message_class(name)
        return st.composite(lambda draw: _filled(draw, kind(), 2, message_class))()

    return of


@pytest.fixture(scope="session")
def everything(library):
    """The descriptor of the message that has every kind of field."""
    return library.registry.message("plait.testing.v1.Everything")


class Types:
    """Contracts for property tests: Hypothesis would print those of `library` for hours."""

    def __init__(self, contracts: Contracts) -> None:
        self.contracts = contracts
        self.registry = contracts.registry

    def __call__(self, name: str) -> DescMessage:
        found = self.registry.message(f"plait.testing.v1.{name}")
        assert found is not None, name
        return found


@pytest.fixture(scope="session")
def types(library) -> Types:
    """Descriptors of tests/gateway/contracts by their short names."""
    return Types(library)


def _filled(draw: Any, message: Message, depth: int, message_class: Any) -> Message:
    fields = list(message.DESCRIPTOR.fields)
    some = st.lists(st.sampled_from(fields), max_size=5, unique=True) if fields else st.just([])
    for field in draw(some):
        _fill(draw, message, field, depth, message_class)
    return message


def _fill(draw: Any, message: Message, field: FieldDescriptor, depth: int, classes: Any) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        entries = getattr(message, field.name)
        for name in draw(st.lists(SCALARS[key.type], max_size=2, unique=True)):
            if value.message_type is None:
                entries[name] = draw(_single(value))
            else:
                entries[name].CopyFrom(_message(draw, value.message_type, depth - 1, classes))
    elif field.is_repeated:
        for _ in range(draw(st.integers(1, 2))):
            items = getattr(message, field.name)
            if field.message_type is None:
                items.append(draw(_single(field)))
            else:
                items.append(_message(draw, field.message_type, depth - 1, classes))
    elif field.message_type is None:
        setattr(message, field.name, draw(_single(field)))
    elif depth > 0:
        made = _message(draw, field.message_type, depth - 1, classes)
        getattr(message, field.name).CopyFrom(made)


def _single(field: FieldDescriptor) -> SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    return SCALARS[field.type]


def _message(draw: Any, descriptor: Descriptor, depth: int, classes: Any) -> Message:
    kind = classes(descriptor.full_name)
    if descriptor.full_name not in SPECIAL:
        return _filled(draw, kind(), depth, classes) if depth > 0 else kind()
    made = draw(SPECIAL[descriptor.full_name])
    return kind.FromString(made.SerializeToString())


def _value(value: Any) -> struct_pb2.Value:
    made = struct_pb2.Value()
    match value:
        case None:
            made.null_value = 0
        case bool():
            made.bool_value = value
        case float():
            made.number_value = value
        case str():
            made.string_value = value
        case list():
            made.list_value.values.extend(_value(item) for item in value)
            made.list_value.SetInParent()
        case dict():
            made.struct_value.SetInParent()
            for key, item in value.items():
                made.struct_value.fields[key].CopyFrom(_value(item))
    return made


def _packed(message: Message) -> any_pb2.Any:
    made = any_pb2.Any()
    made.Pack(message)
    return made


_TIMES = st.builds(
    timestamp_pb2.Timestamp,
    seconds=st.integers(-62135596800, 253402300799),
    nanos=st.integers(0, 999_999_999),
)
_DURATIONS = st.builds(
    lambda seconds, nanos, sign: duration_pb2.Duration(seconds=sign * seconds, nanos=sign * nanos),
    st.integers(0, 315_576_000_000),
    st.integers(0, 999_999_999),
    st.sampled_from([1, -1]),
)
_PATHS = st.sampled_from(["a", "a_b", "ab.c_d", "long_name", "x.y.z"])

SPECIAL = {
    "google.protobuf.Timestamp": _TIMES,
    "google.protobuf.Duration": _DURATIONS,
    "google.protobuf.FieldMask": st.lists(_PATHS, max_size=3).map(
        lambda paths: field_mask_pb2.FieldMask(paths=paths)
    ),
    "google.protobuf.Value": JSON.map(_value),
    "google.protobuf.Struct": st.dictionaries(TEXT, JSON, max_size=3).map(
        lambda value: _value(value).struct_value
    ),
    "google.protobuf.ListValue": st.lists(JSON, max_size=3).map(
        lambda value: _value(value).list_value
    ),
    "google.protobuf.Any": (_TIMES | _DURATIONS).map(_packed),
}


@pytest.fixture(scope="session")
def random_fields(message_class) -> Callable[[str], SearchStrategy[Message]]:
    """Return a strategy for messages Everything of which one field is set, by its name."""
    kind = message_class("plait.testing.v1.Everything")

    def of(name: str) -> SearchStrategy[Message]:
        def filled(draw: Any) -> Message:
            message = kind()
            _fill(draw, message, kind.DESCRIPTOR.fields_by_name[name], 3, message_class)
            return message

        return st.composite(filled)()

    return of
