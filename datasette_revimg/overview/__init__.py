"""A whole table at once."""
