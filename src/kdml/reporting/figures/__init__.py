"""Figures, each a function of tidy data alone: they draw, they compute nothing."""
