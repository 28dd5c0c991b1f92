"""Which rows look most like this? Exact, whichever way."""
