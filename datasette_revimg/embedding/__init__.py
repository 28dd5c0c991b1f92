"""Pictures of a table or a folder become vectors in the store.

Stopped at any time, nothing is lost.
"""
