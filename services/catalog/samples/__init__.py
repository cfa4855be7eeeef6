"""The products that a new catalog starts with, and their pictures, drawn by the program."""
