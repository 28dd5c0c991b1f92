"""Requests: from an address to a table, a form and parameters, and on to a response."""
