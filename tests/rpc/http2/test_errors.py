"""What can go wrong, by the codes of RFC 9113."""

from plait.rpc.http2.errors import ErrorCode, error_code, violation


def test_every_code_is_known_by_its_number():
    assert [error_code(code.value) for code in ErrorCode] == list(ErrorCode)


def test_a_code_that_nobody_knows_counts_as_an_internal_error():
    assert error_code(14) is ErrorCode.INTERNAL_ERROR
    assert error_code(2**32 - 1) is ErrorCode.INTERNAL_ERROR


def test_a_violation_says_its_code_and_why():
    assert str(violation("too bad")) == "PROTOCOL_ERROR: too bad"
