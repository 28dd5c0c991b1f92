"""How good the search is on one's own pictures: recall and precision with known answers."""
