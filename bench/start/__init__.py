"""How long from `make up` to the first 200, and how much memory the whole takes."""
