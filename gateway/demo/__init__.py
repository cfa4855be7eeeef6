"""A walk through the shop by its gateway: what `make demo` shows, and checks."""
