"""The page at /docs: the methods that are shown outside, to read and to try."""
