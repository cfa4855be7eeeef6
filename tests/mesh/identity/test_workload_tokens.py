"""Promises of a process' own workload tokens."""

import pytest

from plait.mesh.identity.tokens import MAX_TOKEN
from plait.mesh.identity.workload_tokens import LOOK_EVERY, WorkloadTokens
from plait.testing import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


def test_each_callee_has_its_own_token(tmp_path, clock):
    (tmp_path / "catalog").write_text("for-catalog\n")
    (tmp_path / "orders").write_text("for-orders")
    tokens = WorkloadTokens(tmp_path, clock)

    assert tokens.token("catalog") == "for-catalog"
    assert tokens.token("orders") == "for-orders"


def test_without_a_file_there_is_no_token(tmp_path, clock):
    assert WorkloadTokens(tmp_path, clock).token("catalog") == ""


def test_a_new_token_is_read_within_a_second(tmp_path, clock):
    file = tmp_path / "catalog"
    file.write_text("old")
    tokens = WorkloadTokens(tmp_path, clock)
    tokens.token("catalog")

    file.write_text("newer")

    assert tokens.token("catalog") == "old"
    clock.advance(LOOK_EVERY - 0.001)
    assert tokens.token("catalog") == "old"
    clock.advance(0.001)
    assert tokens.token("catalog") == "newer"


def test_a_token_that_was_taken_away_is_no_longer_shown(tmp_path, clock):
    file = tmp_path / "catalog"
    file.write_text("old")
    tokens = WorkloadTokens(tmp_path, clock)
    tokens.token("catalog")

    file.unlink()
    clock.advance(LOOK_EVERY)

    assert tokens.token("catalog") == ""


@pytest.mark.parametrize(
    ("size", "read"), [(MAX_TOKEN - 1, True), (MAX_TOKEN, True), (MAX_TOKEN + 1, False)]
)
def test_a_token_has_a_largest_size(tmp_path, clock, caplog, size, read):
    (tmp_path / "catalog").write_text("x" * size)

    token = WorkloadTokens(tmp_path, clock).token("catalog")

    assert (len(token) == size) is read
    assert ("cannot be read" in caplog.text) is not read


def test_a_token_that_cannot_be_read_leaves_the_one_before(tmp_path, clock, caplog):
    file = tmp_path / "catalog"
    file.write_text("old")
    tokens = WorkloadTokens(tmp_path, clock)
    tokens.token("catalog")

    file.write_bytes(b"\xff\xfe")
    clock.advance(LOOK_EVERY)

    assert tokens.token("catalog") == "old"
    assert str(file) in caplog.text


@pytest.mark.parametrize(
    "callee", ["", "../secrets", "/etc/passwd", "a/b", "Catalog", ".", "a" * 64]
)
def test_a_callee_is_the_name_of_a_service_and_no_path(tmp_path, clock, callee):
    with pytest.raises(ValueError, match="name of a service"):
        WorkloadTokens(tmp_path, clock).token(callee)
