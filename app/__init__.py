"""What a person meets: the `graft` command and the few functions behind it (`app.api`)."""
