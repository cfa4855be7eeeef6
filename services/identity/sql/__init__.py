"""What identity keeps, in SQL that SQLite and PostgreSQL understand alike."""
