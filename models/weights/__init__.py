"""Bytes of models: found, fetched from pinned wheels, converted once."""
