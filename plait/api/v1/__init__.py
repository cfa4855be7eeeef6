"""Generated from protos/plait by `plait generate`."""
