"""One file a retriever, and the table of their names."""
