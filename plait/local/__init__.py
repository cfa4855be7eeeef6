"""`plait up`: the supervisor that starts, watches, restarts and drains a system on one machine."""
