"""Reports on communities, written by a chat model on request."""
