"""Evidence to a prompt to an answer with citations."""
