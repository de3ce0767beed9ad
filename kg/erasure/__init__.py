"""What deleted documents leave behind, and how it is removed."""
