"""What it costs, on PostgreSQL, that a transaction runs alone."""
