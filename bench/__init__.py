"""One folder a question; each answers it by measuring ours beside the peers in one run."""
