"""The command `plait`."""
