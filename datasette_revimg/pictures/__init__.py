"""Bytes become a safe, upright RGB array; arrays become small pictures.

Hostile input stops here.
"""
