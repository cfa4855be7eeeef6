"""The options of grpcio's servers, by their names, and what becomes of each here.

| option | here |
|---|---|
| `grpc.max_receive_message_length` | `max_message`; -1 for as large as gRPC can say |
| `grpc.max_send_message_length` | `max_answer`, likewise |
| `grpc.max_metadata_size`, `grpc.absolute_max_metadata_size` | `max_metadata` |
| `grpc.max_concurrent_streams` | `max_streams` |
| `grpc.so_reuseport` | `reuse_port` (off, where grpcio has it on) |
| `grpc.keepalive_time_ms`, `grpc.keepalive_timeout_ms`, `grpc.keepalive_permit_without_calls` | the `Lifetimes` of the same names |
| `grpc.max_connection_idle_ms`, `grpc.max_connection_age_ms`, `grpc.max_connection_age_grace_ms` | `idle`, `age`, `age_grace` of `Lifetimes` |
| `NO_MEANING` | nothing: they tune grpcio's own machinery, or its patience with PINGs, which `Limits` says |

Any other option is an error that names it.
"""  # noqa: E501 - a table

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from plait.rpc.framing import LARGEST
from plait.rpc.lifetime import FOREVER, Lifetimes

NO_MEANING = frozenset(
    {
        "grpc.enable_retries", "grpc.optimization_target", "grpc.server_handshake_timeout_ms",
        "grpc.http2.max_pings_without_data", "grpc.http2.max_ping_strikes",
        "grpc.http2.min_ping_interval_without_data_ms",
        "grpc.http2.min_recv_ping_interval_without_data_ms",
        "grpc.http2.min_time_between_pings_ms", "grpc.http2.bdp_probe",
        "grpc.http2.lookahead_bytes", "grpc.http2.write_buffer_size",
        "grpc.http2.hpack_table_size.decoder", "grpc.http2.hpack_table_size.encoder",
        "grpc.http2.max_frame_size", "grpc.tcp_read_chunk_size",
    }
)  # fmt: skip


def server_options(options: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the arguments of `plait.rpc.server.Server` that grpcio's options mean.

    Raises:
        ValueError: an option is not known.
    """
    found: dict[str, Any] = {}
    for name, value in options:
        if name in _MEANING:
            argument, meant = _MEANING[name]
            found[argument] = meant(value)
        elif name not in NO_MEANING:
            raise ValueError(
                f"the option {name!r} is not known; plait.rpc.options lists those that are"
            )
    lifetimes = {
        each.name: found.pop(each.name) for each in fields(Lifetimes) if each.name in found
    }
    return {**found, "lifetimes": Lifetimes(**lifetimes)} if lifetimes else found


def _size(value: int) -> int:
    return LARGEST if value < 0 else value


def _seconds(milliseconds: int) -> float:
    return FOREVER if milliseconds >= 2**31 - 1 else milliseconds / 1000


_MEANING: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "grpc.max_receive_message_length": ("max_message", _size),
    "grpc.max_send_message_length": ("max_answer", _size),
    "grpc.max_metadata_size": ("max_metadata", int),
    "grpc.absolute_max_metadata_size": ("max_metadata", int),
    "grpc.max_concurrent_streams": ("max_streams", int),
    "grpc.so_reuseport": ("reuse_port", bool),
    "grpc.keepalive_time_ms": ("keepalive", _seconds),
    "grpc.keepalive_timeout_ms": ("keepalive_timeout", _seconds),
    "grpc.keepalive_permit_without_calls": ("keepalive_without_calls", bool),
    "grpc.max_connection_idle_ms": ("idle", _seconds),
    "grpc.max_connection_age_ms": ("age", _seconds),
    "grpc.max_connection_age_grace_ms": ("age_grace", _seconds),
}
