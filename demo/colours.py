"""The colours of the two decks."""

from __future__ import annotations

from brush import Colour

# Classic: the few strong colours of a woodcut coloured through stencils.
RED: Colour = "#c8202b"
BLUE: Colour = "#27489c"
GOLD: Colour = "#f7c234"
GREEN: Colour = "#2f7d4f"
BLACK: Colour = "#1b1b24"
WHITE: Colour = "#fffdf5"
AMBER: Colour = "#d98e1b"
STEEL: Colour = "#c9d3de"
GLASS: Colour = "#a9cfe6"
SKIN: Colour = "#fbdcb8"
BLUSH: Colour = "#f4b49a"
LIPS: Colour = "#c2272d"
FLAXEN: Colour = "#f0cf6b"
AUBURN: Colour = "#b4471f"
BROWN: Colour = "#6b3f22"
SILVER: Colour = "#c3c6cf"
RAVEN: Colour = "#3d3d52"

# Modern: muted poster colours on cream; most come as a light and a dark tone.
CREAM: Colour = "#f8eedb"
TEAL: Colour = "#1f9193"
PETROL: Colour = "#125a66"
SAGE: Colour = "#a5cdb6"
MUSTARD: Colour = "#f4bd45"
OCHRE: Colour = "#c98a1e"
ORANGE: Colour = "#f08a3c"
BRICK: Colour = "#d8472f"
ROSE: Colour = "#f2aa9a"
PLUM: Colour = "#7a3468"
LILAC: Colour = "#b9a3cf"
NIGHT: Colour = "#251c38"
CHESTNUT: Colour = "#8a4526"
SAND: Colour = "#e3b54f"
SMOKE: Colour = "#8f8ca3"
