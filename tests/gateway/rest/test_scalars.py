import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protobuf import ScalarType
from protobuf.wkt import (
    BoolValue,
    BytesValue,
    DoubleValue,
    FloatValue,
    Int32Value,
    Int64Value,
    StringValue,
    UInt32Value,
    UInt64Value,
)

from plait.gateway.rest.scalars import fits, fits_float, map_key, whole

KINDS = {
    ScalarType.BOOL: BoolValue,
    ScalarType.BYTES: BytesValue,
    ScalarType.DOUBLE: DoubleValue,
    ScalarType.FLOAT: FloatValue,
    ScalarType.INT32: Int32Value,
    ScalarType.INT64: Int64Value,
    ScalarType.STRING: StringValue,
    ScalarType.UINT32: UInt32Value,
    ScalarType.UINT64: UInt64Value,
}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from(
        [2**31, 2**31 - 1, -(2**31), 2**32, 2**63, 2**64 - 1, 2**64, 1e19, 3.4e38, 4e38]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**64), 2**64).map(str)
    | st.floats(allow_nan=False).map(str)
    | st.text(alphabet='0123456789+-.eEaIfnity_ /="', max_size=9)
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "nan", "1e3", "1.0", "AA==", "-_8", " 1"])
)


@pytest.mark.parametrize("scalar", list(KINDS))
@given(value=VALUES)
def test_a_value_fits_if_protobuf_py_reads_it(scalar, value):
    try:
        KINDS[scalar].from_json(json.dumps(value))
    except (ValueError, TypeError, OverflowError):
        read = False
    else:
        read = True

    assert fits(scalar, value) == (read and value is not None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), (7.0, 7), ("7", 7), ("7.0", 7), ("1e2", 100), (-1, -1), ("-1", -1)],
)
def test_whole_numbers_of_any_form_are_integers(value, expected):
    assert whole(ScalarType.INT32, value) == expected


@pytest.mark.parametrize("value", [True, None, "", " 1", "x", 1.5, "1.5", math.inf, "NaN", [], {}])
def test_other_values_are_no_integers(value):
    assert whole(ScalarType.INT32, value) is None


def test_a_float_is_bounded_by_its_type():
    assert fits_float(ScalarType.DOUBLE, 4e38)
    assert not fits_float(ScalarType.FLOAT, 4e38)
    assert not fits_float(ScalarType.DOUBLE, math.inf)
    assert not fits_float(ScalarType.DOUBLE, 10**400)
    assert fits_float(ScalarType.FLOAT, "-Infinity")


def test_a_key_of_a_map_is_text_that_stands_for_its_type():
    assert map_key(ScalarType.STRING, "1") == "1"
    assert map_key(ScalarType.BOOL, "true") is True
    assert map_key(ScalarType.BOOL, "True") is None
    assert map_key(ScalarType.INT32, "01") == map_key(ScalarType.INT32, "1") == 1
    assert map_key(ScalarType.UINT32, "-1") is None
