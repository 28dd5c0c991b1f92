"""An ornate deck in the manner of the English pattern, 116 × 166 pixels.

The data: ``colours``, ``pips``, ``glyphs`` (letters of the corners) and ``courts`` (who the twelve
figures are). What a figure is made of has a module each, from ``faces`` to ``weapons``.
"""

from .card import draw_card

__all__ = ["draw_card"]
