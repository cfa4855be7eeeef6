"""The catalog: keeps what the shop sells, and lets everybody list, search and look at it."""
