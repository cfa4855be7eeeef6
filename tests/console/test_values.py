import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from plait.console.values import plain, plain_value, text


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (AnyValue(string_value="x"), "x"),
        (AnyValue(bool_value=False), False),
        (AnyValue(int_value=-7), -7),
        (AnyValue(int_value=2**53 - 1), 2**53 - 1),
        (AnyValue(int_value=2**53), "9007199254740992"),  # JavaScript would lose the last digit
        (AnyValue(int_value=-(2**53)), "-9007199254740992"),
        (AnyValue(double_value=0.5), 0.5),
        (AnyValue(double_value=float("inf")), "inf"),
        (AnyValue(double_value=float("nan")), "nan"),
        (AnyValue(bytes_value=b"\0\xff"), "AP8="),
        (AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()])), [1, None]),
        (AnyValue(), None),
    ],
)
def test_each_type_has_its_plain_value(value, found):
    assert plain_value(value) == found
    assert type(plain_value(value)) is type(found)


def test_lists_of_pairs_become_objects_and_of_a_name_that_comes_twice_the_last_counts():
    pairs = [
        KeyValue(key="a", value=AnyValue(int_value=1)),
        KeyValue(key="a", value=AnyValue(int_value=2)),
    ]

    assert plain(pairs) == {"a": 2}
    assert plain_value(AnyValue(kvlist_value=KeyValueList(values=pairs))) == {"a": 2}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (AnyValue(string_value="x"), "x"),
        (AnyValue(bool_value=True), "true"),
        (AnyValue(int_value=404), "404"),
        (AnyValue(double_value=0.5), "0.5"),
        (AnyValue(array_value=ArrayValue()), ""),
        (AnyValue(), ""),
    ],
)
def test_a_scalar_is_read_as_text(value, found):
    assert text(value) == found


VALUES = st.recursive(
    st.one_of(
        st.builds(lambda x: AnyValue(string_value=x), st.text()),
        st.builds(lambda x: AnyValue(int_value=x), st.integers(-(2**63), 2**63 - 1)),
        st.builds(lambda x: AnyValue(double_value=x), st.floats()),
        st.builds(lambda x: AnyValue(bytes_value=x), st.binary()),
    ),
    lambda inner: st.builds(
        lambda values: AnyValue(array_value=ArrayValue(values=values)), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_every_value_can_be_written_as_strict_json(value):
    json.dumps(plain_value(value), allow_nan=False)
