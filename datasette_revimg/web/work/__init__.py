"""What takes long or is kept: off the event loop, bounded, closed at shutdown."""
