"""What may be written down about a call: names of attributes, and the one list of those that pass.

The names are those of OpenTelemetry's semantic conventions 1.44: stable are `db.*`, `server.*`,
`client.*`, `network.*`, `http.*`, `error.type` and `exception.*`; `rpc.*` has the form that became
stable in 1.45. They are written out here because the installed package keeps `rpc.*` in a private
module; a test compares the two.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

RPC_SYSTEM = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_STATUS_CODE = "rpc.response.status_code"

SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
CLIENT_ADDRESS = "client.address"
CLIENT_PORT = "client.port"
NETWORK_PEER_ADDRESS = "network.peer.address"
NETWORK_PEER_PORT = "network.peer.port"

DB_SYSTEM = "db.system.name"
DB_NAMESPACE = "db.namespace"
DB_OPERATION = "db.operation.name"
DB_BATCH_SIZE = "db.operation.batch.size"
DB_QUERY_TEXT = "db.query.text"
DB_QUERY_SUMMARY = "db.query.summary"
DB_STATUS_CODE = "db.response.status_code"

ERROR_TYPE = "error.type"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_STACKTRACE = "exception.stacktrace"
EXCEPTION_MESSAGE = "exception.message"  # never written down: it may repeat what the caller sent

ALLOWED = frozenset(
    {
        # the conventions' names, for spans
        RPC_SYSTEM,
        RPC_METHOD,
        RPC_STATUS_CODE,
        SERVER_ADDRESS,
        SERVER_PORT,
        CLIENT_ADDRESS,
        CLIENT_PORT,
        NETWORK_PEER_ADDRESS,
        NETWORK_PEER_PORT,
        "network.protocol.name",
        "network.protocol.version",
        "network.transport",
        DB_SYSTEM,
        DB_NAMESPACE,
        DB_OPERATION,
        DB_BATCH_SIZE,
        DB_QUERY_TEXT,
        DB_QUERY_SUMMARY,
        DB_STATUS_CODE,
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "url.scheme",
        ERROR_TYPE,
        EXCEPTION_TYPE,
        EXCEPTION_STACKTRACE,
        # our own short ones, for logs
        "address",
        "attempt",
        "code",
        "count",
        "duration",
        "exit_code",
        "method",
        "peer",
        "pid",
        "port",
        "reason",
        "request_id",
        "target",
        "user",
        "version",
        "workload",
    }
)
"""Everything else is dropped from logs and spans; `telemetry.setup(allowed=...)` adds to it."""

_LONGEST = 8192


def permitted(fields: Mapping[str, object], names: AbstractSet[str] = ALLOWED) -> dict[str, object]:
    """Return those of `fields` that may be written down: allowed names with plain values.

    A value that is no text, number or truth value is replaced by the name of its type, and a text
    is cut after 8,192 characters.
    """
    return {name: _plain(value) for name, value in fields.items() if name in names}


def short(text: str) -> str:
    """Return the text, cut after 8,192 characters."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _plain(value: object) -> object:
    if isinstance(value, str):
        return short(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return f"<{type(value).__name__}>"
