"""What surrounds a call: who calls, how long, may they, and what is written down about it."""
