"""Learn a column of a table from the rows that have it, and suggest it for the others."""
