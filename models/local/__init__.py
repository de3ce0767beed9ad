"""Models in this process: transformers and sentence-transformers."""
