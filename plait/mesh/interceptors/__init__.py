"""One concern a file; each is an async context manager around one call."""
