"""Figures, from tables alone: each function takes frames and returns a matplotlib figure."""
