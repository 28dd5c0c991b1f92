"""Everything that lasts, and every line of SQL. One transaction a batch."""
