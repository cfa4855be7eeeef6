"""How long a call may take: the least of what is wanted and what is allowed."""

import pytest

from plait.gateway.edge.deadline import InvalidTimeout, timeout_of, wish_of
from plait.mesh.interceptors.deadline import DEFAULT


@pytest.mark.parametrize(
    ("headers", "declared", "streaming", "expected"),
    [
        ({}, None, False, DEFAULT),
        ({}, 10.0, False, 10.0),
        ({}, None, True, None),
        ({}, 60.0, True, 60.0),
        ({"request-timeout": "1.5"}, None, False, 1.5),
        ({"request-timeout": "9"}, None, False, DEFAULT),
        ({"request-timeout": "9"}, None, True, 9.0),
        ({"request-timeout": "0"}, None, False, 0.0),
        ({"grpc-timeout": "1S"}, 5.0, False, 1.0),
        ({"grpc-timeout": "1H"}, 5.0, False, 5.0),
        ({"grpc-timeout": "2M"}, None, True, 120.0),
        ({"grpc-timeout": "250m"}, None, False, 0.25),
        ({"grpc-timeout": "99999999n"}, None, False, 0.099999999),
        ({"grpc-timeout": "5u"}, None, False, 5e-6),
        ({"connect-timeout-ms": "250"}, None, False, 0.25),
        ({"connect-timeout-ms": "9999999999"}, None, True, 9_999_999.999),
        ({"connect-timeout-ms": "0"}, None, False, 0.0),
        ({"grpc-timeout": "1S", "request-timeout": "0.5"}, None, False, 0.5),
        ({"connect-timeout-ms": "400", "request-timeout": "0.5"}, None, False, 0.4),
    ],
)
def test_the_least_counts(headers, declared, streaming, expected):
    found = timeout_of(wish_of(headers), declared=declared, streaming=streaming)

    assert found == pytest.approx(expected) if expected is not None else found is None


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1s", "1e3", "inf", "nan", "1.", ".5", "1" * 10]
)
def test_a_request_timeout_that_is_none_is_refused(text):
    with pytest.raises(InvalidTimeout, match="expected seconds"):
        wish_of({"request-timeout": text})


@pytest.mark.parametrize("text", ["", "1", "S", "123456789S", "1s", "-1S", "1.5S"])
def test_a_grpc_timeout_that_is_none_is_refused(text):
    with pytest.raises(InvalidTimeout, match="at most 8 digits"):
        wish_of({"grpc-timeout": text})


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "1s", "1" * 11])
def test_a_connect_timeout_that_is_none_is_refused(text):
    with pytest.raises(InvalidTimeout, match="expected milliseconds, at most 10 digits"):
        wish_of({"connect-timeout-ms": text})
