"""The SQL functions for sqlite-utils, which loads this by its entry point."""

import sqlite3

from sqlite_utils import hookimpl

from .search import functions
from .teaching import functions as learnt_functions


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Give every connection of sqlite-utils the functions."""
    functions.register(conn)
    learnt_functions.register(conn)
