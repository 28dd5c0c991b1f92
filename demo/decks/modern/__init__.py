"""A flat geometric deck, 67 × 91 pixels.

The data: ``colours``, ``pips`` and ``courts`` (who the twelve figures are). What a figure is made
of has a module each, from ``faces`` to ``weapons``.
"""

from .card import draw_card

__all__ = ["draw_card"]
