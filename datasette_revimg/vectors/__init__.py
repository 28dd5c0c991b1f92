"""Unit vectors and what can be computed from them: numpy only, no input or output."""
