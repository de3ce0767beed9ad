"""How passages, entities and facts read as words."""
