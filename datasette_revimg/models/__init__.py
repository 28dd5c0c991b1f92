"""The networks: which there are, how to run one, how to get one. Knows no tables or pages."""
