"""Unit vectors and what can be computed from them, with numpy alone."""
