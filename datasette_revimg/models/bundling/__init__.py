"""How the bundled network was made. Nothing imports this."""
