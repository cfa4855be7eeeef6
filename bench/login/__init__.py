"""Whether the time of a refused log-in tells that an address has an account."""
