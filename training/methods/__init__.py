"""How weights are added to a base model."""
