"""MINE: facts that a graph keeps."""
