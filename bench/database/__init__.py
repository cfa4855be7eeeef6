"""What a read and a commit that lasts cost on SQLite."""
