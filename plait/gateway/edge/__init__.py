"""What stands before every style: identity, limits, headers, and the way bytes come and go."""
