"""HTTP/2 (RFC 9113) without I/O: bytes in, calls on streams out; no socket, no loop, no clock."""
