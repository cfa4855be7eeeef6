"""The options of grpcio's servers."""

import pytest

from plait.rpc.lifetime import FOREVER, Lifetimes
from plait.rpc.options import NO_MEANING, server_options


def test_sizes_and_counts_are_arguments_of_the_server():
    assert server_options(
        [
            ("grpc.max_receive_message_length", 5),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", 7),
            ("grpc.max_concurrent_streams", 9),
            ("grpc.so_reuseport", 1),
        ]
    ) == {
        "max_message": 5,
        "max_answer": 2**32 - 1,
        "max_metadata": 7,
        "max_streams": 9,
        "reuse_port": True,
    }


def test_times_are_those_of_connections():
    assert server_options(
        [
            ("grpc.keepalive_time_ms", 1500),
            ("grpc.keepalive_timeout_ms", 500),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.max_connection_idle_ms", 2000),
            ("grpc.max_connection_age_ms", 2**31 - 1),
            ("grpc.max_connection_age_grace_ms", 3000),
        ]
    ) == {
        "lifetimes": Lifetimes(
            keepalive=1.5,
            keepalive_timeout=0.5,
            keepalive_without_calls=True,
            idle=2.0,
            age=FOREVER,
            age_grace=3.0,
        )
    }


@pytest.mark.parametrize("name", sorted(NO_MEANING))
def test_what_tunes_grpcios_machinery_means_nothing(name):
    assert server_options([(name, 1)]) == {}


def test_an_unknown_option_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"'grpc\.no_such_thing' is not known"):
        server_options([("grpc.no_such_thing", 1)])
