"""Identity: knows who the shop's users are, lets them in, signs for it, and keeps what was done."""
