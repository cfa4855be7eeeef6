"""The shop's services, one folder each; none imports another."""
