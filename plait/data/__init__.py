"""A service's own database: transactions, claims on request ids, migrations."""
