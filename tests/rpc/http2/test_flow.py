"""Windows of what the peer may send."""

import pytest

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.flow import LARGEST, Bandwidth, Window, shared_window


def test_a_window_lets_its_size_through_and_no_more():
    window = Window(10)
    window.take(10, "stream")

    with pytest.raises(ConnectionFailed, match="1 bytes more came") as refused:
        window.take(1, "stream")

    assert refused.value.code is ErrorCode.FLOW_CONTROL_ERROR


def test_what_was_consumed_is_announced_half_a_window_at_a_time():
    window = Window(10)
    window.take(10, "stream")

    assert window.give(4) == 0
    assert window.give(1) == 5
    window.take(5, "stream")
    assert window.give(5) == 5


def test_a_window_grows_by_the_difference_and_never_shrinks():
    window = Window(10)

    assert window.grow(30) == 20
    assert window.grow(20) == 0
    window.take(30, "stream")
    assert window.size == 30


def test_who_reads_may_get_a_larger_window():
    window = Window(10)
    window.take(10, "stream")

    assert window.give(1, 30) == 21
    assert window.size == 30
    assert window.give(14, 20) == 0
    assert window.give(1, 30) == 15


def test_each_eighth_of_a_window_asks_for_the_bandwidth_and_small_calls_do_not():
    bandwidth = Bandwidth(80)

    assert [bandwidth.received(9), bandwidth.received(1)] == [False, True]


def test_one_ping_at_a_time_asks_for_the_bandwidth():
    bandwidth = Bandwidth(80)

    assert [bandwidth.received(10), bandwidth.received(10)] == [True, False]
    bandwidth.answered()
    assert [bandwidth.received(9), bandwidth.received(1)] == [False, True]


@pytest.mark.parametrize(("came", "size"), [(66, 0), (67, 200)])
def test_a_window_that_was_two_thirds_full_doubles(came, size):
    bandwidth = Bandwidth(100)
    bandwidth.received(came)

    assert bandwidth.answered() == size


def test_only_what_came_since_the_question_counts():
    bandwidth = Bandwidth(100)
    bandwidth.received(60)
    bandwidth.answered()
    bandwidth.received(40)

    assert bandwidth.answered() == 0


def test_a_window_has_an_end_and_then_nobody_asks_any_more():
    bandwidth = Bandwidth(LARGEST // 2 + 1)
    bandwidth.received(LARGEST)

    assert bandwidth.answered() == LARGEST
    assert not bandwidth.received(LARGEST)


def test_a_connection_has_room_for_several_streams():
    assert shared_window(65_535) == 2**24
    assert shared_window(2**24) == 2**26
