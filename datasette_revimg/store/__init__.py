"""Everything that lasts, and every line of SQL; one transaction for each batch."""
