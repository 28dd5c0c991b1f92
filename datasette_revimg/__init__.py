"""Find similar pictures in SQLite, on the command line and in Datasette."""
