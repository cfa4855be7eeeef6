"""Contracts in, outside API styles out; knows descriptors and no service by name."""
