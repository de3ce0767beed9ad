"""Questions, and where their answers stand."""
