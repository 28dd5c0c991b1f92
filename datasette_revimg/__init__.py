"""Find similar pictures in SQLite, on the command line and in Datasette.

``embed`` embeds the pictures of a table or of files and folders, ``similar`` returns the rows most
similar to a row, a picture or a vector, and ``connect`` opens a database with the SQL functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import RevimgError

if TYPE_CHECKING:
    from .api import Match, Summary, connect, embed, similar
else:

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used.

        Datasette imports this package at every start, and what has these names imports NumPy.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        """List the public names too that were not used yet."""
        return sorted({*globals(), *__all__})


__version__ = "0.1"

__all__ = ["Match", "RevimgError", "Summary", "__version__", "connect", "embed", "similar"]
