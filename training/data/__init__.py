"""What adapters learn from."""
