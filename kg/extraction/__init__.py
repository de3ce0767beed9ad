"""Passages to names and facts: by a chat model, a parser or an imported file."""
