"""Inventory: knows how many pieces of each product there are, and for whom they are kept."""
