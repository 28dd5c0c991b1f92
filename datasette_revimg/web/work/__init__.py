"""Work that takes long, and its results: off the event loop, bounded, closed at shutdown."""
