"""Retrievers on corpora with gold passages."""
