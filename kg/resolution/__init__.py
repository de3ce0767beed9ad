"""Names to entities, wordings to facts. Read resolve.py first: it states the order."""
