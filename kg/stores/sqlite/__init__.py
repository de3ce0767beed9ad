"""The embedded store: one SQLite file, no server. `file.py` makes and opens the file, `store.py` is the store."""
