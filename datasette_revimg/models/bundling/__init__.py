"""The making of the bundled network. Nothing imports this package."""
