"""How a stream of messages looks over HTTP: one framing a file."""
