"""The memory-mapped read side of a knowledge base, and search in it."""
