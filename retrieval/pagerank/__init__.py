"""Personalised PageRank on numbers alone."""
