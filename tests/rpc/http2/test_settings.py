"""What each end tells the other about itself."""

import pytest

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.settings import Settings


def test_settings_are_applied_in_their_order_and_unknown_ones_ignored():
    found = Settings().applied([(3, 1), (3, 2), (99, 5), (4, 7)], from_server=False)

    assert found == Settings(max_concurrent_streams=2, initial_window_size=7)


def test_nothing_that_is_known_changes_nothing():
    before = Settings()

    assert before.applied([(99, 5)], from_server=False) is before


@pytest.mark.parametrize(
    ("key", "good", "bad", "code"),
    [
        (2, 1, 2, ErrorCode.PROTOCOL_ERROR),
        (4, 2**31 - 1, 2**31, ErrorCode.FLOW_CONTROL_ERROR),
        (5, 2**14, 2**14 - 1, ErrorCode.PROTOCOL_ERROR),
        (5, 2**24 - 1, 2**24, ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_a_value_out_of_its_bounds_is_refused(key, good, bad, code):
    Settings().applied([(key, good)], from_server=False)
    with pytest.raises(ConnectionFailed) as refused:
        Settings().applied([(key, bad)], from_server=False)

    assert refused.value.code is code


def test_a_server_cannot_ask_to_be_pushed_to():
    Settings().applied([(2, 0)], from_server=True)
    with pytest.raises(ConnectionFailed, match="SETTINGS_ENABLE_PUSH is 1"):
        Settings().applied([(2, 1)], from_server=True)


def test_only_what_differs_from_the_defaults_is_said():
    ours = Settings(enable_push=False, initial_window_size=1, max_header_list_size=2)

    assert Settings().pairs(server=True) == {}
    assert ours.pairs(server=False) == {2: 0, 4: 1, 6: 2}
    assert ours.pairs(server=True) == {4: 1, 6: 2}


def test_what_one_end_says_the_other_hears():
    ours = Settings(enable_push=False, max_concurrent_streams=9, max_frame_size=20000)

    assert Settings().applied(ours.pairs(server=False).items(), from_server=False) == ours
