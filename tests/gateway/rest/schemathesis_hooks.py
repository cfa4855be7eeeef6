"""What schemathesis has to know to send streams and files: loaded by its own process."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return (json.dumps(value) + "\n").encode() if not isinstance(value, bytes) else value


@schemathesis.serializer("*/*")
def anything(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
