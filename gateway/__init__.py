"""The shop's edge: which services are seen from outside, and with which limits."""
