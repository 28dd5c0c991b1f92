"""Turn the pictures of a table or a folder into vectors in the store.

A run can be stopped at any time; finished batches are kept.
"""
