"""Which networks there are, how to run one, how to get one. Tables and pages are unknown here."""
