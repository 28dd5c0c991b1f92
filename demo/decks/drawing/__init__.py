"""The pen, the outlines, the fabrics and the layout that both decks are drawn with."""
