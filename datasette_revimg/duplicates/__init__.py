"""Near duplicates: every pair of similar pictures of a table, and the groups that they form."""
