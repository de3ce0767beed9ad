"""Files: written whole or not at all, named by digest, read row by row."""
